//! What is due: the oldest jobs of a queue; and where there are more of those than are looked at, the oldest of each lane, so
//! that nobody's backlog hides what others wait for.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use super::places::Waiting;
use super::work::Queue;
use crate::clock::Clock;
use crate::db::{Access, Database};

/// Jobs that are looked at by age alone.
const OLDEST: usize = 128;
/// Lanes that are looked at in one go, whether or not something in them is due.
const LANES: usize = 512;

/// The round that the looks at a queue make through its lanes.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// The last lane that was looked at; none when the round begins.
    after: Option<String>,
}

impl Round {
    /// Whether everything that is due was looked at.
    pub(super) fn is_complete(&self) -> bool {
        self.after.is_none()
    }

    /// Jobs that are due. It costs no more the more of them wait in a lane.
    pub(super) async fn look(&mut self, db: &Database, queue: &Queue, now: DateTime<Utc>) -> Result<Vec<Waiting>, DbErr> {
        let sql = "select id, tenant_id, lane, kind, run_at from jobs where queue = $1 and status = 'QUEUED' and run_at <= $2 order by run_at, id limit $3";
        let tx = db.read(Access::Worker).await?;
        let values = [queue.name.into(), now.into(), number(OLDEST).into()];
        let oldest = tx.query_all_raw(db.statement(sql, values)).await?.iter().map(waiting).collect::<Result<Vec<_>, _>>()?;
        if oldest.len() < OLDEST {
            self.after = None;
            return Ok(oldest);
        }
        // Each step leaps to the next lane: however much waits in one, it is one entry of the index.
        let next = |after: &str| format!("(select lane from jobs where queue = $1 and status = 'QUEUED' and lane > {after} order by lane limit 1)");
        let sql = format!(
            "with recursive lanes (lane, number) as (
               select {first}, 1 union all select {next}, number + 1 from lanes where lanes.lane is not null and number <= $4)
             select j.id, j.tenant_id, l.lane, j.kind, j.run_at from lanes l left join jobs j on j.id =
               (select id from jobs where queue = $1 and status = 'QUEUED' and lane = l.lane and run_at <= $2 order by run_at, id limit 1)
             where l.lane is not null",
            first = next("$3"),
            next = next("lanes.lane"),
        );
        let values = [queue.name.into(), now.into(), self.after.take().unwrap_or_default().into(), number(LANES - 1).into()];
        let rows = tx.query_all_raw(db.statement(sql, values)).await?;
        drop(tx);
        let (mut due, mut lanes) = (Vec::with_capacity(rows.len() + OLDEST), Vec::with_capacity(rows.len()));
        for row in &rows {
            lanes.push(row.try_get_by_index::<String>(2)?);
            if row.try_get_by_index::<Option<uuid::Uuid>>(0)?.is_some() {
                due.push(waiting(row)?);
            }
        }
        if lanes.len() >= LANES {
            self.after = lanes.into_iter().max();
        }
        let seen: HashSet<_> = due.iter().map(|job| job.id).collect();
        due.extend(oldest.into_iter().filter(|job| !seen.contains(&job.id)));
        Ok(due)
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn waiting(row: &QueryResult) -> Result<Waiting, DbErr> {
    Ok(Waiting {
        id: row.try_get_by_index(0)?,
        tenant: row.try_get_by_index(1)?,
        lane: row.try_get_by_index(2)?,
        kind: row.try_get_by_index(3)?,
        run_at: row.try_get_by_index(4)?,
    })
}

/// Work that is overdue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobsLag {
    /// Jobs that are due and wait.
    pub due: i64,
    /// How long the oldest of them has been due, in seconds, of those whose lane and tenant have nothing under way: who has more to
    /// do than fits waits for themselves.
    pub seconds: f64,
}

/// What is due and not being worked on.
pub async fn lag(db: &Database, clock: &dyn Clock) -> Result<JobsLag, DbErr> {
    let now = clock.now();
    let tx = db.read(Access::Worker).await?;
    let sql = "select count(*), min(case when (queue, lane) not in (select queue, lane from jobs where status = 'RUNNING')
                 and (tenant_id is null or (queue, tenant_id) not in (select queue, tenant_id from jobs where status = 'RUNNING' and tenant_id is not null))
                 then run_at end)
               from jobs where status = 'QUEUED' and run_at <= $1";
    let Some(row) = tx.query_one_raw(db.statement(sql, [now.into()])).await? else { return Ok(JobsLag { due: 0, seconds: 0.0 }) };
    let oldest: Option<DateTime<Utc>> = row.try_get_by_index(1)?;
    Ok(JobsLag { due: row.try_get_by_index(0)?, seconds: oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0)) })
}
