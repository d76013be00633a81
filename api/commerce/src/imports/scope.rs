//! What the statements of one run are about, filled into their text. Every value is our own: ids, instants, a currency code.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::{DateTime, Utc};
use entities::{Currency, ImportRunId, StoreId, TenantId};
use platform::db::{Access, is_sqlite};
use platform::{Clock, Database, DbErr, Trace, Tx};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::ending::Ending;
use crate::records::{Words, instant_text};

/// Whose run it is, and in what.
#[derive(Clone)]
pub(super) struct Run {
    pub db: Database,
    pub trace: Trace,
    pub clock: Arc<dyn Clock>,
    pub tenant: TenantId,
    pub store: StoreId,
    pub id: ImportRunId,
    pub currency: Currency,
    pub now: DateTime<Utc>,
    /// The latest order of the file: what has no date of its own is as of then.
    pub as_of: Option<DateTime<Utc>>,
    /// When the shop was asked for it, by the shop's clock; none for a file of any age.
    pub read_at: Option<DateTime<Utc>>,
    /// Who stops it.
    pub stop: Arc<AtomicBool>,
    /// What is written with its end.
    pub ending: Arc<dyn Ending>,
}

impl Run {
    pub fn is_sqlite(&self) -> bool {
        is_sqlite(self.db.backend())
    }

    /// The tenant's rows, and staged rows to read.
    pub fn access(&self) -> Access {
        Access::Tenant(self.tenant)
    }

    pub fn id_literal(&self, id: Uuid) -> String {
        if self.is_sqlite() { format!("x'{}'", id.simple()) } else { format!("'{id}'::uuid") }
    }

    pub fn instant_literal(&self, at: DateTime<Utc>) -> String {
        if self.is_sqlite() { format!("'{}'", instant_text(at)) } else { format!("'{}'::timestamptz", at.to_rfc3339()) }
    }

    /// The statement with its values.
    pub fn fill(&self, sql: &str) -> String {
        let unknown = if self.is_sqlite() { "null" } else { "null::timestamptz" };
        let words = Words {
            sqlite: self.is_sqlite(),
            tenant: self.id_literal(self.tenant.uuid()),
            store: self.id_literal(self.store.uuid()),
            run: self.id_literal(self.id.uuid()),
            currency: format!("'{}'", self.currency.code()),
            now: self.instant_literal(self.now),
            as_of: self.as_of.map_or_else(|| unknown.to_owned(), |at| self.instant_literal(at)),
            // Rows of SQLite's slices wait for the run to be done; PostgreSQL shows them all at once by itself.
            read_at: self.read_at.map_or_else(|| unknown.to_owned(), |at| self.instant_literal(at)),
            pending: if self.is_sqlite() { self.id_literal(self.id.uuid()) } else { "null".to_owned() },
        };
        words.fill(sql)
    }

    /// Runs a statement about this run; how many rows it touched.
    pub async fn execute(&self, tx: &Tx, sql: &str) -> Result<u64, DbErr> {
        Ok(tx.execute_unprepared(&self.fill(sql)).await?.rows_affected())
    }

    /// A transaction that writes staged rows.
    pub async fn staging(&self) -> Result<Tx, DbErr> {
        self.db.write(Access::Import).await
    }

    /// A number from a statement about this run; nothing is 0.
    pub async fn number(&self, tx: &Tx, sql: &str) -> Result<i64, DbErr> {
        let row = tx.query_one_raw(self.db.statement(self.fill(sql), [])).await?;
        row.map_or(Ok(0), |row| Ok(row.try_get_by_index::<Option<i64>>(0)?.unwrap_or(0)))
    }
}
