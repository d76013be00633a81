//! SQLite: rows come in slices, invisible until the run is done; then one short transaction changes what is known and shows all.

use super::error::ImportError;
use super::lease;
use super::merge::{finish, mark_vanished};
use super::pace::Pace;
use super::receipt::Receipt;
use super::scope::Run;
use crate::records::{LINK_ORDERS, SHAPES, Shape};

/// Limits a statement to the staged rows of some lines.
pub(super) const SLICE: &str = " and s.line > {from} and s.line <= {to}";
/// Limits a statement to the staged rows that were found to differ.
const CHANGED: &str = " and s.line in (select h.line from staged_changes h where h.run_id = {run} and h.kind = '{kind}')";

/// Runs statements over all lines, a short transaction for each slice; how many rows they touched.
pub(super) async fn each_slice(run: &Run, lines: u64, statements: &[&str]) -> Result<u64, ImportError> {
    let (mut pace, mut from, mut touched) = (Pace::new(), 0, 0);
    while from < lines {
        let to = from + pace.size();
        let tx = run.db.write(run.access()).await?;
        pace.begin();
        lease::renew(run, &tx, run.clock.now()).await?;
        for statement in statements {
            touched += run.execute(&tx, &limited(statement, from, to)).await?;
        }
        tx.commit().await?;
        pace.rest().await;
        from = to;
    }
    Ok(touched)
}

/// The statement for the lines after `from` up to `to`.
pub(super) fn limited(statement: &str, from: u64, to: u64) -> String {
    statement.replace("{from}", &from.to_string()).replace("{to}", &to.to_string())
}

fn note_changes(shape: &Shape) -> String {
    format!("insert into staged_changes (run_id, kind, line) select {{run}}, '{}', x.line from ({}) x", shape.kind.as_str(), shape.changed_lines(SLICE))
}

/// Merges the staged rows and ends the run.
pub(super) async fn merge(run: &Run, lines: u64, staged: &[u64], receipt: &mut Receipt) -> Result<(), ImportError> {
    for (shape, staged) in SHAPES.into_iter().zip(staged) {
        if *staged > 0 {
            // What differs is looked for before the new rows come, which need not be compared.
            each_slice(run, lines, &[&note_changes(shape)]).await?;
            receipt.of_mut(shape.kind).created = each_slice(run, lines, &[&shape.insert(SLICE, "")]).await?;
        }
    }
    let tx = run.db.write(run.access()).await?;
    for (shape, staged) in SHAPES.into_iter().zip(staged) {
        let changed = CHANGED.replace("{kind}", shape.kind.as_str());
        let updated = if *staged > 0 { run.execute(&tx, &shape.update(&changed)).await? } else { 0 };
        let counts = receipt.of_mut(shape.kind);
        counts.updated = updated;
        counts.unchanged = staged.saturating_sub(counts.created + updated);
    }
    if receipt.customers.created > 0 {
        receipt.orders_linked = run.execute(&tx, LINK_ORDERS).await?;
    }
    mark_vanished(run, &tx, staged, receipt).await?;
    finish(run, &tx, receipt).await?;
    Ok(tx.commit().await?)
}
