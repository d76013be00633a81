//! Claiming jobs, keeping them, and taking over those of processes that died.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entities::JobId;
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::settle::{self, Ending};
use super::work::{JobKind, Queue, Running};
use crate::clock::{Clock, Ids};
use crate::db::{Access, Database, in_list, is_sqlite};

/// How long a claim is good without being renewed.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often claims are renewed, and those of the dead are looked for.
pub(super) const BEAT: Duration = Duration::from_secs(10);
/// Orphans that are looked at in one go.
const ORPHANS: i64 = 200;

/// The kinds of work that this process knows.
pub(super) type Kinds = HashMap<&'static str, &'static JobKind>;

/// Takes up to `limit` due jobs of a queue, those that have waited longest first. Each counts as an attempt from now on.
pub(super) async fn claim(db: &Database, clock: &Arc<dyn Clock>, queue: &Queue, kinds: &Kinds, limit: usize) -> Result<Vec<Running>, DbErr> {
    let now = clock.now();
    if is_sqlite(db.backend()) && !is_due(db, queue, now).await? {
        // Looking does not take the one writer's place.
        return Ok(Vec::new());
    }
    let lease: Uuid = Ids::new(clock.clone()).next();
    let skip = if is_sqlite(db.backend()) { "" } else { "for update skip locked" };
    let sql = format!(
        "update jobs set status = 'RUNNING', attempts = attempts + 1, lease = $1, lease_until = $2, started_at = $3, updated_at = $3
         where id in (select id from jobs where queue = $4 and status = 'QUEUED' and run_at <= $3 order by run_at, id limit $5 {skip})
         returning id, tenant_id, kind, payload, attempts, max_attempts, created_at"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let tx = db.write(Access::Worker).await?;
    let rows = tx.query_all_raw(db.statement(sql, [lease.into(), (now + LEASE).into(), now.into(), queue.name.into(), limit.into()])).await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let id: JobId = row.try_get_by_index(0)?;
        let name: String = row.try_get_by_index(2)?;
        let Some(kind) = kinds.get(name.as_str()) else {
            // Another version of the program may know it.
            settle::put_back(&tx, id, lease, now + TimeDelta::minutes(1), "this version of the program does not know this kind of job").await?;
            continue;
        };
        claimed.push(Running {
            id,
            tenant: row.try_get_by_index(1)?,
            payload: row.try_get_by_index(3)?,
            attempt: row.try_get_by_index::<i32>(4)?.unsigned_abs(),
            max_attempts: row.try_get_by_index::<i32>(5)?.unsigned_abs(),
            created_at: row.try_get_by_index(6)?,
            kind,
            lease,
            db: db.clone(),
            clock: clock.clone(),
            settled: AtomicBool::new(false),
        });
    }
    tx.commit().await?;
    claimed.sort_by_key(|job| job.id);
    Ok(claimed)
}

async fn is_due(db: &Database, queue: &Queue, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let tx = db.read(Access::Worker).await?;
    let sql = "select 1 from jobs where queue = $1 and status = 'QUEUED' and run_at <= $2 limit 1";
    Ok(tx.query_one_raw(db.statement(sql, [queue.name.into(), now.into()])).await?.is_some())
}

/// Renews the leases of the jobs that this process works on, and gives back those that are its own no more.
pub(super) async fn renew(db: &Database, now: DateTime<Utc>, mine: &[(JobId, Uuid)]) -> Result<Vec<JobId>, DbErr> {
    if mine.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = mine.iter().map(|(id, _)| id.uuid()).collect();
    let leases: Vec<Uuid> = mine.iter().map(|(_, lease)| *lease).collect();
    let ((of_ids, ids), (of_leases, leases)) = (in_list(db.backend(), "id", 2, &ids), in_list(db.backend(), "lease", 3, &leases));
    let sql = format!("update jobs set lease_until = $1 where status = 'RUNNING' and {of_ids} and {of_leases} returning id");
    let tx = db.write(Access::Worker).await?;
    let rows = tx.query_all_raw(db.statement(sql, [(now + LEASE).into(), ids, leases])).await?;
    let kept = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<JobId>, _>>()?;
    tx.commit().await?;
    Ok(mine.iter().map(|(id, _)| *id).filter(|id| !kept.contains(id)).collect())
}

/// Puts back what processes that died were working on; what has had all its attempts has failed.
pub(super) async fn adopt_orphans(db: &Database, clock: &Arc<dyn Clock>) -> Result<usize, DbErr> {
    let now = clock.now();
    let sql = "select id, lease, attempts, max_attempts from jobs where status = 'RUNNING' and lease_until < $1 order by lease_until limit $2";
    let tx = db.read(Access::Worker).await?;
    let rows = tx.query_all_raw(db.statement(sql, [now.into(), ORPHANS.into()])).await?;
    drop(tx);
    for row in &rows {
        let (id, lease): (JobId, Uuid) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let (attempts, most): (i32, i32) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        let why = "the process that worked on it died".to_owned();
        let ending = if attempts < most { Ending::Again(now, why) } else { Ending::Failed(why) };
        let tx = db.write(Access::Worker).await?;
        settle::end(&tx, clock, id, lease, ending, Some(now)).await?;
        tx.commit().await?;
    }
    Ok(rows.len())
}

/// Work that is overdue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JobsLag {
    /// Jobs that are due and wait.
    pub due: i64,
    /// How long the oldest of them has been due, in seconds.
    pub seconds: f64,
}

/// What is due and not being worked on.
pub async fn lag(db: &Database, clock: &dyn Clock) -> Result<JobsLag, DbErr> {
    let now = clock.now();
    let tx = db.read(Access::Worker).await?;
    let sql = "select count(*), min(run_at) from jobs where status = 'QUEUED' and run_at <= $1";
    let Some(row) = tx.query_one_raw(db.statement(sql, [now.into()])).await? else { return Ok(JobsLag { due: 0, seconds: 0.0 }) };
    let oldest: Option<DateTime<Utc>> = row.try_get_by_index(1)?;
    Ok(JobsLag { due: row.try_get_by_index(0)?, seconds: oldest.map_or(0.0, |oldest| (now - oldest).as_seconds_f64().max(0.0)) })
}
