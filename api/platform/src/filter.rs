//! What lists are filtered by, in every room alike.

use crate::text::{contains_pattern, fold};
use chrono::{DateTime, Utc};
use entities::{Currency, Money};
use sea_orm::sea_query::{Expr, ExprTrait, LikeExpr, SimpleExpr};

/// From an instant on, and before another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimeRange {
    /// From here on.
    pub from: Option<DateTime<Utc>>,
    /// Before here.
    pub before: Option<DateTime<Utc>>,
}

/// Amounts of one currency, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MoneyRange {
    /// The currency.
    pub currency: Currency,
    /// The least amount.
    pub min: Option<Money>,
    /// The greatest amount.
    pub max: Option<Money>,
}

/// Collects the conditions of a filter on one table.
pub struct Conditions {
    table: &'static str,
    found: Vec<SimpleExpr>,
}

impl Conditions {
    /// None yet.
    pub fn on(table: &'static str) -> Self {
        Self { table, found: Vec::new() }
    }

    /// The conditions.
    pub fn into_vec(self) -> Vec<SimpleExpr> {
        self.found
    }

    fn column(&self, name: &'static str) -> SimpleExpr {
        Expr::col((self.table, name))
    }

    /// The column has this value.
    pub fn equals(&mut self, name: &'static str, value: Option<impl Into<sea_orm::Value>>) -> &mut Self {
        if let Some(value) = value {
            self.found.push(self.column(name).eq(value.into()));
        }
        self
    }

    /// The column, which is stored folded, is this text.
    pub fn equals_folded(&mut self, name: &'static str, text: Option<&str>) -> &mut Self {
        self.equals(name, text.map(fold))
    }

    /// The column has one of these values; no list means any, an empty one none.
    pub fn one_of<V: Into<sea_orm::Value> + Clone>(&mut self, name: &'static str, values: Option<&[V]>) -> &mut Self {
        if let Some(values) = values {
            let mut distinct: Vec<sea_orm::Value> = Vec::new();
            for value in values.iter().cloned().map(Into::into) {
                if !distinct.contains(&value) {
                    distinct.push(value);
                }
            }
            self.found.push(self.column(name).is_in(distinct.into_iter().map(Expr::val)));
        }
        self
    }

    /// The column lies in a time range.
    pub fn within(&mut self, name: &'static str, range: Option<TimeRange>) -> &mut Self {
        let range = range.unwrap_or_default();
        if let Some(from) = range.from {
            self.found.push(self.column(name).gte(from));
        }
        if let Some(before) = range.before {
            self.found.push(self.column(name).lt(before));
        }
        self
    }

    /// The amount lies in a range of its currency.
    pub fn amount(&mut self, name: &'static str, range: Option<MoneyRange>) -> &mut Self {
        if let Some(range) = range {
            self.equals("currency_code", Some(range.currency.code()));
            if let Some(min) = range.min {
                self.found.push(self.column(name).gte(min.minor()));
            }
            if let Some(max) = range.max {
                self.found.push(self.column(name).lte(max.minor()));
            }
        }
        self
    }

    /// The row's search text contains every word of `text`.
    pub fn text(&mut self, text: Option<&str>) -> &mut Self {
        for word in text.unwrap_or_default().split_whitespace() {
            let pattern = LikeExpr::new(contains_pattern(word)).escape('\\');
            self.found.push(self.column("search_text").like(pattern));
        }
        self
    }
}
