//! Search text of rows whose line carried only some of its parts: the others are taken from what is known.

use platform::DbErr;
use platform::db::Access;
use sea_orm::{ConnectionTrait, Value};

use super::error::ImportError;
use super::lease::Heartbeat;
use super::scope::Run;
use crate::records::{Completion, PAGE, SEARCH, Shape, completions, parts_of};

/// Completes the search text of all staged rows.
pub(super) async fn complete(run: &Run, heartbeat: &Heartbeat) -> Result<(), ImportError> {
    for completion in completions() {
        complete_table(run, heartbeat, &completion).await?;
    }
    Ok(())
}

async fn complete_table(run: &Run, heartbeat: &Heartbeat, completion: &Completion) -> Result<(), ImportError> {
    let mut from = 0;
    loop {
        heartbeat.check()?;
        let page = page_of(run, &completion.select.replace("{from}", &from.to_string())).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        from = *last;
        let texts: Vec<(i64, String)> = page.iter().map(|(line, parts)| (*line, completion.text_of(parts))).collect();
        write(run, completion.shape, &texts).await?;
        if texts.len() < PAGE {
            return Ok(());
        }
    }
}

async fn page_of(run: &Run, select: &str) -> Result<Vec<(i64, Vec<Option<String>>)>, DbErr> {
    let tx = run.db.read(run.access()).await?;
    if !run.is_sqlite() {
        run.execute(&tx, "set local enable_nestloop = off").await?;
    }
    let rows = tx.query_all_raw(run.db.statement(run.fill(select), [])).await?;
    rows.iter().map(parts_of).collect()
}

async fn write(run: &Run, shape: &Shape, texts: &[(i64, String)]) -> Result<(), DbErr> {
    let tx = run.db.write(Access::Import).await?;
    let (source, values): (&str, Vec<Value>) = if run.is_sqlite() {
        let json = serde_json::to_string(texts).unwrap_or_default();
        ("(select json_extract(value, '$[0]') as line, json_extract(value, '$[1]') as text from json_each($1)) u", vec![json.into()])
    } else {
        let (lines, texts): (Vec<i64>, Vec<String>) = texts.iter().cloned().unzip();
        ("unnest($1::bigint[], $2::text[]) as u (line, text)", vec![lines.into(), texts.into()])
    };
    let sql = format!(
        "update {} as s set search_text = u.text, carried = s.carried | {} from {source} where s.run_id = {{run}} and s.line = u.line",
        shape.staged,
        shape.bit(SEARCH)
    );
    tx.execute_raw(run.db.statement(run.fill(&sql), values)).await?;
    tx.commit().await
}
