//! The rules about syncs: who may ask for one, what is said before it begins, and how it is stopped.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entities::{EventType, StoreId, StoreStatus, SyncKind, SyncRunId, SyncStatus, TenantId};
use integrations::ports::shop::{DataKind, Reach};
use integrations::registry::ShopSystems;
use people::validation::{Problem, invalid};
use platform::callers::Action;
use platform::callers::actions::{ManageStores, ReadStores, SyncStores};
use platform::db::List;
use platform::idempotency::{Attempt, attempt};
use platform::jobs::{NewJob, enqueue, hasten};
use platform::{Change, DbErr, OpCtx, Permit, Trace, Tx};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use serde_json::json;

use super::error::SyncError;
use super::jobs::{STEP, Work};
use super::row::SyncRunRow;
use super::settings::{self, SyncSettings, SyncSettingsChanges};
use super::store::{self, At, NewRun};
use super::tell::tell;
use crate::stores::StoreRow;

/// A sync that is asked for.
#[derive(Clone, Debug, Serialize)]
pub struct NewSync {
    /// The store.
    pub store: StoreId,
    /// What it brings.
    pub kind: SyncKind,
    /// Orders from then on, in place of the store's setting; for full runs.
    pub from: Option<DateTime<Utc>>,
    /// Orders before then; for full runs.
    pub until: Option<DateTime<Utc>>,
    /// Refuse what the app's scopes keep a part of, in place of a warning.
    pub whole: bool,
}

/// Syncs.
#[derive(Clone)]
pub struct Syncs {
    systems: ShopSystems,
}

impl Syncs {
    /// Syncs of the shops of these systems.
    pub fn new(systems: ShopSystems) -> Self {
        Self { systems }
    }

    /// Asks for a sync. Repeated under the same idempotency key, it answers with the same run, as it is by then.
    pub async fn begin(&self, ctx: &OpCtx, input: NewSync, idempotency_key: Option<&str>) -> Result<SyncRunRow, SyncError> {
        let permit = ctx.authorize::<SyncStores>()?;
        if input.kind != SyncKind::Full && (input.from.is_some() || input.until.is_some()) {
            return Err(invalid(if input.from.is_some() { "from" } else { "until" }, Problem::NotAllowed).into());
        }
        let seconds = |at: Option<DateTime<Utc>>| at.and_then(|at| at.duration_trunc(TimeDelta::seconds(1)).ok());
        let (from, until) = (seconds(input.from), seconds(input.until));
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            return Err(invalid("until", Problem::Unknown("must be after `from`".to_owned())).into());
        }
        let tx = ctx.writer().await?;
        let claim = match attempt(ctx, &tx, "storeSync", idempotency_key, &input).await? {
            Attempt::Repeat(subject) => {
                let id = subject.parse::<SyncRunId>().map_err(|_| DbErr::Custom("an idempotency key without its run".into()))?;
                return written(&tx, &permit, id).await;
            }
            Attempt::New(claim) => claim,
        };
        // Held, so that nobody pauses it meanwhile.
        let store = List::<StoreRow, _>::new(&tx, &permit).by_ids_locked(&[input.store.uuid()]).await?.pop().ok_or(SyncError::NotFound("store"))?;
        if store.status != StoreStatus::Active {
            return Err(SyncError::StoreNotReady(format!("it is {}", store.status)));
        }
        let settings = settings::of(&tx, store.tenant_id, store.id).await?;
        let from = from.or_else(|| first_of(&settings, ctx.now()).filter(|_| input.kind == SyncKind::Full));
        let warnings = self.warnings(&store, input.kind, from, ctx.now());
        if let Some(warning) = warnings.first().filter(|_| input.whole) {
            return Err(SyncError::OutOfReach(warning["message"].as_str().unwrap_or_default().to_owned()));
        }
        let at = At { tenant: store.tenant_id, store: store.id, run: ctx.new_id() };
        if input.kind != SyncKind::Full && store::checkpoint(&tx, at, DataKind::Orders.as_str()).await?.is_none() {
            return Err(SyncError::NothingYet);
        }
        let new = NewRun { kind: input.kind, from, until, archived: settings.archived, warnings: json!(warnings) };
        let Some(row) = insert(&tx, &ctx.trace(), at, &new).await? else {
            let other = store::under_way(&tx, at.tenant, at.store).await?.into_iter().find(|run| run.kind == input.kind);
            return Err(SyncError::UnderWay(other.map(|run| run.id.to_string()).unwrap_or_default()));
        };
        if let Some(claim) = claim {
            claim.done(&tx, row.id).await?;
        }
        ctx.commit(tx, Change::new("storeSync", at.tenant).subject(row.id).after(&row)).await?;
        Ok(row)
    }

    /// What is to be known before a run begins.
    fn warnings(&self, store: &StoreRow, kind: SyncKind, from: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Vec<serde_json::Value> {
        let granted: Vec<String> = serde_json::from_value(store.scopes.clone()).unwrap_or_default();
        let limit = self.systems.of(&store.provider).and_then(|system| system.reach(DataKind::Orders, &granted));
        let is_beyond = |reach: &Reach| kind == SyncKind::Full && from.is_none_or(|from| now - from > TimeDelta::days(reach.days.into()));
        limit.filter(is_beyond).map(out_of_reach).into_iter().collect()
    }

    /// Stops a run. What it has written stays, and nothing more is written.
    pub async fn cancel(&self, ctx: &OpCtx, id: SyncRunId) -> Result<SyncRunRow, SyncError> {
        let permit = ctx.authorize::<SyncStores>()?;
        let tx = ctx.writer().await?;
        let before = List::<SyncRunRow, _>::new(&tx, &permit).by_ids_locked(&[id.uuid()]).await?.pop().ok_or(SyncError::NotFound("sync run"))?;
        let at = At { tenant: before.tenant_id, store: before.store_id, run: id };
        let row = store::end(&tx, &ctx.trace(), at, SyncStatus::Cancelled, Some("it was cancelled")).await?.ok_or(SyncError::Over)?;
        hasten(&tx, &ctx.trace(), STEP, &[id.to_string()]).await?;
        ctx.commit(tx, Change::new("syncCancel", at.tenant).subject(id).before(&before).after(&row)).await?;
        Ok(row)
    }

    /// A run, if it is the caller's.
    pub async fn find(&self, ctx: &OpCtx, id: SyncRunId) -> Result<Option<SyncRunRow>, SyncError> {
        let permit = ctx.authorize::<ReadStores>()?;
        let tx = ctx.reader().await?;
        Ok(List::<SyncRunRow, _>::new(&tx, &permit).by_ids(&[id.uuid()]).await?.pop())
    }

    /// What of a store is synced, and how often.
    pub async fn settings(&self, ctx: &OpCtx, store: StoreId) -> Result<Option<SyncSettings>, SyncError> {
        let permit = ctx.authorize::<ReadStores>()?;
        let tx = ctx.reader().await?;
        match List::<StoreRow, _>::new(&tx, &permit).by_ids(&[store.uuid()]).await?.pop() {
            Some(row) => Ok(Some(settings::of(&tx, row.tenant_id, row.id).await?)),
            None => Ok(None),
        }
    }

    /// Changes what of a store is synced, and how often.
    pub async fn update_settings(&self, ctx: &OpCtx, store: StoreId, changes: SyncSettingsChanges) -> Result<SyncSettings, SyncError> {
        let permit = ctx.authorize::<ManageStores>()?;
        let tx = ctx.writer().await?;
        let row = store_of(&tx, &permit, store).await?;
        let before = settings::of(&tx, row.tenant_id, row.id).await?;
        let after = before.clone().with(&changes, ctx.now())?;
        settings::save(&tx, row.tenant_id, &after, ctx.now()).await?;
        let change = Change::new("storeSyncSettingsUpdate", row.tenant_id).subject(store).before(&before).after(&after);
        ctx.commit(tx, change.announce(EventType::StoreUpdated, "storeId")).await?;
        Ok(after)
    }
}

/// The code of that warning.
pub(super) const ORDERS_OUT_OF_REACH: &str = "ORDERS_OUT_OF_REACH";

/// What is said when a part of the orders is kept from the app.
pub(super) fn out_of_reach(Reach { days, scope }: Reach) -> serde_json::Value {
    let message =
        format!("Orders older than {days} days are kept from the app: the scope {scope} is not granted. They are neither fetched nor taken for deleted.");
    json!({ "code": ORDERS_OUT_OF_REACH, "message": message })
}

/// The first instant of which orders are asked for, by a store's settings.
fn first_of(settings: &SyncSettings, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let months = u32::try_from(settings.years_back?).ok()?.checked_mul(12)?;
    now.checked_sub_months(chrono::Months::new(months))?.duration_trunc(TimeDelta::days(1)).ok()
}

async fn store_of<A: Action>(tx: &Tx, permit: &Permit<A>, store: StoreId) -> Result<StoreRow, SyncError> {
    List::<StoreRow, _>::new(tx, permit).by_ids(&[store.uuid()]).await?.pop().ok_or(SyncError::NotFound("store"))
}

async fn written(tx: &Tx, permit: &Permit<SyncStores>, id: SyncRunId) -> Result<SyncRunRow, SyncError> {
    List::<SyncRunRow, _>::new(tx, permit).by_ids(&[id.uuid()]).await?.pop().ok_or(SyncError::NotFound("sync run"))
}

/// Writes a run with the job that works on it; none when one of its kind is under way.
pub(super) async fn insert(tx: &Tx, trace: &Trace, at: At, new: &NewRun) -> Result<Option<SyncRunRow>, DbErr> {
    if !store::insert(tx, at, new, trace.now()).await? {
        return Ok(None);
    }
    let row = store::run(tx, at.tenant, at.run).await?.ok_or(DbErr::RecordNotInserted)?;
    tell(tx, trace, EventType::SyncStarted, &row).await?;
    enqueue(tx, trace, job(at)).await?;
    Ok(Some(row))
}

/// The job that works on a run.
pub(super) fn job(at: At) -> NewJob {
    let work = Work { store_id: at.store, sync_run_id: at.run };
    NewJob::new(STEP, Some(at.tenant), json!(work)).unique(at.run).in_lane(at.store)
}

/// Has a store synced, in the transaction that makes it necessary; none when a run of this kind is under way.
pub(super) async fn request(tx: &Tx, trace: &Trace, tenant: TenantId, store: StoreId, kind: SyncKind) -> Result<Option<SyncRunId>, DbErr> {
    let settings = settings::of(tx, tenant, store).await?;
    let from = first_of(&settings, trace.now()).filter(|_| kind == SyncKind::Full);
    let at = At { tenant, store, run: trace.new_id() };
    let new = NewRun { kind, from, until: None, archived: settings.archived, warnings: json!([]) };
    Ok(insert(tx, trace, at, &new).await?.map(|row| row.id))
}

/// Has everything fetched from a store that was installed at this time, unless that was asked for since.
pub async fn request_first(tx: &Tx, trace: &Trace, tenant: TenantId, store: StoreId, installed_at: DateTime<Utc>) -> Result<Option<SyncRunId>, DbErr> {
    if store::asked_since(tx, tenant, store, SyncKind::Full, installed_at).await? {
        return Ok(None);
    }
    request(tx, trace, tenant, store, SyncKind::Full).await
}

/// Ends all runs of a store, as when the app was removed from its shop; which there were.
pub async fn stop_all(tx: &Tx, trace: &Trace, tenant: TenantId, store: StoreId, why: &str) -> Result<Vec<SyncRunId>, DbErr> {
    let runs = store::under_way(tx, tenant, store).await?;
    for run in &runs {
        let at = At { tenant, store, run: run.id };
        store::end(tx, trace, at, SyncStatus::Cancelled, Some(why)).await?;
    }
    Ok(runs.into_iter().map(|run| run.id).collect())
}

/// An export has come to its end: the run that waits for it looks at once, and asks the shop itself how it stands. Whether there is one.
pub(crate) async fn export_ended(tx: &Tx, trace: &Trace, tenant: TenantId, store: StoreId, export: &str) -> Result<bool, DbErr> {
    let sql = "select r.id from sync_slices s join sync_runs r on r.tenant_id = s.tenant_id and r.id = s.run_id
               where s.tenant_id = $1 and s.export_id = $2 and s.status = 'UNDER_WAY' and r.store_id = $3 and r.status in ('QUEUED', 'RUNNING')";
    let rows = tx.query_all_raw(store::statement(tx, sql, [tenant.into(), export.into(), store.into()])).await?;
    let runs = rows.iter().map(|row| Ok(row.try_get_by_index::<SyncRunId>(0)?.to_string())).collect::<Result<Vec<_>, DbErr>>()?;
    if !runs.is_empty() {
        hasten(tx, trace, STEP, &runs).await?;
    }
    Ok(!runs.is_empty())
}
