//! What is here and not in the shop any more, and the other way round: by the ids that the shop names, each stranger asked for by itself
//! before it is believed.

use integrations::ports::commerce::RecordKind;
use integrations::ports::shop::{DataKind, Range};
use platform::db::is_sqlite;
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Value};

use super::slice::{self, Slice, SliceStatus};
use super::step::{Step, Trouble};
use super::store::{self, At};
use crate::changes::mark_deleted;
use crate::records::shape;

/// Strangers that are looked at together.
const AT_ONCE: usize = 100;

/// Things of a kind, without their children.
pub(crate) const fn record(kind: DataKind) -> RecordKind {
    match kind {
        DataKind::Customers => RecordKind::Customer,
        DataKind::Products => RecordKind::Product,
        DataKind::Orders => RecordKind::Order,
    }
}

/// The table of a kind.
pub(super) fn table(kind: DataKind) -> &'static str {
    shape(record(kind)).table
}

/// A list of texts as a parameter.
fn listed(tx: &Tx, number: u8, ids: &[String]) -> (String, Value) {
    let json = serde_json::to_string(ids).unwrap_or_default();
    let select = if is_sqlite(tx.get_database_backend()) { "select value from json_each" } else { "select jsonb_array_elements_text" };
    let cast = if is_sqlite(tx.get_database_backend()) { "" } else { "::text::jsonb" };
    (format!("({select}(${number}{cast}))"), json.into())
}

async fn see(tx: &Tx, at: At, kind: DataKind, ids: &[String]) -> Result<(), DbErr> {
    let (list, ids) = listed(tx, 4, ids);
    // SQLite takes `on conflict` after a select without a condition for a join.
    let column = if is_sqlite(tx.get_database_backend()) { "value" } else { "jsonb_array_elements_text" };
    let sql =
        format!("insert into sync_seen (tenant_id, run_id, kind, external_id) select $1, $2, $3, x.{column} from {list} x where true on conflict do nothing");
    let values = [at.tenant.into(), at.run.into(), kind.as_str().into(), ids];
    tx.execute_raw(store::statement(tx, sql, values)).await.map(drop)
}

async fn forget(tx: &Tx, at: At, kind: DataKind) -> Result<(), DbErr> {
    let sql = "delete from sync_seen where tenant_id = $1 and run_id = $2 and kind = $3";
    tx.execute_raw(store::statement(tx, sql, [at.tenant.into(), at.run.into(), kind.as_str().into()])).await.map(drop)
}

impl Step {
    /// Compares a range with the ids that the shop names: marks what is gone, and with `fetch` brings what is missing.
    pub(super) async fn compare(&mut self, kind: DataKind, range: Range, slice: Option<&Slice>, fetch: bool) -> Result<(), Trouble> {
        if slice.is_none_or(|slice| slice.status != SliceStatus::Listed) {
            self.list_ids(kind, range, slice).await?;
        }
        while self.mark_strangers(kind, range).await? {}
        while fetch && self.fetch_missing(kind).await? {}
        let tx = self.write().await?;
        forget(&tx, self.at, kind).await?;
        Ok(tx.commit().await?)
    }

    /// Writes down the ids that the shop names in a range, page by page.
    async fn list_ids(&mut self, kind: DataKind, range: Range, slice: Option<&Slice>) -> Result<(), Trouble> {
        let mut after = slice.and_then(|slice| slice.place.clone());
        if after.is_none() {
            let tx = self.write().await?;
            forget(&tx, self.at, kind).await?;
            tx.commit().await?;
        }
        loop {
            let page = self.shop.system.ids(&self.shop.access, kind, range, after.as_deref()).await?;
            let ids: Vec<String> = page.ids.into_iter().map(|(id, _)| id).collect();
            let tx = self.write().await?;
            see(&tx, self.at, kind, &ids).await?;
            if let Some(slice) = slice {
                let status = if page.next.is_some() { SliceStatus::Under } else { SliceStatus::Listed };
                let values = [status.as_str().into(), page.next.clone().into(), self.now().into()];
                slice::change(&tx, self.at, slice.id, "status = $3, place = $4, updated_at = $5", values).await?;
            }
            self.run = self.progress(tx, "phase = phase", Vec::new()).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Looks at some things that the shop did not name; whether there were any.
    async fn mark_strangers(&mut self, kind: DataKind, range: Range) -> Result<bool, Trouble> {
        let strangers = self.strangers(kind, range).await?;
        let (mut gone, mut there) = (Vec::new(), Vec::new());
        for id in &strangers {
            let one = self.shop.system.one(&self.shop.access, kind, id).await?;
            if one.roots == 0 { gone.push(id.clone()) } else { there.push(id.clone()) }
        }
        if strangers.is_empty() {
            return Ok(false);
        }
        let tx = self.write().await?;
        let when = self.run.read_at.unwrap_or_else(|| self.now());
        let deleted = mark_deleted(&tx, (self.at.tenant, self.at.store), record(kind), &gone, when).await?;
        see(&tx, self.at, kind, &there).await?;
        self.run = self.progress(tx, "deleted = deleted + $4", vec![i64::try_from(deleted).unwrap_or(i64::MAX).into()]).await?;
        Ok(true)
    }

    async fn strangers(&self, kind: DataKind, range: Range) -> Result<Vec<String>, DbErr> {
        let table = table(kind);
        let tx = self.read().await?;
        let mut sql = format!(
            "select t.external_id from {table} t where t.tenant_id = $1 and t.store_id = $2 and t.deleted_at is null and not exists (
               select 1 from sync_seen s where s.tenant_id = $1 and s.run_id = $3 and s.kind = $4 and s.external_id = t.external_id)"
        );
        let mut values: Vec<Value> = vec![self.at.tenant.into(), self.at.store.into(), self.at.run.into(), kind.as_str().into()];
        for (edge, compared) in [(range.from, ">="), (range.until, "<")] {
            if let Some(edge) = edge {
                values.push(edge.into());
                sql.push_str(&format!(" and t.created_at {compared} ${}", values.len()));
            }
        }
        sql.push_str(&format!(" order by t.external_id limit {AT_ONCE}"));
        let rows = tx.query_all_raw(store::statement(&tx, sql, values)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// Brings some things that the shop named and that are not here; whether there were any.
    async fn fetch_missing(&mut self, kind: DataKind) -> Result<bool, Trouble> {
        let missing: Vec<String> = {
            let table = table(kind);
            let tx = self.read().await?;
            let sql = format!(
                "select s.external_id from sync_seen s where s.tenant_id = $1 and s.run_id = $2 and s.kind = $3 and not exists (
                   select 1 from {table} t where t.tenant_id = $1 and t.store_id = $4 and t.deleted_at is null and t.external_id = s.external_id) limit {AT_ONCE}"
            );
            let values = [self.at.tenant.into(), self.at.run.into(), kind.as_str().into(), self.at.store.into()];
            let rows = tx.query_all_raw(store::statement(&tx, sql, values)).await?;
            rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?
        };
        if missing.is_empty() {
            return Ok(false);
        }
        let (read_at, mut records) = (self.now(), Vec::new());
        for id in &missing {
            let page = self.shop.system.one(&self.shop.access, kind, id).await?;
            self.add_whole(page, &mut records).await?;
        }
        if !records.is_empty() {
            self.bring_records("what was missing", records, read_at, None).await?;
        }
        // What could not be taken is not looked for again.
        let tx = self.write().await?;
        let (list, ids) = listed(&tx, 4, &missing);
        let sql = format!("delete from sync_seen where tenant_id = $1 and run_id = $2 and kind = $3 and external_id in {list}");
        tx.execute_raw(store::statement(&tx, sql, [self.at.tenant.into(), self.at.run.into(), kind.as_str().into(), ids])).await?;
        tx.commit().await?;
        Ok(true)
    }
}
