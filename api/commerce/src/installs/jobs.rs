//! Work on installations: setting stores up, renewing tokens ahead of their end, removing the app; and when it is looked for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entities::{InstallationAction, StoreId, StoreStatus, TenantId};
use integrations::ports::shop::Problem;
use platform::jobs::{Backoff, JobError, JobKind, NewJob, Queue, Running, Schedule, Worker};
use serde::Deserialize;
use serde_json::json;

use super::access::{ShopError, Shops};
use super::keep::{Keeping, Renewing};
use super::removal;
use super::setup::SetUp;
use super::state::{By, Hold, StoreState, find};
use super::store::{self, Entry};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Setting a store up: for about two days, if need be.
pub const SET_UP: &JobKind = &JobKind {
    name: "store.set_up",
    queue: Queue::SHOPS,
    max_attempts: 20,
    timeout: Duration::from_secs(10 * MINUTE),
    backoff: Backoff::Exponential(Duration::from_secs(5), Duration::from_secs(4 * HOUR)),
};

/// Removing the app from a shop: for about a day, if need be.
pub const UNINSTALL: &JobKind = &JobKind {
    name: "store.uninstall",
    queue: Queue::SHOPS,
    max_attempts: 12,
    timeout: Duration::from_secs(5 * MINUTE),
    backoff: Backoff::Exponential(Duration::from_secs(10), Duration::from_secs(4 * HOUR)),
};

/// Asking a shop whether the app is in it, for a store that was connected with a token: for about two hours, if need be.
pub const LOOK: &JobKind = &JobKind {
    name: "store.look",
    queue: Queue::SHOPS,
    max_attempts: 8,
    timeout: Duration::from_secs(5 * MINUTE),
    backoff: Backoff::Exponential(Duration::from_secs(10), Duration::from_secs(HOUR)),
};

/// Renewing a store's tokens, though nobody uses them.
pub const REFRESH: &JobKind = &JobKind {
    name: "store.refresh",
    queue: Queue::SHOPS,
    max_attempts: 10,
    timeout: Duration::from_secs(5 * MINUTE),
    backoff: Backoff::Exponential(Duration::from_secs(MINUTE), Duration::from_secs(12 * HOUR)),
};

/// Looking for stores whose tokens will end, and for those that are to be set up again.
pub const RENEWAL: &JobKind = &JobKind {
    name: "stores.renewal",
    queue: Queue::UPKEEP,
    max_attempts: 3,
    timeout: Duration::from_secs(10 * MINUTE),
    backoff: Backoff::Exponential(Duration::from_secs(MINUTE), Duration::from_secs(10 * MINUTE)),
};

/// Who works on installations.
pub fn workers(shops: Shops, public_url: Option<String>) -> Vec<Arc<dyn Worker>> {
    vec![
        Arc::new(SetUp { shops: shops.clone(), public_url }),
        Arc::new(Uninstalling { shops: shops.clone() }),
        Arc::new(Looking { shops: shops.clone() }),
        Arc::new(Renewing { shops }),
        Arc::new(Keeping),
    ]
}

/// When it is looked for.
pub fn schedules() -> Vec<Schedule> {
    Schedule::new("stores.renewal", "20 * * * *", Tz::UTC, RENEWAL).into_iter().collect()
}

/// What a job is about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Errand {
    pub store_id: StoreId,
    /// The installation that is meant: of a later one the job knows nothing.
    #[serde(default)]
    pub installed_at: Option<DateTime<Utc>>,
}

impl Errand {
    /// The removal of the app from a shop that it is in since then: of one installation there is one.
    pub fn removal(tenant: TenantId, store: StoreId, installed_at: Option<DateTime<Utc>>) -> NewJob {
        let key = format!("{store} {}", installed_at.map(|at| at.to_rfc3339()).unwrap_or_default());
        NewJob::new(UNINSTALL, Some(tenant), json!({ "storeId": store, "installedAt": installed_at })).unique(key)
    }
}

/// What becomes of a job whose store's shop does not open.
pub(super) fn again(error: ShopError) -> JobError {
    match error {
        ShopError::Later { why, after: Some(after) } => JobError::RetryAfter(after.max(Duration::from_secs(1)), why),
        ShopError::Later { why, after: None } => JobError::Retry(why),
        ShopError::Storage(error) => error.into(),
        error @ (ShopError::NotFound | ShopError::Uninstalled | ShopError::NoAccess(_)) => JobError::Fail(error.to_string()),
    }
}

/// Removes the app from shops.
struct Uninstalling {
    shops: Shops,
}

/// How the shop was asked.
enum Asked {
    /// The app is out.
    Out(&'static str),
    /// It may be out later.
    Not(String, JobError),
}

#[async_trait]
impl Worker for Uninstalling {
    fn kind(&self) -> &'static JobKind {
        UNINSTALL
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Errand { store_id, installed_at } = job.payload()?;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a store belongs to a tenant".to_owned()))?;
        let is_meant = |state: &StoreState| state.status != StoreStatus::Uninstalled && state.installed_at == installed_at;
        let ctx = job.ctx()?;
        let still_there = {
            let tx = ctx.reader().await?;
            find(&tx, tenant, By::Id(store_id), Hold::No).await?.is_some_and(|state| is_meant(&state))
        };
        ctx.release().await;
        let asked = if still_there { self.ask(job, store_id).await? } else { Asked::Out("the app was removed") };
        let (tx, trace) = (ctx.writer().await?, job.trace());
        let state = find(&tx, tenant, By::Id(store_id), Hold::Yes).await?.filter(is_meant);
        match (state, asked) {
            // The shop has told it already, and the app may have come again since.
            (None, _) => {}
            (Some(state), Asked::Out(why)) => removal::uninstalled(&tx, &trace, &state, job.now(), why.to_owned()).await?,
            (Some(_), Asked::Not(_, error @ (JobError::Retry(_) | JobError::RetryAfter(..)))) if !job.is_last() => return Err(error),
            (Some(state), Asked::Not(why, error)) => {
                let entry = Entry {
                    connection: state.connection(),
                    action: InstallationAction::UninstallFailed,
                    scopes: None,
                    message: Some(why),
                    occurred_at: job.now(),
                };
                store::note(&tx, &trace, (tenant, store_id), entry).await?;
                ctx.commit_unrecorded(tx).await?;
                return Err(error);
            }
        }
        job.done(&tx).await?;
        Ok(ctx.commit_unrecorded(tx).await?)
    }
}

impl Uninstalling {
    async fn ask(&self, job: &Running, store: StoreId) -> Result<Asked, JobError> {
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a store belongs to a tenant".to_owned()))?;
        let mut opened = self.shops.open(job.db(), tenant, store).await;
        for _ in 0..2 {
            let open = match opened {
                Ok(open) => open,
                Err(ShopError::Uninstalled) => return Ok(Asked::Out("the app was removed")),
                // Without a token nobody can be asked: for the program, the shop is closed.
                Err(ShopError::NoAccess(_)) => return Ok(Asked::Out("removed here, where its token is void: the shop was not asked")),
                Err(error) => return Ok(Asked::Not(error.to_string(), again(error))),
            };
            match open.system.uninstall(&open.access).await {
                Ok(()) => return Ok(Asked::Out("the shop has removed the app, as it was asked to")),
                Err(error) if error.problem == Problem::Unauthorized => opened = self.shops.reopen(job.db(), &open).await,
                Err(error) => {
                    let why = error.to_string();
                    let error = if error.problem.is_passing() { JobError::Retry(why.clone()) } else { JobError::Fail(why.clone()) };
                    return Ok(Asked::Not(why, error));
                }
            }
        }
        match opened {
            Err(ShopError::NoAccess(_) | ShopError::Uninstalled) => Ok(Asked::Out("removed here, where its token is void: the shop was not asked")),
            _ => Ok(Asked::Not("the token is void".to_owned(), JobError::Retry("the token is void".to_owned()))),
        }
    }
}

/// Asks shops whether the app is in them.
struct Looking {
    shops: Shops,
}

#[async_trait]
impl Worker for Looking {
    fn kind(&self) -> &'static JobKind {
        LOOK
    }

    async fn run(&self, job: &Running) -> Result<(), JobError> {
        let Errand { store_id, installed_at } = job.payload()?;
        let tenant = job.tenant.ok_or_else(|| JobError::Fail("a store belongs to a tenant".to_owned()))?;
        let ctx = job.ctx()?;
        let is_meant = |state: &StoreState| state.connection().is_none() && state.installed_at == installed_at;
        let is_there = find(&*ctx.reader().await?, tenant, By::Id(store_id), Hold::No).await?.is_some_and(|state| is_meant(&state));
        ctx.release().await;
        if is_there {
            match self.shops.remove_if_out(job.db(), &job.trace(), (tenant, store_id), false).await {
                Ok(_) | Err(ShopError::NotFound) => {}
                Err(error) => return Err(again(error)),
            }
        }
        let tx = ctx.writer().await?;
        job.done(&tx).await?;
        Ok(ctx.commit_unrecorded(tx).await?)
    }
}
