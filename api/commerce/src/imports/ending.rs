//! What is written with the end of a run, in the transaction that makes its rows visible.

use async_trait::async_trait;
use entities::EventType;
use platform::{Change, DbErr, Tx};
use serde_json::json;

use super::error::ImportError;
use super::receipt::Receipt;
use super::scope::Run;

/// Is told of the end of a run, and may still refuse it.
#[async_trait]
pub(crate) trait Ending: Send + Sync {
    /// The rows are written, and visible when the transaction is committed.
    async fn written(&self, tx: &Tx, receipt: &Receipt) -> Result<(), ImportError>;

    /// Whether the run stands in the audit log and is announced by itself.
    fn is_announced(&self) -> bool {
        false
    }
}

/// A file that somebody imports.
pub(super) struct OfFile;

#[async_trait]
impl Ending for OfFile {
    async fn written(&self, _: &Tx, _: &Receipt) -> Result<(), ImportError> {
        Ok(())
    }

    fn is_announced(&self) -> bool {
        true
    }
}

/// Notes that the store is up to date, and announces it.
pub(super) async fn announce(run: &Run, tx: &Tx, receipt: &Receipt) -> Result<(), DbErr> {
    if receipt.lines > 0 {
        run.execute(tx, "update stores set last_sync_at = {now} where tenant_id = {tenant} and id = {store}").await?;
    }
    let data = json!({ "storeId": run.store, "importRunId": run.id });
    let change = Change::new("storeImport", run.tenant).subject(run.store).after(receipt).announce_with(EventType::StoreImported, Some(run.store), data);
    change.write(tx, &run.trace).await
}
