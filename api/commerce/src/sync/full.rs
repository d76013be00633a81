//! A full run: slice after slice exported and brought in whole, then what the shop has no more; nothing advances before all is done.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DurationRound, TimeDelta};
use entities::{SyncPhase, SyncStatus};
use integrations::ports::shop::{DataKind, DownloadReader, Export, ExportStatus, Problem, Range};
use platform::{Trace, Tx};
use sea_orm::ConnectionTrait;
use serde_json::json;
use uuid::Uuid;

use super::gone;
use super::meter::Told;
use super::slice::{self, Slice, SliceStatus, Stage};
use super::step::{Bring, Next, Step, Trouble};
use super::store::{self, At, MOVED};
use crate::imports::{BroughtBy, Ending, ImportError, Receipt, Source};

/// Deletions have a checkpoint of their own.
pub(super) const DELETIONS: &str = "DELETIONS";
/// An export that has not ended by then never will.
const TOO_LONG: TimeDelta = TimeDelta::hours(24);
/// The shop's clock may differ from ours by so much.
pub(super) const SKEW: TimeDelta = TimeDelta::minutes(10);

/// The slices of the run that is changed.
const OF_RUN: &str = "from sync_slices s where s.tenant_id = sync_runs.tenant_id and s.run_id = sync_runs.id";

impl Step {
    /// Goes on with a full run until it has to wait.
    pub(super) async fn full(&mut self) -> Result<Next, Trouble> {
        loop {
            let (open, planned) = {
                let tx = self.read().await?;
                slice::open(&tx, self.at).await?
            };
            if !planned {
                self.plan().await?;
                continue;
            }
            let Some(first) = open.first() else {
                self.complete().await?;
                return Ok(Next::Ended);
            };
            match first.stage {
                Stage::Compare => {
                    self.enter(SyncPhase::Comparing).await?;
                    let range = first.range(self.run.archived);
                    // What came to be since is brought by increments, which go on from there.
                    let begun = self.run.read_at.and_then(|at| at.duration_trunc(TimeDelta::seconds(1)).ok());
                    self.compare(first.kind, Range { until: range.until.or(begun), ..range }, Some(first)).await?;
                    let tx = self.write().await?;
                    slice::change(&tx, self.at, first.id, "status = 'DONE', updated_at = $3", [self.now().into()]).await?;
                    gone::forget(&tx, self.at, first.kind).await?;
                    self.run = self.progress(tx, "warnings = $4", vec![self.warnings().into()], true).await?;
                }
                Stage::Export => {
                    if let Some(wait) = self.export(&open).await? {
                        return Ok(Next::After(wait));
                    }
                }
            }
        }
    }

    /// Goes on with the first of these slices, and has the shop prepare some of those after it; how long to wait for the shop.
    async fn export(&mut self, open: &[Slice]) -> Result<Option<Duration>, Trouble> {
        let exports = || open.iter().filter(|slice| slice.stage == Stage::Export);
        let Some(first) = exports().next() else { return Ok(None) };
        let mut current = first.clone();
        for (index, slice) in exports().take(self.limits.ahead.max(1)).enumerate() {
            if slice.status == SliceStatus::Under {
                continue;
            }
            match self.ask(slice).await {
                Ok(asked) if index == 0 => current = asked,
                Ok(_) => {}
                // What is asked ahead can wait.
                Err(error) if index == 0 => return Err(error),
                Err(Trouble::Stopped) => return Err(Trouble::Stopped),
                Err(_) => break,
            }
        }
        let Some(id) = current.export.clone() else { return Ok(Some(Duration::from_secs(1))) };
        let Some(export) = self.shop.system.export(&self.shop.access, &id).await? else {
            self.again(&current, "the shop knows nothing of the export").await?;
            return Ok(None);
        };
        match export.status {
            ExportStatus::Running => self.wait_for(&current, &export).await,
            ExportStatus::Completed => {
                self.enter(SyncPhase::Loading).await?;
                match self.load(&current, &export).await {
                    Ok(()) => {}
                    Err(Trouble::Differs(why)) => self.again(&current, &why).await?,
                    Err(other) => return Err(other),
                }
                Ok(None)
            }
            ExportStatus::Failed | ExportStatus::Cancelled | ExportStatus::Expired => {
                let word = match export.status {
                    ExportStatus::Failed => "broke off",
                    ExportStatus::Cancelled => "was called off",
                    _ => "is no longer kept",
                };
                let why = export.error.map(|error| format!(": {error}")).unwrap_or_default();
                self.again(&current, &format!("the export {word}{why}")).await?;
                Ok(None)
            }
        }
    }

    async fn wait_for(&mut self, slice: &Slice, export: &Export) -> Result<Option<Duration>, Trouble> {
        let age = slice.asked_at.map_or(TimeDelta::zero(), |asked| self.now() - asked);
        if age > TOO_LONG {
            self.shop.system.cancel_export(&self.shop.access, &export.id).await?;
            self.again(slice, "the export did not come to its end in a day").await?;
            return Ok(None);
        }
        self.enter(SyncPhase::Exporting).await?;
        if self.run.failures > 0 {
            let tx = self.write().await?;
            self.run = self.progress(tx, "phase = phase", Vec::new(), true).await?;
        }
        let seconds = match age.num_minutes() {
            0 => 5,
            1..10 => 15,
            _ => 30,
        };
        Ok(Some(Duration::from_secs(seconds)))
    }

    /// Has the shop begin the export of a slice, once: an answer that was lost is looked for.
    async fn ask(&mut self, slice: &Slice) -> Result<Slice, Trouble> {
        let ask = slice.ask(self.run.archived);
        let (system, access) = (&self.shop.system, &self.shop.access);
        let mut found = None;
        let asked_at = slice.asked_at.filter(|_| slice.status == SliceStatus::Asked).unwrap_or_else(|| self.now());
        if slice.status == SliceStatus::Asked {
            let begun = system.find_export(access, &ask, asked_at - SKEW).await?;
            found = begun.filter(|export| !slice.tried.contains(&export.id));
        } else {
            let tx = self.write().await?;
            slice::change(&tx, self.at, slice.id, "status = 'ASKED', asked_at = $3, updated_at = $3", [asked_at.into()]).await?;
            self.still_on(&tx).await?;
            tx.commit().await?;
        }
        let export = match found {
            Some(export) => export,
            None => match system.start_export(access, &ask).await {
                Ok(export) => export,
                // Surely not begun: it need not be looked for.
                Err(error) if !error.problem.may_have_acted() => {
                    let busy = matches!(error.problem, Problem::Busy(_));
                    let tx = self.write().await?;
                    slice::change(&tx, self.at, slice.id, "status = 'WAITING', updated_at = $3", [self.now().into()]).await?;
                    tx.commit().await?;
                    return Err(if busy { Trouble::Turn(Duration::from_secs(30), error.to_string()) } else { error.into() });
                }
                Err(error) => return Err(Trouble::Later(Some(Duration::from_secs(10)), error.to_string())),
            },
        };
        let tx = self.write().await?;
        let set = "status = 'UNDER_WAY', export_id = $3, asked_at = $4, updated_at = $4";
        slice::change(&tx, self.at, slice.id, set, [export.id.clone().into(), asked_at.into()]).await?;
        // The first of all that were begun: what happens from then on may lack in what comes.
        self.run =
            self.progress(tx, "read_at = case when read_at is null or read_at > $4 then $4 else read_at end", vec![export.created_at.into()], false).await?;
        Ok(Slice { status: SliceStatus::Under, export: Some(export.id), asked_at: Some(asked_at), ..slice.clone() })
    }

    async fn still_on(&self, tx: &Tx) -> Result<(), Trouble> {
        let run = store::run(tx, self.at.tenant, self.at.run).await?;
        if run.is_some_and(|run| run.finished_at.is_none()) { Ok(()) } else { Err(Trouble::Stopped) }
    }

    /// What came of a slice is not whole: it is asked for again, some times.
    async fn again(&mut self, slice: &Slice, why: &str) -> Result<(), Trouble> {
        let attempts = slice.attempts + 1;
        if attempts >= self.limits.attempts {
            let what = slice.kind.as_str().to_lowercase();
            return Err(Trouble::Fatal(format!("{what} did not come whole in {attempts} attempts, the last time because {why}; nothing of them was written")));
        }
        tracing::warn!(why, run = %self.at.run, "a slice of a sync is asked for again");
        let tried: Vec<&str> = slice.tried.iter().chain(&slice.export).map(String::as_str).collect();
        let tx = self.write().await?;
        let set = "status = 'WAITING', export_id = null, attempts = $3, tried = $4, error_message = $5, updated_at = $6";
        let values = [attempts.into(), json!(tried).into(), why.into(), self.now().into()];
        slice::change(&tx, self.at, slice.id, set, values).await?;
        // What has come of it does not count.
        let received = slice::received(&tx, self.at).await?;
        self.run = self.progress(tx, "received = $4", vec![received.into()], false).await?;
        Ok(())
    }

    /// Brings in the file of an export, when it is whole.
    async fn load(&mut self, slice: &Slice, export: &Export) -> Result<(), Trouble> {
        let ending = Arc::new(OfSlice {
            at: self.at,
            slice: slice.id,
            kind: slice.kind,
            trace: self.trace.clone(),
            told: self.told.clone(),
            export: export.id.clone(),
            objects: export.objects,
        });
        let tx = self.write().await?;
        slice::change(&tx, self.at, slice.id, "objects = $3", [i64::try_from(export.objects).unwrap_or(i64::MAX).into()]).await?;
        self.run = self.progress(tx, &format!("asked = (select cast(sum(s.objects) as bigint) {OF_RUN})"), Vec::new(), false).await?;
        let Some(file) = &export.file else {
            if export.objects > 0 {
                return Err(Trouble::Differs("the export has no file".to_owned()));
            }
            let tx = self.write().await?;
            ending.mark(&tx).await?;
            return Ok(tx.commit().await?);
        };
        let download = self.shop.system.open_export(file).await?;
        let (reader, fetched) = DownloadReader::new(download, tokio::runtime::Handle::current());
        let name = format!("{} of {}", slice.kind.as_str().to_lowercase(), self.shop.access.shop);
        let source = Source::new(name.clone(), export.bytes, reader);
        let whole = |lines: u64| {
            let got = fetched.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let all = got.whole && lines == export.objects && got.objects == export.objects && got.roots == export.roots;
            if !all {
                let said = format!("the shop counts {} objects ({} without their children), {lines} ({}) came", export.objects, export.roots, got.roots);
                return Err(ImportError::Differs(said));
            }
            match export.bytes.filter(|bytes| !got.packed && *bytes != got.bytes) {
                Some(bytes) => Err(ImportError::Differs(format!("the shop counts {bytes} bytes, {} came", got.bytes))),
                None => Ok(()),
            }
        };
        let bring = Bring { name, by: BroughtBy::File(source), read_at: Some(export.created_at), ending };
        match self.bring(bring, &whole).await {
            Ok(_) => Ok(()),
            Err(ImportError::Source(error)) => match fetched.lock().unwrap_or_else(PoisonError::into_inner).error.clone() {
                Some(error) => Err(error.into()),
                None => Err(ImportError::Source(error).into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Everything is here: increments go on from before the first export.
    async fn complete(&mut self) -> Result<(), Trouble> {
        let tx = self.write().await?;
        let ended = store::end(&tx, &self.trace, self.at, SyncStatus::Completed, None).await?.ok_or(Trouble::Stopped)?;
        // What is limited to a range of its own says nothing of what lies beyond: what is known of that stays.
        let up_to = ended.read_at.filter(|_| ended.range_until.is_none());
        if let Some(up_to) = up_to {
            for kind in DataKind::ALL {
                let limited = kind == DataKind::Orders && ended.range_from.is_some() || !ended.archived;
                store::advance(&tx, self.at, kind.as_str(), up_to, !limited, self.now()).await?;
            }
            store::advance(&tx, self.at, DELETIONS, up_to, ended.range_from.is_none(), self.now()).await?;
        }
        let sql = "update stores set last_sync_at = $1 where tenant_id = $2 and id = $3";
        tx.execute_raw(store::statement(&tx, sql, [self.now().into(), self.at.tenant.into(), self.at.store.into()])).await?;
        Ok(tx.commit().await?)
    }
}

/// The end of a slice: with its rows it is done.
struct OfSlice {
    at: At,
    slice: Uuid,
    kind: DataKind,
    trace: Trace,
    told: Arc<Told>,
    export: String,
    objects: u64,
}

impl OfSlice {
    /// Marks it done. Refused when the run is over, or somebody else has done it.
    async fn mark(&self, tx: &Tx) -> Result<(), ImportError> {
        let objects = i64::try_from(self.objects).unwrap_or(i64::MAX);
        let sql = "update sync_slices set status = 'DONE', objects = $3, received = $3, updated_at = $4
                   where tenant_id = $1 and id = $2 and status = 'UNDER_WAY' and export_id = $5";
        let values = [self.at.tenant.into(), self.slice.into(), objects.into(), self.trace.now().into(), self.export.clone().into()];
        if tx.execute_raw(store::statement(tx, sql, values)).await?.rows_affected() == 0 {
            return Err(ImportError::LostLease);
        }
        let set = format!("received = (select cast(sum(s.received) as bigint) {OF_RUN}), asked = (select cast(sum(s.objects) as bigint) {OF_RUN}), {MOVED}");
        store::change(tx, &self.trace, self.at, (&set, Vec::new()), self.told.event()).await?.ok_or(ImportError::Stopped)?;
        Ok(())
    }
}

#[async_trait]
impl Ending for OfSlice {
    async fn written(&self, tx: &Tx, receipt: &Receipt) -> Result<(), ImportError> {
        // Data that is not taken is listed. What is not data, or hangs from nothing, is not what the shop has.
        if receipt.unreadable > 0 || receipt.orphans > 0 {
            let why = format!("{} lines cannot be read, {} hang from none that came", receipt.unreadable, receipt.orphans);
            return Err(ImportError::Differs(why));
        }
        gone::see_rejected(tx, self.at, self.kind, receipt.run).await?;
        store::add(tx, &self.trace, self.at, receipt).await?.ok_or(ImportError::Stopped)?;
        self.mark(tx).await
    }
}
