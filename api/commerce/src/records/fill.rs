//! The words in the statements' text that stand for what they are about, and the name of the lock under which they run.

use chrono::{DateTime, SecondsFormat, Utc};
use entities::StoreId;

/// An instant as SQLite's driver writes it, so that texts compare as instants do; PostgreSQL reads it as well.
pub(crate) fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

/// The name of PostgreSQL's advisory lock under which an import of the store is merged; single changes share it among each other.
pub(crate) fn merging_lock(store: StoreId) -> String {
    format!("noren {store}")
}

/// What is put in the place of each word: literals, or the parameters of a statement.
pub(crate) struct Words {
    pub sqlite: bool,
    pub tenant: String,
    pub store: String,
    pub run: String,
    pub currency: String,
    pub now: String,
    /// What has no date of its own is as of then.
    pub as_of: String,
    /// The import that new rows wait for.
    pub pending: String,
    /// When the shop was asked; null when nobody knows.
    pub read_at: String,
}

impl Words {
    /// The statement with its values.
    pub fn fill(&self, sql: &str) -> String {
        let (first_order, join) = if self.sqlite {
            ("(select min(f.created_at) from staged_orders f where f.run_id = {run} and f.external_customer_id = s.external_id)", "")
        } else {
            (
                "f.at",
                "left join (select external_customer_id, min(created_at) as at from staged_orders where run_id = {run} group by external_customer_id) f on f.external_customer_id = s.external_id",
            )
        };
        sql.replace("{first_order_join}", join)
            .replace("{first_order}", first_order)
            .replace("{as_of}", &self.as_of)
            .replace("{currency}", &self.currency)
            .replace("{now}", &self.now)
            .replace("{tenant}", &self.tenant)
            .replace("{store}", &self.store)
            .replace("{run}", &self.run)
            .replace("{pending}", &self.pending)
            .replace("{read_at}", &self.read_at)
    }
}
