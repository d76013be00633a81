//! Between reading and merging: repeated lines, children without their parents, and the list of what is rejected.

use chrono::{DateTime, Utc};
use integrations::ports::commerce::RecordKind;
use platform::DbErr;
use sea_orm::ConnectionTrait;

use super::error::ImportError;
use super::receipt::{LISTED_REJECTIONS, Receipt, Rejection};
use super::scope::Run;
use super::slices::{SLICE, each_slice};
use crate::records::OWN_LINE;
use crate::records::{REJECTIONS, SHAPES, Shape, shape};

/// Of several lines about one thing the last one counts, and a line of its own more than a place inside of another.
fn repeated(shape: &Shape, sqlite: bool) -> String {
    let staged = shape.staged;
    if sqlite {
        return format!(
            "delete from {staged} as s where s.run_id = {{run}}{SLICE} and exists (select 1 from {staged} d
             where d.run_id = {{run}} and d.external_id = s.external_id and d.line + (d.carried & {OWN_LINE}) > s.line + (s.carried & {OWN_LINE}))"
        );
    }
    format!(
        "delete from {staged} s using (select external_id, max(line + (carried & {OWN_LINE})) as keep from {staged} where run_id = {{run}} group by external_id having count(*) > 1) d
         where s.run_id = {{run}} and s.external_id = d.external_id and s.line + (s.carried & {OWN_LINE}) <> d.keep"
    )
}

/// Children that came with an earlier reading of their parent, which may not have them any more. Where pages are read, parents come before
/// their children.
fn outdated(child: &Shape, parent: &Shape) -> String {
    format!(
        "delete from {} as s where s.run_id = {{run}} and exists (select 1 from {} p where p.run_id = {{run}} and p.external_id = s.parent_external_id and p.line > s.line)",
        child.staged, parent.staged
    )
}

fn has_no_parent(parent: &Shape) -> String {
    format!("not exists (select 1 from {} p where p.run_id = {{run}} and p.external_id = s.parent_external_id)", parent.staged)
}

fn was_rejected(parent: &Shape, sqlite: bool) -> String {
    let parent_kind = parent.kind.as_str();
    // A hashed list on one side, an index on the other: neither is looked through once a row.
    if sqlite {
        format!("exists (select 1 from {REJECTIONS} r where r.run_id = {{run}} and r.external_id = s.parent_external_id and r.kind = '{parent_kind}')")
    } else {
        format!(
            "s.parent_external_id in (select r.external_id from {REJECTIONS} r where r.run_id = {{run}} and r.kind = '{parent_kind}' and r.external_id is not null)"
        )
    }
}

fn reject_orphans(shape: &Shape, parent: &Shape, sqlite: bool) -> String {
    let word = parent.kind.as_str().to_ascii_lowercase();
    format!(
        "insert into {REJECTIONS} (run_id, tenant_id, line, kind, external_id, reason)
         select s.run_id, s.tenant_id, s.line, '{}', s.external_id,
           case when {was_rejected} then 'its {word} ' || s.parent_external_id || ' was rejected' else 'its {word} ' || s.parent_external_id || ' is not in the file' end
         from {} s where s.run_id = {{run}}{} and {}",
        shape.kind.as_str(),
        shape.staged,
        if sqlite { SLICE } else { "" },
        has_no_parent(parent),
        was_rejected = was_rejected(parent, sqlite),
    )
}

/// Children whose parent is nowhere in the file.
fn count_orphans(shape: &Shape, parent: &Shape, sqlite: bool) -> String {
    format!("select count(*) from {} s where s.run_id = {{run}} and {} and not {}", shape.staged, has_no_parent(parent), was_rejected(parent, sqlite))
}

fn drop_orphans(shape: &Shape, parent: &Shape, sqlite: bool) -> String {
    format!("delete from {} as s where s.run_id = {{run}}{} and {}", shape.staged, if sqlite { SLICE } else { "" }, has_no_parent(parent))
}

/// Settles the staged rows: each thing once, each child with its parent; how many had none in all the file.
pub(super) async fn settle(run: &Run, lines: u64, paged: bool) -> Result<u64, ImportError> {
    let mut orphans = 0;
    if run.is_sqlite() {
        for shape in SHAPES {
            each_slice(run, lines, &[&repeated(shape, true)]).await?;
        }
        for (child, parent) in families() {
            if paged {
                let tx = run.staging().await?;
                run.execute(&tx, &outdated(child, parent)).await?;
                tx.commit().await?;
            }
            if each_slice(run, lines, &[&reject_orphans(child, parent, true)]).await? > 0 {
                let tx = run.db.read(run.access()).await?;
                orphans += run.number(&tx, &count_orphans(child, parent, true)).await?;
                drop(tx);
                each_slice(run, lines, &[&drop_orphans(child, parent, true)]).await?;
            }
        }
        return Ok(u64::try_from(orphans).unwrap_or(0));
    }
    let tx = run.staging().await?;
    for shape in SHAPES {
        // Nothing is known yet about rows that have just come.
        run.execute(&tx, &format!("analyze {}", shape.staged)).await?;
        run.execute(&tx, &repeated(shape, false)).await?;
    }
    for (child, parent) in families() {
        if paged {
            run.execute(&tx, &outdated(child, parent)).await?;
        }
        if run.execute(&tx, &reject_orphans(child, parent, false)).await? > 0 {
            orphans += run.number(&tx, &count_orphans(child, parent, false)).await?;
            run.execute(&tx, &drop_orphans(child, parent, false)).await?;
        }
    }
    tx.commit().await?;
    Ok(u64::try_from(orphans).unwrap_or(0))
}

fn families() -> impl Iterator<Item = (&'static Shape, &'static Shape)> {
    SHAPES.into_iter().filter_map(|child| child.parent.map(|parent| (child, shape(parent))))
}

/// Writes into the receipt what is rejected.
pub(super) async fn count_rejections(run: &Run, receipt: &mut Receipt) -> Result<(), DbErr> {
    let tx = run.db.read(platform::db::Access::Tenant(run.tenant)).await?;
    let sql = run.fill(&format!("select kind, count(*) from {REJECTIONS} where run_id = {{run}} group by kind"));
    for row in tx.query_all_raw(run.db.statement(sql, [])).await? {
        let count = u64::try_from(row.try_get_by_index::<i64>(1)?).unwrap_or(0);
        receipt.rejected += count;
        if let Some(kind) = kind_of(&row.try_get_by_index::<String>(0)?) {
            receipt.of_mut(kind).rejected = count;
        }
    }
    let sql = run.fill(&format!("select line, kind, external_id, reason from {REJECTIONS} where run_id = {{run}} order by line limit {LISTED_REJECTIONS}"));
    for row in tx.query_all_raw(run.db.statement(sql, [])).await? {
        receipt.rejections.push(Rejection {
            line: u64::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(0),
            kind: kind_of(&row.try_get_by_index::<String>(1)?),
            external_id: row.try_get_by_index(2)?,
            reason: row.try_get_by_index(3)?,
        });
    }
    Ok(())
}

fn kind_of(text: &str) -> Option<RecordKind> {
    RecordKind::ALL.into_iter().find(|kind| kind.as_str() == text)
}

/// How many rows of each kind are to be merged, and as of when the file is.
pub(super) async fn measure(run: &mut Run) -> Result<[u64; SHAPES.len()], DbErr> {
    let tx = run.db.read(run.access()).await?;
    let mut counts = [0; SHAPES.len()];
    for (count, shape) in counts.iter_mut().zip(SHAPES) {
        let number = run.number(&tx, &format!("select count(*) from {} where run_id = {{run}}", shape.staged)).await?;
        *count = u64::try_from(number).unwrap_or(0);
    }
    let sql = run.fill("select max(updated_at) from staged_orders where run_id = {run}");
    let latest: Option<DateTime<Utc>> = match tx.query_one_raw(run.db.statement(sql, [])).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => None,
    };
    // An order may have changed while the shop wrote the file; what other orders say in it is no younger for that.
    run.as_of = latest.map(|latest| run.read_at.map_or(latest, |read_at| latest.min(read_at)));
    Ok(counts)
}
