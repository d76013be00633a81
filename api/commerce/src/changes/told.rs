//! The few rows that a change tells of, put before a statement in the place of the staging tables: the rules of imports then
//! hold for them as they stand, and no staged row is ever written.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entities::ImportRunId;
use integrations::ports::commerce::{BulkRecord, CustomerRecord, LineError, OrderChange, ProductChange, RecordKind};
use platform::db::is_sqlite;
use platform::{DbErr, Ids, Tx};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use uuid::Uuid;

use super::StorePlace;
use crate::records::{
    CUSTOMERS, For, Forgotten, Form, ORDER_ITEMS, ORDERS, Object, PRODUCT_VARIANTS, PRODUCTS, SEARCH, Shape, Stager, Words, completions, customer_of, parts_of,
    shape,
};

/// Something that a shop system tells of, with its children.
#[derive(Clone, Copy, Debug)]
pub enum Telling<'a> {
    /// A customer.
    Customer(&'a CustomerRecord),
    /// A product with its variants.
    Product(&'a ProductChange),
    /// An order with its lines, and perhaps its customer.
    Order(&'a OrderChange),
}

/// The kinds that each tells of. A new customer is looked for among orders, of which it tells none.
static OF_CUSTOMER: [&Shape; 2] = [&CUSTOMERS, &ORDERS];
static OF_PRODUCT: [&Shape; 2] = [&PRODUCTS, &PRODUCT_VARIANTS];
static OF_ORDER: [&Shape; 3] = [&CUSTOMERS, &ORDERS, &ORDER_ITEMS];

impl<'a> Telling<'a> {
    pub(super) fn kind(self) -> RecordKind {
        match self {
            Self::Customer(_) => RecordKind::Customer,
            Self::Product(_) => RecordKind::Product,
            Self::Order(_) => RecordKind::Order,
        }
    }

    pub(super) fn root(self) -> &'static Shape {
        shape(self.kind())
    }

    pub(super) fn external_id(self) -> &'a str {
        match self {
            Self::Customer(customer) => &customer.external_id,
            Self::Product(change) => &change.product.external_id,
            Self::Order(change) => &change.order.external_id,
        }
    }

    /// What it is about, customers first.
    pub(super) fn things(self) -> Vec<(RecordKind, &'a str)> {
        let customer = self.customer().filter(|_| self.kind() != RecordKind::Customer).map(|id| (RecordKind::Customer, id));
        customer.into_iter().chain([(self.kind(), self.external_id())]).collect()
    }

    /// The provider's id of the customer.
    fn customer(self) -> Option<&'a str> {
        match self {
            Self::Customer(customer) => Some(&customer.external_id),
            Self::Product(_) => None,
            Self::Order(change) => customer_of(&change.order).map(String::as_str),
        }
    }

    /// When the provider last changed it.
    fn as_of(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Customer(customer) => customer.updated_at.into_value(),
            Self::Product(change) => change.product.updated_at.into_value(),
            Self::Order(change) => Some(change.order.updated_at),
        }
    }

    /// Whether all children are told.
    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::Customer(_) => true,
            Self::Product(change) => change.complete,
            Self::Order(change) => change.complete,
        }
    }

    fn shapes(self) -> &'static [&'static Shape] {
        match self {
            Self::Customer(_) => &OF_CUSTOMER,
            Self::Product(_) => &OF_PRODUCT,
            Self::Order(_) => &OF_ORDER,
        }
    }

    /// It and its children as lines of an export. As of lines in a file, of several about one child the last counts.
    fn records(self) -> Result<Vec<BulkRecord>, LineError> {
        let parent = self.external_id();
        let mut records = Vec::new();
        match self {
            Self::Customer(customer) => records.push(BulkRecord::Customer(Box::new(customer.clone()))),
            Self::Product(change) => {
                records.push(BulkRecord::Product(Box::new(change.product.clone())));
                for variant in last_of_each(&change.variants, |variant| &variant.external_id) {
                    belongs((RecordKind::ProductVariant, &variant.external_id), ("product", &variant.parent), parent)?;
                    records.push(BulkRecord::ProductVariant(Box::new(variant.clone())));
                }
            }
            Self::Order(change) => {
                records.push(BulkRecord::Order(Box::new(change.order.clone())));
                for item in last_of_each(&change.items, |item| &item.external_id) {
                    belongs((RecordKind::OrderItem, &item.external_id), ("order", &item.parent), parent)?;
                    records.push(BulkRecord::OrderItem(Box::new(item.clone())));
                }
            }
        }
        Ok(records)
    }
}

fn belongs((kind, external_id): (RecordKind, &str), (word, named): (&str, &str), parent: &str) -> Result<(), LineError> {
    if named == parent {
        return Ok(());
    }
    Err(LineError { kind: Some(kind), external_id: Some(external_id.to_owned()), reason: format!("it belongs to the {word} {named}, not to {parent}") })
}

fn last_of_each<T>(all: &[T], id: impl Fn(&T) -> &String) -> Vec<&T> {
    let mut seen = HashSet::new();
    let mut last: Vec<&T> = all.iter().rev().filter(|one| seen.insert(id(one))).collect();
    last.reverse();
    last
}

/// The place of the thing in its "file".
const LINE: u64 = 1;

/// What is told.
pub(super) struct Told {
    place: StorePlace,
    shapes: &'static [&'static Shape],
    root: &'static Shape,
    external_id: String,
    /// The provider's id of the customer.
    customer: Option<String>,
    now: DateTime<Utc>,
    /// When the provider last changed it.
    pub as_of: Option<DateTime<Utc>>,
    /// When the provider told it.
    pub told_at: Option<DateTime<Utc>>,
    /// Of each shape.
    rows: Vec<Vec<Object>>,
}

impl Told {
    /// Checks what is told as an import does, and makes its rows.
    pub fn of(
        place: StorePlace,
        telling: Telling<'_>,
        told_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        ids: &Ids,
        forgotten: &Forgotten,
    ) -> Result<Self, LineError> {
        let target = For { tenant: place.tenant, run: ImportRunId::from(Uuid::nil()), currency: place.currency, form: Form::Objects };
        let mut stager = Stager::new(target, ids.clone(), forgotten.clone());
        for record in telling.records()? {
            stager.record(LINE, record)?;
        }
        Ok(Self {
            place,
            shapes: telling.shapes(),
            root: telling.root(),
            external_id: telling.external_id().to_owned(),
            customer: telling.customer().map(str::to_owned),
            now,
            as_of: telling.as_of(),
            told_at,
            rows: telling.shapes().iter().map(|shape| stager.take_kind(shape.kind).into_objects()).collect(),
        })
    }

    /// The kind that it is of.
    pub fn root(&self) -> &'static Shape {
        self.root
    }

    /// The kinds that it may tell of.
    pub fn kinds(&self) -> Vec<RecordKind> {
        self.shapes.iter().map(|shape| shape.kind).collect()
    }

    /// Whether it tells anything of a kind.
    pub fn tells(&self, shape: &Shape) -> bool {
        self.shapes.iter().zip(&self.rows).any(|(kind, rows)| kind.kind == shape.kind && !rows.is_empty())
    }

    /// A statement over the staging tables, made to read what is told. The provider's ids of the thing and of the customer are `{subject}`
    /// and `{customer}`. When it writes rows of a kind, the parents that it joins are narrowed to those that are told: a planner that
    /// knows nothing of fresh rows else begins with all of them.
    pub fn statement(&self, backend: DbBackend, writes: Option<&Shape>, sql: &str) -> Statement {
        let sqlite = is_sqlite(backend);
        let parameter = |number: usize, kind: &str| if sqlite { format!("${number}") } else { format!("${number}::{kind}") };
        let words = Words {
            sqlite,
            tenant: parameter(1, "uuid"),
            store: parameter(2, "uuid"),
            run: if sqlite { format!("x'{}'", Uuid::nil().simple()) } else { format!("'{}'::uuid", Uuid::nil()) },
            currency: parameter(5, "text"),
            now: parameter(3, "timestamptz"),
            as_of: parameter(4, "timestamptz"),
            pending: "null".to_owned(),
            read_at: parameter(8, "timestamptz"),
        };
        let mut values: Vec<Value> = vec![
            self.place.tenant.uuid().into(),
            self.place.store.uuid().into(),
            self.now.into(),
            self.as_of.into(),
            self.place.currency.code().into(),
            self.external_id.as_str().into(),
            self.customer.clone().into(),
            self.told_at.into(),
        ];
        let mut tables = Vec::new();
        for (shape, rows) in self.shapes.iter().zip(&self.rows) {
            values.push(serde_json::to_string(rows).unwrap_or_default().into());
            tables.push(table(shape, values.len(), sqlite));
        }
        tables.extend(writes.and_then(|shape| parent(shape.kind, sqlite)));
        let sql = format!("with {} {sql}", tables.join(", "));
        let sql = words.fill(&sql).replace("{subject}", &parameter(6, "text")).replace("{customer}", &parameter(7, "text"));
        Statement::from_sql_and_values(backend, sql, values)
    }

    /// Runs a statement over what is told; how many rows it touched.
    pub async fn execute(&self, tx: &Tx, writes: Option<&Shape>, sql: &str) -> Result<u64, DbErr> {
        Ok(tx.execute_raw(self.statement(tx.get_database_backend(), writes, sql)).await?.rows_affected())
    }

    /// Updates the rows of a kind that differ, where `also` holds; how many.
    pub async fn update(&self, tx: &Tx, shape: &Shape, also: &str) -> Result<u64, DbErr> {
        let known = self.known(shape, is_sqlite(tx.get_database_backend()));
        self.execute(tx, Some(shape), &shape.update(&format!("{known}{also}"))).await
    }

    /// Creates the rows of a kind that are not there yet; their ids.
    pub async fn insert(&self, tx: &Tx, shape: &Shape) -> Result<Vec<Uuid>, DbErr> {
        let backend = tx.get_database_backend();
        let sql = format!("{} returning id", shape.insert("", &self.known(shape, is_sqlite(backend))));
        let rows = tx.query_all_raw(self.statement(backend, Some(shape), &sql)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// Completes what the rows are found by with parts that are known.
    pub async fn complete_search(&mut self, tx: &Tx) -> Result<(), DbErr> {
        for completion in completions() {
            let Some(kind) = self.shapes.iter().position(|shape| shape.kind == completion.shape.kind) else { continue };
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

    /// Limits the rows `t` of a kind to those that are told, so that an index finds them whatever is joined first.
    fn known(&self, shape: &Shape, sqlite: bool) -> String {
        match shape.kind {
            RecordKind::Customer => " and t.external_id = {customer}".to_owned(),
            kind if kind == self.root.kind => " and t.external_id = {subject}".to_owned(),
            _ if sqlite => format!(" and t.external_id in (select external_id from {})", shape.staged),
            _ => format!(" and t.external_id = any(array(select external_id from {}))", shape.staged),
        }
    }
}

fn carried(row: &Object) -> i64 {
    row.get("carried").and_then(serde_json::Value::as_i64).unwrap_or(0)
}

/// A table of the rows of a parameter, named and shaped as the staging table.
fn table(shape: &Shape, parameter: usize, sqlite: bool) -> String {
    let name = shape.staged;
    if !sqlite {
        return format!("{name} as (select * from jsonb_populate_recordset(null::{name}, ${parameter}::text::jsonb))");
    }
    let columns = shape.staged_columns();
    let values: Vec<String> = columns.iter().map(|column| cell(column)).collect();
    format!("{name}({}) as (select {} from json_each(${parameter}) told)", columns.join(", "), values.join(", "))
}

/// The table that rows of a kind join, with nothing in it but what is told.
fn parent(kind: RecordKind, sqlite: bool) -> Option<String> {
    let (table, id) = match kind {
        RecordKind::Order => ("customers", "{customer}"),
        RecordKind::OrderItem => ("orders", "{subject}"),
        RecordKind::ProductVariant => ("products", "{subject}"),
        RecordKind::Customer | RecordKind::Product => return None,
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
