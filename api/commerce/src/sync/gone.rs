//! What is here and not in the shop any more, and the other way round: by the ids that the shop names, each stranger asked for by itself
//! before it is believed.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entities::ImportRunId;
use integrations::ports::commerce::RecordKind;
use integrations::ports::shop::{DataKind, Range};
use platform::db::is_sqlite;
use platform::{DbErr, Tx};
use sea_orm::{ConnectionTrait, Value};

use super::full::SKEW;
use super::slice::{self, Slice, SliceStatus};
use super::step::{Step, Trouble};
use super::store::{self, At};
use crate::changes::mark_deleted;
use crate::records::{REJECTIONS, shape};

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

pub(super) async fn forget(tx: &Tx, at: At, kind: DataKind) -> Result<(), DbErr> {
    let sql = "delete from sync_seen where tenant_id = $1 and run_id = $2 and kind = $3";
    tx.execute_raw(store::statement(tx, sql, [at.tenant.into(), at.run.into(), kind.as_str().into()])).await.map(drop)
}

/// Things of which the shop, asked for them by themselves, has none.
async fn unsee(tx: &Tx, at: At, kind: DataKind, ids: &[String]) -> Result<(), DbErr> {
    let (list, ids) = listed(tx, 4, ids);
    let sql = format!("delete from sync_seen where tenant_id = $1 and run_id = $2 and kind = $3 and external_id in {list}");
    tx.execute_raw(store::statement(tx, sql, [at.tenant.into(), at.run.into(), kind.as_str().into(), ids])).await.map(drop)
}

/// Under what word a run keeps the ids of what has come of a kind and was not taken.
const fn rejected(kind: DataKind) -> &'static str {
    match kind {
        DataKind::Customers => "REJECTED_CUSTOMERS",
        DataKind::Products => "REJECTED_PRODUCTS",
        DataKind::Orders => "REJECTED_ORDERS",
    }
}

/// Keeps what an import has not taken: it is not here, and not missing either.
pub(super) async fn see_rejected(tx: &Tx, at: At, kind: DataKind, import: ImportRunId) -> Result<(), DbErr> {
    let of = match kind {
        DataKind::Customers => RecordKind::Customer,
        DataKind::Products => RecordKind::Product,
        DataKind::Orders => RecordKind::Order,
    };
    let sql = format!(
        "insert into sync_seen (tenant_id, run_id, kind, external_id) select $1, $2, $3, r.external_id from {REJECTIONS} r
         where r.tenant_id = $1 and r.run_id = $4 and r.kind = $5 and r.external_id is not null on conflict do nothing"
    );
    let values = [at.tenant.into(), at.run.into(), rejected(kind).into(), import.uuid().into(), of.as_str().into()];
    tx.execute_raw(store::statement(tx, sql, values)).await.map(drop)
}

/// Those of these things that are known here.
pub(super) async fn known(tx: &Tx, at: At, kind: DataKind, ids: &[String]) -> Result<HashSet<String>, DbErr> {
    let (list, ids) = listed(tx, 3, ids);
    let sql = format!("select external_id from {} where tenant_id = $1 and store_id = $2 and deleted_at is null and external_id in {list}", table(kind));
    let rows = tx.query_all_raw(store::statement(tx, sql, [at.tenant.into(), at.store.into(), ids])).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

impl Step {
    /// Compares a range with the ids that the shop names: marks what is gone, and brings what is missing; how much of it could not be taken.
    pub(super) async fn compare(&mut self, kind: DataKind, range: Range, slice: Option<&Slice>) -> Result<u64, Trouble> {
        self.look_at_scopes().await?;
        if slice.is_none_or(|slice| slice.status != SliceStatus::Listed) {
            self.list_ids(kind, range, slice).await?;
        }
        while self.mark_strangers(kind, range, slice.is_some()).await? {}
        if slice.is_some() {
            let missing = self.count_missing(kind).await?;
            if missing > self.limits.missing {
                let what = kind.as_str().to_lowercase();
                return Err(Trouble::Fatal(format!("the shop names {missing} {what} that were not in its exports; sync again")));
            }
        }
        self.fetch_missing(kind).await?;
        let lacking = self.count_missing(kind).await?;
        if slice.is_none() {
            let tx = self.write().await?;
            forget(&tx, self.at, kind).await?;
            tx.commit().await?;
        }
        Ok(lacking)
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
            // Without a slice that keeps the place it begins anew when it breaks off.
            self.run = self.progress(tx, "phase = phase", Vec::new(), slice.is_some()).await?;
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Looks at some things that the shop did not name; whether there were any.
    async fn mark_strangers(&mut self, kind: DataKind, range: Range, keeps: bool) -> Result<bool, Trouble> {
        let strangers = self.strangers(kind, range).await?;
        if strangers.is_empty() {
            return Ok(false);
        }
        let (mut gone, mut there, mut asked_at) = (Vec::new(), Vec::new(), self.now());
        for stranger in strangers {
            let one = self.shop.system.one(&self.shop.access, kind, &stranger.0).await?;
            if one.roots == 0 {
                asked_at = asked_at.min(one.read_at.unwrap_or(asked_at));
                gone.push(stranger);
            } else {
                there.push(stranger.0);
            }
        }
        if !gone.is_empty() {
            // Of what is out of reach the shop says the same: what it granted until now tells which it was.
            self.look_at_scopes().await?;
            let from = self.within_reach(kind, range).from;
            gone.retain(|(_, created_at)| from.is_none_or(|from| *created_at >= from));
        }
        let gone: Vec<String> = gone.into_iter().map(|(id, _)| id).collect();
        let tx = self.write().await?;
        let deleted = mark_deleted(&tx, (self.at.tenant, self.at.store), record(kind), &gone, asked_at).await?;
        see(&tx, self.at, kind, &there).await?;
        let moved = keeps || deleted > 0;
        self.run = self.progress(tx, "deleted = deleted + $4", vec![i64::try_from(deleted).unwrap_or(i64::MAX).into()], moved).await?;
        Ok(true)
    }

    /// What of a range can be seen at this moment.
    fn within_reach(&self, kind: DataKind, range: Range) -> Range {
        match kind {
            DataKind::Orders => Range { from: self.reach(range.from), ..range },
            DataKind::Customers | DataKind::Products => range,
        }
    }

    /// Some things of a range that the shop did not name, though it could, each with when it came to be.
    async fn strangers(&self, kind: DataKind, range: Range) -> Result<Vec<(String, DateTime<Utc>)>, DbErr> {
        let table = table(kind);
        let range = self.within_reach(kind, range);
        let tx = self.read().await?;
        let mut sql = format!(
            "select t.external_id, t.created_at from {table} t where t.tenant_id = $1 and t.store_id = $2 and t.deleted_at is null and not exists (
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
        rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
    }

    /// What the shop named and is neither here nor was rejected, as a condition on `sync_seen`, and its values.
    fn missing(&self, kind: DataKind) -> (String, Vec<Value>) {
        let table = table(kind);
        let condition = format!(
            "s.tenant_id = $1 and s.run_id = $2 and s.kind = $3
             and not exists (select 1 from {table} t where t.tenant_id = $1 and t.store_id = $4 and t.deleted_at is null and t.external_id = s.external_id)
             and not exists (select 1 from sync_seen r where r.tenant_id = $1 and r.run_id = $2 and r.kind = $5 and r.external_id = s.external_id)"
        );
        let values = [self.at.tenant.into(), self.at.run.into(), kind.as_str().into(), self.at.store.into(), rejected(kind).into()];
        (condition, values.into())
    }

    async fn count_missing(&self, kind: DataKind) -> Result<u64, Trouble> {
        let (condition, values) = self.missing(kind);
        let tx = self.read().await?;
        let row = tx.query_one_raw(store::statement(&tx, format!("select count(*) from sync_seen s where {condition}"), values)).await?;
        let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Brings what the shop named and that is not here. What it does not know any more is not missing.
    async fn fetch_missing(&mut self, kind: DataKind) -> Result<(), Trouble> {
        let mut after = String::new();
        loop {
            let missing: Vec<String> = {
                let (condition, mut values) = self.missing(kind);
                values.push(after.into());
                let tx = self.read().await?;
                let sql = format!("select s.external_id from sync_seen s where {condition} and s.external_id > $6 order by s.external_id limit {AT_ONCE}");
                let rows = tx.query_all_raw(store::statement(&tx, sql, values)).await?;
                rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>()?
            };
            let Some(last) = missing.last() else { return Ok(()) };
            after = last.clone();
            let (mut read_at, mut records, mut none) = (self.now(), Vec::new(), Vec::new());
            for id in missing {
                let page = self.shop.system.one(&self.shop.access, kind, &id).await?;
                read_at = read_at.min(page.read_at.unwrap_or(read_at - SKEW));
                if page.roots == 0 {
                    none.push(id);
                }
                self.add_whole(page, &mut records).await?;
            }
            if !records.is_empty() {
                self.bring_records("what was missing", records, read_at, None).await?;
            }
            let tx = self.write().await?;
            unsee(&tx, self.at, kind, &none).await?;
            tx.commit().await?;
        }
    }
}
