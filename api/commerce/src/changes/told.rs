//! The few rows that a change tells of, put before a statement in the place of the staging tables: the rules of imports then
//! hold for them as they stand, and no staged row is ever written.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entities::ImportRunId;
use integrations::ports::commerce::{BulkRecord, LineError, OrderItemRecord, OrderRecord, RecordKind};
use platform::db::is_sqlite;
use platform::{DbErr, Ids, Tx};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use uuid::Uuid;

use super::StorePlace;
use crate::records::{CUSTOMERS, For, Forgotten, Form, ORDER_ITEMS, ORDERS, Object, SEARCH, Shape, Stager, Words, completions, customer_of, parts_of};

/// The kinds that an order tells of, as the parameters `$1` to `$3`.
const KINDS: [&Shape; 3] = [&CUSTOMERS, &ORDERS, &ORDER_ITEMS];

/// The place of the order in its "file".
const LINE: u64 = 1;

/// What an order tells.
pub(super) struct Told {
    pub place: StorePlace,
    pub external_id: String,
    /// The provider's id of its customer.
    pub customer: Option<String>,
    pub now: DateTime<Utc>,
    /// When the provider last changed it.
    pub as_of: DateTime<Utc>,
    /// When the provider told it.
    pub told_at: Option<DateTime<Utc>>,
    rows: [Vec<Object>; 3],
}

impl Told {
    /// Checks an order as an import does, and makes its rows.
    pub fn of_order(
        place: StorePlace,
        (order, items): (&OrderRecord, &[OrderItemRecord]),
        told_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        ids: &Ids,
        forgotten: &Forgotten,
    ) -> Result<Self, LineError> {
        let target = For { tenant: place.tenant, run: ImportRunId::from(Uuid::nil()), currency: place.currency, form: Form::Objects };
        let mut stager = Stager::new(target, ids.clone(), forgotten.clone());
        stager.record(LINE, BulkRecord::Order(Box::new(order.clone())))?;
        for item in last_of_each(items) {
            if item.parent != order.external_id {
                let reason = format!("it belongs to the order {}, not to {}", item.parent, order.external_id);
                return Err(LineError { kind: Some(RecordKind::OrderItem), external_id: Some(item.external_id.clone()), reason });
            }
            stager.record(LINE, BulkRecord::OrderItem(Box::new(item.clone())))?;
        }
        let rows = KINDS.map(|shape| stager.take_kind(shape.kind).into_objects());
        Ok(Self { place, external_id: order.external_id.clone(), customer: customer_of(order).cloned(), now, as_of: order.updated_at, told_at, rows })
    }

    /// Whether it tells anything of a kind.
    pub fn tells(&self, shape: &Shape) -> bool {
        KINDS.iter().zip(&self.rows).any(|(kind, rows)| kind.kind == shape.kind && !rows.is_empty())
    }

    /// A statement over the staging tables, made to read what is told. The provider's ids of order and customer are `{order}` and
    /// `{customer}`. When it writes rows of a kind, the parents that it joins are narrowed to those that are told: a planner that
    /// knows nothing of fresh rows else begins with all of them.
    pub fn statement(&self, backend: DbBackend, writes: Option<&Shape>, sql: &str) -> Statement {
        let sqlite = is_sqlite(backend);
        let parameter = |number: u8, kind: &str| if sqlite { format!("${number}") } else { format!("${number}::{kind}") };
        let words = Words {
            sqlite,
            tenant: parameter(4, "uuid"),
            store: parameter(5, "uuid"),
            run: if sqlite { format!("x'{}'", Uuid::nil().simple()) } else { format!("'{}'::uuid", Uuid::nil()) },
            currency: parameter(8, "text"),
            now: parameter(6, "timestamptz"),
            as_of: parameter(7, "timestamptz"),
            pending: "null".to_owned(),
            read_at: parameter(11, "timestamptz"),
        };
        let mut tables: Vec<String> = KINDS.iter().zip(1..).map(|(shape, number)| table(shape, number, sqlite)).collect();
        tables.extend(writes.and_then(|shape| parent(shape.kind, sqlite)));
        let sql = format!("with {} {sql}", tables.join(", "));
        let sql = words.fill(&sql).replace("{order}", &parameter(9, "text")).replace("{customer}", &parameter(10, "text"));
        let [customers, orders, items] = self.rows.each_ref().map(|rows| Value::from(serde_json::to_string(rows).unwrap_or_default()));
        let values = [
            customers,
            orders,
            items,
            self.place.tenant.uuid().into(),
            self.place.store.uuid().into(),
            self.now.into(),
            self.as_of.into(),
            self.place.currency.code().into(),
            self.external_id.as_str().into(),
            self.customer.clone().into(),
            self.told_at.into(),
        ];
        Statement::from_sql_and_values(backend, sql, values)
    }

    /// Runs a statement over what is told; how many rows it touched.
    pub async fn execute(&self, tx: &Tx, sql: &str) -> Result<u64, DbErr> {
        Ok(tx.execute_raw(self.statement(tx.get_database_backend(), None, sql)).await?.rows_affected())
    }

    /// Updates the rows of a kind that differ, where `also` holds; how many.
    pub async fn update(&self, tx: &Tx, shape: &Shape, also: &str) -> Result<u64, DbErr> {
        let backend = tx.get_database_backend();
        let sql = shape.update(&format!("{}{also}", known(shape.kind, is_sqlite(backend))));
        Ok(tx.execute_raw(self.statement(backend, Some(shape), &sql)).await?.rows_affected())
    }

    /// Creates the rows of a kind that are not there yet; their ids.
    pub async fn insert(&self, tx: &Tx, shape: &Shape) -> Result<Vec<Uuid>, DbErr> {
        let backend = tx.get_database_backend();
        let sql = format!("{} returning id", shape.insert("", known(shape.kind, is_sqlite(backend))));
        let rows = tx.query_all_raw(self.statement(backend, Some(shape), &sql)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// Completes what the rows are found by with parts that are known.
    pub async fn complete_search(&mut self, tx: &Tx) -> Result<(), DbErr> {
        for completion in completions() {
            let Some(kind) = KINDS.iter().position(|shape| shape.kind == completion.shape.kind) else { continue };
            let bit = completion.shape.bit(SEARCH);
            if self.rows[kind].iter().all(|row| carried(row) & bit != 0) {
                continue;
            }
            let select = completion.select.replace("{from}", "0");
            let Some(found) = tx.query_one_raw(self.statement(tx.get_database_backend(), None, &select)).await? else { continue };
            let (_, parts) = parts_of(&found)?;
            let text = completion.text_of(&parts);
            for row in &mut self.rows[kind] {
                let carried = carried(row) | bit;
                row.insert(SEARCH.to_owned(), text.as_str().into());
                row.insert("carried".to_owned(), carried.into());
            }
        }
        Ok(())
    }
}

fn carried(row: &Object) -> i64 {
    row.get("carried").and_then(serde_json::Value::as_i64).unwrap_or(0)
}

/// As of lines in a file: of several about one item the last counts.
fn last_of_each(items: &[OrderItemRecord]) -> Vec<&OrderItemRecord> {
    let mut seen = HashSet::new();
    let mut last: Vec<&OrderItemRecord> = items.iter().rev().filter(|item| seen.insert(&item.external_id)).collect();
    last.reverse();
    last
}

/// A table of the rows of a parameter, named and shaped as the staging table.
fn table(shape: &Shape, parameter: u8, sqlite: bool) -> String {
    let name = shape.staged;
    if !sqlite {
        return format!("{name} as (select * from jsonb_populate_recordset(null::{name}, ${parameter}::text::jsonb))");
    }
    let columns = shape.staged_columns();
    let values: Vec<String> = columns.iter().map(|column| cell(column)).collect();
    format!("{name}({}) as (select {} from json_each(${parameter}) told)", columns.join(", "), values.join(", "))
}

/// Limits the rows `t` of a kind to those that are told, so that an index finds them whatever is joined first.
fn known(kind: RecordKind, sqlite: bool) -> &'static str {
    match kind {
        RecordKind::Customer => " and t.external_id = {customer}",
        RecordKind::Order => " and t.external_id = {order}",
        RecordKind::OrderItem if sqlite => " and t.external_id in (select external_id from staged_order_items)",
        RecordKind::OrderItem => " and t.external_id = any(array(select external_id from staged_order_items))",
        RecordKind::Product | RecordKind::ProductVariant => "",
    }
}

/// The table that rows of a kind join, with nothing in it but what is told.
fn parent(kind: RecordKind, sqlite: bool) -> Option<String> {
    let (table, id) = match kind {
        RecordKind::Order => ("customers", "{customer}"),
        RecordKind::OrderItem => ("orders", "{order}"),
        RecordKind::Customer | RecordKind::Product | RecordKind::ProductVariant => return None,
    };
    // Within a table expression of its name, SQLite takes the bare name for the expression.
    let schema = if sqlite { "main." } else { "" };
    Some(format!("{table} as (select * from {schema}{table} where tenant_id = {{tenant}} and store_id = {{store}} and external_id = {id})"))
}

/// SQLite: a column out of a row's object.
fn cell(column: &str) -> String {
    let value = format!("told.value ->> '$.{column}'");
    // The ids that Noren gives are bytes.
    if matches!(column, "run_id" | "tenant_id" | "id") { format!("unhex({value})") } else { value }
}
