//! One run from its first line to its receipt.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use entities::{Currency, ImportStatus, StoreId, StoreStatus, TenantId};
use integrations::ports::commerce::{BulkRecord, CommerceProvider, LineError};
use platform::callers::actions::ImportStoreData;
use platform::db::Access;
use platform::{Clock, Database, Ids, OpCtx, Permit, Trace};
use sea_orm::ConnectionTrait;

use super::ending::{Ending, OfFile};
use super::error::ImportError;
use super::lease::{self, Heartbeat};
use super::load::Feed;
use super::progress::{Phase, Progress};
use super::receipt::Receipt;
use super::scope::Run;
use super::source::Source;
use super::{check, clean, load, merge, search, slices};

/// How an import treats bad lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Write the good rows and list the bad; otherwise one bad line and nothing is written.
    pub keep_going: bool,
    /// How many objects the provider says the file has (Shopify's `objectCount`): a file cut between two lines looks whole.
    pub objects: Option<u64>,
}

/// Says whether so many lines are all that there should be.
pub(crate) type Whole<'a> = dyn Fn(u64) -> Result<(), ImportError> + Send + Sync + 'a;

/// What a shop was asked for.
pub(crate) struct Brought {
    pub tenant: TenantId,
    pub store: StoreId,
    pub currency: Currency,
    pub provider: &'static dyn CommerceProvider,
    /// What it is, for people.
    pub name: String,
    pub feed: BroughtBy,
    /// When the shop was asked, by the shop's clock.
    pub read_at: Option<DateTime<Utc>>,
    /// Who stops it.
    pub stop: Arc<AtomicBool>,
    /// What is written with its end.
    pub ending: Arc<dyn Ending>,
}

/// In what form it came.
pub(crate) enum BroughtBy {
    /// A file, whose lines the provider reads.
    File(Source),
    /// Records that were read already.
    Records(Vec<Result<BulkRecord, LineError>>),
}

struct Work {
    provider: &'static str,
    name: String,
    feed: Feed,
    keep_going: bool,
}

/// Imports files of shop systems.
#[derive(Clone)]
pub struct Imports {
    clock: Arc<dyn Clock>,
}

impl Imports {
    /// Imports that tell the time by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// Imports a file into a store. Broken off anywhere, nothing of it is visible, and the next run starts clean.
    pub async fn run(
        &self,
        ctx: &OpCtx,
        store: StoreId,
        provider: &'static dyn CommerceProvider,
        source: Source,
        options: ImportOptions,
        progress: &dyn Progress,
    ) -> Result<Receipt, ImportError> {
        let permit = ctx.authorize::<ImportStoreData>()?;
        let run = self.run_for(ctx, &permit, store, provider).await?;
        let work = Work { provider: provider.key(), name: source.name().to_owned(), feed: Feed::File(provider, source), keep_going: options.keep_going };
        let whole = |lines| match options.objects.filter(|expected| *expected != lines) {
            Some(expected) => Err(ImportError::Incomplete { expected, found: lines }),
            None => Ok(()),
        };
        self.work(run, work, &whole, progress).await
    }

    /// Brings what a shop was asked for into its store, with no mind to bad lines: they are listed in the receipt.
    pub(crate) async fn bring(
        &self,
        db: &Database,
        trace: Trace,
        brought: Brought,
        whole: &Whole<'_>,
        progress: &dyn Progress,
    ) -> Result<Receipt, ImportError> {
        let Brought { tenant, store, currency, provider, name, feed, read_at, stop, ending } = brought;
        let (id, now) = (Ids::new(self.clock.clone()).next(), self.clock.now());
        let run = Run { db: db.clone(), trace, clock: self.clock.clone(), tenant, store, id, currency, now, as_of: None, read_at, stop, ending };
        let feed = match feed {
            BroughtBy::File(source) => Feed::File(provider, source),
            BroughtBy::Records(records) => Feed::Records(records),
        };
        self.work(run, Work { provider: provider.key(), name, feed, keep_going: true }, whole, progress).await
    }

    async fn work(&self, run: Run, work: Work, whole: &Whole<'_>, progress: &dyn Progress) -> Result<Receipt, ImportError> {
        lease::enter(&run, work.provider, &work.name, work.keep_going, progress).await?;
        let heartbeat = Heartbeat::start(run.clone());
        let outcome = self.enter(run.clone(), work, whole, &heartbeat, progress).await;
        heartbeat.stop().await;
        progress.phase(Phase::Finishing);
        match outcome {
            Ok(receipt) => {
                // The rows are visible: what is left over is the next run's if this fails.
                if let Err(error) = clean::clean_up(&run, ImportStatus::Done).await {
                    tracing::warn!(%error, "staged rows of an import are left for the next one");
                }
                Ok(receipt)
            }
            Err(error) => {
                if let Err(error) = self.give_up(&run, &error).await {
                    tracing::warn!(%error, "staged rows of an import are left for the next one");
                }
                Err(error)
            }
        }
    }

    async fn run_for(&self, ctx: &OpCtx, permit: &Permit<ImportStoreData>, store: StoreId, provider: &dyn CommerceProvider) -> Result<Run, ImportError> {
        let not_found = || ImportError::StoreNotFound(store);
        let reader = ctx.reader().await?;
        let sql = "select tenant_id, provider, currency_code, status from stores where id = $1";
        let row = reader.query_one_raw(ctx.db().statement(sql, [store.uuid().into()])).await?.ok_or_else(not_found)?;
        drop(reader);
        ctx.release().await;
        let tenant = row.try_get_by_index(0)?;
        if !permit.covers(tenant) || !permit.covers_store(store) {
            return Err(not_found());
        }
        let connected: String = row.try_get_by_index(1)?;
        if connected != provider.key() {
            return Err(ImportError::OtherProvider { store: connected, file: provider.key() });
        }
        if row.try_get_by_index::<StoreStatus>(3)? == StoreStatus::Uninstalled {
            return Err(ImportError::Uninstalled);
        }
        let code: String = row.try_get_by_index(2)?;
        let currency: Currency = code.parse().map_err(|_| ImportError::StoreCurrency(code))?;
        let id = Ids::new(self.clock.clone()).next();
        Ok(Run {
            db: ctx.db().clone(),
            trace: ctx.trace(),
            clock: self.clock.clone(),
            tenant,
            store,
            id,
            currency,
            now: self.clock.now(),
            as_of: None,
            read_at: None,
            stop: Arc::default(),
            ending: Arc::new(OfFile),
        })
    }

    async fn enter(
        &self,
        mut run: Run,
        Work { name, feed, keep_going, .. }: Work,
        whole: &Whole<'_>,
        heartbeat: &Heartbeat,
        progress: &dyn Progress,
    ) -> Result<Receipt, ImportError> {
        let mut receipt = Receipt::new(run.id, run.store, &name);
        progress.phase(Phase::CleaningUp);
        clean::clean_up_before(&run).await?;
        progress.phase(Phase::Reading);
        let paged = matches!(feed, Feed::Records(_));
        (receipt.lines, receipt.unreadable) = load::load(&run, feed, heartbeat, progress).await?;
        whole(receipt.lines)?;
        progress.phase(Phase::Checking);
        receipt.orphans = check::settle(&run, receipt.lines, paged).await?;
        check::count_rejections(&run, &mut receipt).await?;
        if receipt.rejected > 0 && !keep_going {
            return Err(ImportError::Rejected(Box::new(receipt)));
        }
        search::complete(&run, heartbeat).await?;
        let staged = check::measure(&mut run).await?;
        run.now = self.clock.now();
        progress.phase(Phase::Merging);
        self.enter_merging(&run).await?;
        if run.is_sqlite() {
            slices::merge(&run, receipt.lines, &staged, &mut receipt).await?;
        } else {
            merge::merge(&run, &staged, &mut receipt).await?;
        }
        Ok(receipt)
    }

    async fn enter_merging(&self, run: &Run) -> Result<(), ImportError> {
        let tx = run.db.write(run.access()).await?;
        lease::enter_state(run, &tx, ImportStatus::Merging, None, None).await?;
        Ok(tx.commit().await?)
    }

    /// Ends a run that has failed, and takes away what it staged.
    async fn give_up(&self, run: &Run, error: &ImportError) -> Result<(), ImportError> {
        let receipt = match error {
            ImportError::Rejected(receipt) => Some(&**receipt),
            _ => None,
        };
        let tx = run.db.write(Access::Tenant(run.tenant)).await?;
        match lease::enter_state(run, &tx, ImportStatus::Failed, Some(self.clock.now()), receipt).await {
            // Whoever took it for dead has said so already.
            Ok(()) | Err(ImportError::LostLease) => tx.commit().await?,
            Err(error) => return Err(error),
        }
        clean::clean_up(run, ImportStatus::Failed).await
    }
}
