//! Rows for one table, inserted many at once.

use chrono::{DateTime, Utc};
use platform::{Database, DbErr, Tx};
use sea_orm::Value;
use uuid::Uuid;

use crate::imports::insert_rows;

/// Rows to come.
pub(super) struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    values: Vec<Value>,
}

impl Table {
    pub fn new(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, values: Vec::new() }
    }

    /// Adds a row: a value for each column.
    pub fn row<const N: usize>(&mut self, values: [Value; N]) {
        debug_assert_eq!(N, self.columns.len(), "{}", self.name);
        self.values.extend(values);
    }

    pub async fn insert(self, db: &Database, tx: &Tx) -> Result<(), DbErr> {
        insert_rows(db, tx, self.name, self.columns, self.values).await
    }
}

/// A text that may be missing.
pub(super) fn text(value: Option<&str>) -> Value {
    value.map(str::to_owned).into()
}

/// An instant that may be missing.
pub(super) fn instant(value: Option<DateTime<Utc>>) -> Value {
    value.into()
}

/// An id that may be missing.
pub(super) fn id(value: Option<Uuid>) -> Value {
    value.into()
}
