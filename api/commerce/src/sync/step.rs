//! One stretch of work on a run: what it works with, and why it may have to come back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::{Currency, EventType, SyncKind, SyncPhase};
use integrations::ports::commerce::{BulkRecord, CommerceProvider, LineError};
use integrations::ports::shop::{CallError, DownloadError, Problem};
use platform::db::Access;
use platform::{Clock, Database, DbErr, Ids, Trace, Tx};

use super::meter::{Meter, Telling, Told};
use super::row::SyncRunRow;
use super::slice;
use super::store::{self, At, MOVED};
use crate::imports::{Brought, BroughtBy, Ending, ImportError, Imports, Receipt};
use crate::installs::{OpenShop, ShopError};

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub struct SyncLimits {
    /// Objects of one export at most, but for what falls together in time; their children are not counted.
    pub slice: u64,
    /// Exports that the shop is asked for ahead.
    pub ahead: usize,
    /// How often a slice is asked for before the run is given up.
    pub attempts: i32,
    /// Failures in a row after which a run is given up.
    pub failures: i32,
    /// Objects that exports lacked and that a full run fetches one by one; when there are more it is given up.
    pub missing: u64,
    /// Objects of a page.
    pub page: u32,
    /// Objects that are merged together when they come by pages.
    pub batch: u64,
}

impl Default for SyncLimits {
    fn default() -> Self {
        Self { slice: 100_000, ahead: 3, attempts: 3, failures: 20, missing: 1_000, page: 50, batch: 500 }
    }
}

/// What comes of a stretch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The run is over.
    Ended,
    /// It goes on after this time.
    After(Duration),
}

/// Why a stretch broke off.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It may go better later.
    Later(Option<Duration>, String),
    /// It waits its turn, which is nobody's fault.
    Turn(Duration, String),
    /// The shop does not take the token.
    Void(String),
    /// What came is not what there is.
    Differs(String),
    /// It will never go.
    Fatal(String),
    /// The run is over: somebody stopped it.
    Stopped,
    /// The database failed.
    Storage(DbErr),
}

impl From<DbErr> for Trouble {
    fn from(error: DbErr) -> Self {
        Self::Storage(error)
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        let why = error.to_string();
        match error.problem {
            Problem::Throttled { after } => Self::Turn(after.unwrap_or(Duration::from_secs(10)), why),
            Problem::Failed { after, .. } => Self::Later(after, why),
            Problem::Busy(_) => Self::Turn(Duration::from_secs(60), why),
            Problem::Unauthorized => Self::Void(why),
            Problem::MissingScope(_) | Problem::Refused(_) | Problem::TooCostly(_) => Self::Fatal(why),
            Problem::ShopClosed { .. } | Problem::Unknown(_) | Problem::Unreachable(_) => Self::Later(None, why),
        }
    }
}

impl From<ShopError> for Trouble {
    fn from(error: ShopError) -> Self {
        let why = error.to_string();
        match error {
            ShopError::NotFound | ShopError::Uninstalled | ShopError::NoAccess(_) => Self::Fatal(why),
            ShopError::Later { after, .. } => Self::Later(after, why),
            ShopError::Storage(error) => Self::Storage(error),
        }
    }
}

impl From<ImportError> for Trouble {
    fn from(error: ImportError) -> Self {
        let why = error.to_string();
        match error {
            ImportError::Busy { .. } | ImportError::LostLease => Self::Turn(Duration::from_secs(10), why),
            ImportError::Stopped => Self::Stopped,
            ImportError::Differs(_) | ImportError::Incomplete { .. } => Self::Differs(why),
            ImportError::Storage(error) => Self::Storage(error),
            ImportError::Source(_) | ImportError::Copy(_) | ImportError::Broken(_) => Self::Later(None, why),
            ImportError::Denied(_)
            | ImportError::StoreNotFound(_)
            | ImportError::Uninstalled
            | ImportError::OtherProvider { .. }
            | ImportError::StoreCurrency(_)
            | ImportError::Rejected(_) => Self::Fatal(why),
        }
    }
}

impl From<DownloadError> for Trouble {
    fn from(error: DownloadError) -> Self {
        let why = error.to_string();
        match error {
            DownloadError::Gone(_) | DownloadError::Changed | DownloadError::Damaged(_) => Self::Differs(why),
            DownloadError::Cut { .. } | DownloadError::Unreachable(_) => Self::Later(None, why),
            DownloadError::Refused(_) => Self::Fatal(why),
        }
    }
}

/// What a stretch works with.
pub(super) struct Step {
    pub db: Database,
    pub trace: Trace,
    pub clock: Arc<dyn Clock>,
    pub limits: SyncLimits,
    pub at: At,
    pub currency: Currency,
    pub provider: &'static dyn CommerceProvider,
    pub shop: OpenShop,
    pub run: SyncRunRow,
    /// When its progress was last told.
    pub told: Arc<Told>,
}

/// What is brought in: in what form, what it is, and when the shop was asked.
pub(super) struct Bring {
    pub name: String,
    pub by: BroughtBy,
    pub read_at: Option<DateTime<Utc>>,
    pub ending: Arc<dyn Ending>,
}

impl Step {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(super) fn ids(&self) -> Ids {
        Ids::new(self.clock.clone())
    }

    pub(super) async fn read(&self) -> Result<Tx, DbErr> {
        self.db.read(Access::Tenant(self.at.tenant)).await
    }

    pub(super) async fn write(&self) -> Result<Tx, DbErr> {
        self.db.write(Access::Tenant(self.at.tenant)).await
    }

    /// Commits a change of the run that is told of, at most once a second. Nothing is committed when the run is over. Only what need not be
    /// done again when the work breaks off `moved` the run on, and ends a row of failures.
    pub(super) async fn progress(&self, tx: Tx, set: &str, values: Vec<sea_orm::Value>, moved: bool) -> Result<SyncRunRow, Trouble> {
        let set = if moved { format!("{set}, {MOVED}") } else { set.to_owned() };
        let run = store::change(&tx, &self.trace, self.at, (&set, values), self.told.event()).await?.ok_or(Trouble::Stopped)?;
        tx.commit().await?;
        Ok(run)
    }

    /// The run does something else now.
    pub(super) async fn enter(&mut self, phase: SyncPhase) -> Result<(), Trouble> {
        if self.run.phase == phase {
            return Ok(());
        }
        let tx = self.write().await?;
        let run = store::change(&tx, &self.trace, self.at, ("phase = $4", vec![phase.as_str().into()]), Some(EventType::SyncProgressed)).await?;
        self.run = run.ok_or(Trouble::Stopped)?;
        tx.commit().await?;
        Ok(())
    }

    /// Brings something in, and tells how far it is.
    pub(super) async fn bring(&self, bring: Bring, whole: &(dyn Fn(u64) -> Result<(), ImportError> + Send + Sync)) -> Result<Receipt, ImportError> {
        let meter = Arc::new(Meter::default());
        let before = {
            let tx = self.read().await?;
            match self.run.kind {
                // What came of attempts that failed does not count.
                SyncKind::Full => slice::received(&tx, self.at).await?,
                SyncKind::Increment | SyncKind::Reconciliation => store::run(&tx, self.at.tenant, self.at.run).await?.map_or(0, |run| run.received),
            }
        };
        let telling = Telling::start(self.db.clone(), self.trace.clone(), self.at, before, meter.clone(), self.told.clone());
        let brought = Brought {
            tenant: self.at.tenant,
            store: self.at.store,
            currency: self.currency,
            provider: self.provider,
            name: bring.name,
            feed: bring.by,
            read_at: bring.read_at,
            stop: meter.stop.clone(),
            ending: bring.ending,
        };
        let outcome = Imports::new(self.clock.clone()).bring(&self.db, self.trace.clone(), brought, whole, &*meter).await;
        telling.stop().await;
        outcome
    }

    /// Brings in records that were read by pages.
    pub(super) async fn bring_records(
        &self,
        name: &str,
        records: Vec<Result<BulkRecord, LineError>>,
        read_at: DateTime<Utc>,
        checkpoint: Option<(&'static str, DateTime<Utc>)>,
    ) -> Result<(), Trouble> {
        let ending = Arc::new(OfPages { at: self.at, trace: self.trace.clone(), told: self.told.clone(), checkpoint, received: records.len() });
        let bring = Bring { name: name.to_owned(), by: BroughtBy::Records(records), read_at: Some(read_at), ending };
        self.bring(bring, &|_| Ok(())).await?;
        Ok(())
    }
}

/// Pages that were merged: with them the checkpoint moves on.
struct OfPages {
    at: At,
    trace: Trace,
    told: Arc<Told>,
    checkpoint: Option<(&'static str, DateTime<Utc>)>,
    received: usize,
}

#[async_trait]
impl Ending for OfPages {
    async fn written(&self, tx: &Tx, receipt: &Receipt) -> Result<(), ImportError> {
        let before = store::add(tx, &self.trace, self.at, receipt).await?.ok_or(ImportError::Stopped)?;
        // The meter may have counted some of it already.
        let sum = before.created + before.updated + before.unchanged + before.rejected;
        let received = sum.max(i64::try_from(self.received).unwrap_or(i64::MAX)).max(before.received);
        let moved = match self.checkpoint {
            Some((kind, up_to)) => store::advance_in(tx, &before, kind, up_to, self.trace.now()).await?,
            None => false,
        };
        let set = format!("received = $4, asked = case when asked < $4 then $4 else asked end{}", if moved { format!(", {MOVED}") } else { String::new() });
        store::change(tx, &self.trace, self.at, (&set, vec![received.into()]), self.told.event()).await?.ok_or(ImportError::Stopped)?;
        Ok(())
    }
}
