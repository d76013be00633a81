//! Claiming jobs, keeping them, and taking over those of processes that died.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entities::{JobId, TenantId};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::look::Round;
use super::places::{Place, Places};
use super::settle::{self, Ending};
use super::work::{Running, Worker};
use crate::clock::{Clock, Ids};
use crate::db::{Access, Database, in_list, is_sqlite};

/// How long a claim is good without being renewed.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often claims are renewed, and those of the dead are looked for.
pub(super) const BEAT: Duration = Duration::from_secs(10);
/// Orphans that are looked at in one go.
const ORPHANS: i64 = 200;

/// Who does which kind of work in this process.
pub(super) type Workers = HashMap<&'static str, Arc<dyn Worker>>;

/// What came of looking for jobs.
#[derive(Default)]
pub(super) struct Claimed {
    /// They are this process's now, each with its place.
    pub(super) jobs: Vec<(Running, Place)>,
    /// Some that are due found no room.
    pub(super) crowded: bool,
    /// There may be others that were not looked at, or that somebody else was about to take.
    pub(super) again: bool,
}

/// Takes due jobs for as many places as are free. Each counts as an attempt from now on.
pub(super) async fn claim(db: &Database, clock: &Arc<dyn Clock>, places: &Places, workers: &Workers, round: &mut Round) -> Result<Claimed, DbErr> {
    let now = clock.now();
    // Looking does not take the one writer's place, and locks nothing.
    let due = round.look(db, places.queue(), now).await?;
    let seen = due.len();
    let chosen = places.choose(due, |job| workers.get(job.kind.as_str()).map_or(usize::MAX, |worker| worker.room_in(&job.lane)));
    if chosen.is_empty() {
        return Ok(Claimed { jobs: Vec::new(), crowded: seen > 0, again: !round.is_complete() });
    }
    let lease: Uuid = Ids::new(clock.clone()).next();
    let skip = if is_sqlite(db.backend()) { "" } else { "for update skip locked" };
    let (of_ids, ids) = in_list(db.backend(), "id", 4, &chosen.iter().map(|id| id.uuid()).collect::<Vec<_>>());
    let sql = format!(
        "update jobs set status = 'RUNNING', attempts = attempts + 1, lease = $1, lease_until = $2, started_at = $3, updated_at = $3
         where id in (select id from jobs where {of_ids} and status = 'QUEUED' and run_at <= $3 {skip})
         returning id, tenant_id, kind, payload, attempts, max_attempts, created_at, lane"
    );
    let tx = db.write(Access::Worker).await?;
    let rows = tx.query_all_raw(db.statement(sql, [lease.into(), (now + LEASE).into(), now.into(), ids])).await?;
    let (taken, mut jobs) = (rows.len(), Vec::with_capacity(rows.len()));
    for row in rows {
        let (id, tenant): (JobId, Option<TenantId>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let name: String = row.try_get_by_index(2)?;
        let Some(worker) = workers.get(name.as_str()) else {
            // Another version of the program may know it.
            settle::put_back(&tx, id, lease, now + TimeDelta::minutes(1), "this version of the program does not know this kind of job").await?;
            continue;
        };
        let job = Running {
            id,
            tenant,
            payload: row.try_get_by_index(3)?,
            attempt: row.try_get_by_index::<i32>(4)?.unsigned_abs(),
            max_attempts: row.try_get_by_index::<i32>(5)?.unsigned_abs(),
            created_at: row.try_get_by_index(6)?,
            kind: worker.kind(),
            lease,
            db: db.clone(),
            clock: clock.clone(),
            settled: AtomicBool::new(false),
        };
        jobs.push((job, places.take(tenant, row.try_get_by_index(7)?)));
    }
    tx.commit().await?;
    jobs.sort_by_key(|(job, _)| job.id);
    Ok(Claimed { jobs, crowded: seen > taken, again: taken < chosen.len() || !round.is_complete() })
}

/// Renews the leases of the jobs that this process works on, and gives back those that are its own no more.
pub(super) async fn renew(db: &Database, now: DateTime<Utc>, mine: &[(JobId, Uuid)]) -> Result<Vec<(JobId, Uuid)>, DbErr> {
    if mine.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = mine.iter().map(|(id, _)| id.uuid()).collect();
    let leases: Vec<Uuid> = mine.iter().map(|(_, lease)| *lease).collect();
    let ((of_ids, ids), (of_leases, leases)) = (in_list(db.backend(), "id", 2, &ids), in_list(db.backend(), "lease", 3, &leases));
    let sql = format!("update jobs set lease_until = $1 where status = 'RUNNING' and {of_ids} and {of_leases} returning id, lease");
    let tx = db.write(Access::Worker).await?;
    let rows = tx.query_all_raw(db.statement(sql, [(now + LEASE).into(), ids, leases])).await?;
    let kept = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect::<Result<HashSet<(JobId, Uuid)>, DbErr>>()?;
    tx.commit().await?;
    Ok(mine.iter().copied().filter(|held| !kept.contains(held)).collect())
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
