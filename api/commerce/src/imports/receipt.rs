//! What an import did, for people and for the run's row.

use std::fmt;

use entities::{ImportRunId, StoreId};
use integrations::ports::commerce::RecordKind;
use serde::{Deserialize, Serialize};

use crate::records::NO_KIND;

/// Rejected lines that a receipt lists; the others are counted.
pub const LISTED_REJECTIONS: u64 = 1_000;

/// What became of the rows of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New.
    pub created: u64,
    /// Known, and different.
    pub updated: u64,
    /// Known and the same, or known as of a later moment.
    pub unchanged: u64,
    /// Lines that were not taken.
    pub rejected: u64,
}

/// A line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What it is about, as far as can be told.
    pub kind: Option<RecordKind>,
    /// The provider's id, as far as can be told.
    pub external_id: Option<String>,
    /// Why.
    pub reason: String,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The run.
    pub run: ImportRunId,
    /// The store.
    pub store: StoreId,
    /// The file.
    pub source: String,
    /// Whether the good rows were written.
    pub written: bool,
    /// Lines read.
    pub lines: u64,
    /// Customers.
    pub customers: Counts,
    /// Products.
    pub products: Counts,
    /// Variants of products.
    pub product_variants: Counts,
    /// Orders.
    pub orders: Counts,
    /// Lines of orders.
    pub order_items: Counts,
    /// Earlier orders that found their customer among the rows of this run.
    pub orders_linked: u64,
    /// Lines that were not taken, all together.
    pub rejected: u64,
    /// Of them those that say nothing: cut, garbled, or about nothing that is known.
    #[serde(default)]
    pub unreadable: u64,
    /// Of them children whose parent is not in the file.
    #[serde(default)]
    pub orphans: u64,
    /// The first of them.
    pub rejections: Vec<Rejection>,
}

impl Receipt {
    pub(super) fn new(run: ImportRunId, store: StoreId, source: &str) -> Self {
        let none = Counts::default();
        Self {
            run,
            store,
            source: source.to_owned(),
            written: false,
            lines: 0,
            customers: none,
            products: none,
            product_variants: none,
            orders: none,
            order_items: none,
            orders_linked: 0,
            rejected: 0,
            unreadable: 0,
            orphans: 0,
            rejections: Vec::new(),
        }
    }

    /// What became of the rows of a kind.
    pub fn of(&self, kind: RecordKind) -> &Counts {
        match kind {
            RecordKind::Customer => &self.customers,
            RecordKind::Product => &self.products,
            RecordKind::ProductVariant => &self.product_variants,
            RecordKind::Order => &self.orders,
            RecordKind::OrderItem => &self.order_items,
        }
    }

    pub(super) fn of_mut(&mut self, kind: RecordKind) -> &mut Counts {
        match kind {
            RecordKind::Customer => &mut self.customers,
            RecordKind::Product => &mut self.products,
            RecordKind::ProductVariant => &mut self.product_variants,
            RecordKind::Order => &mut self.orders,
            RecordKind::OrderItem => &mut self.order_items,
        }
    }

    /// Whether the run changed anything.
    pub fn changed_something(&self) -> bool {
        self.orders_linked > 0 || RecordKind::ALL.iter().any(|kind| self.of(*kind).created + self.of(*kind).updated > 0)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: {} lines read", self.source, grouped(self.lines))?;
        writeln!(out, "{:<12}{:>12}{:>12}{:>12}{:>12}", "", "created", "updated", "unchanged", "rejected")?;
        for kind in RecordKind::ALL {
            let counts = self.of(kind);
            if *counts != Counts::default() {
                let columns = [counts.created, counts.updated, counts.unchanged, counts.rejected].map(grouped);
                writeln!(out, "{:<12}{:>12}{:>12}{:>12}{:>12}", kind.plural(), columns[0], columns[1], columns[2], columns[3])?;
            }
        }
        if self.orders_linked > 0 {
            writeln!(out, "{} earlier orders found their customer", grouped(self.orders_linked))?;
        }
        for rejection in &self.rejections {
            let kind = rejection.kind.map_or(NO_KIND, RecordKind::as_str).to_ascii_lowercase().replace('_', " ");
            let id = rejection.external_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            writeln!(out, "line {}, {kind}{id}: {}", rejection.line, rejection.reason)?;
        }
        let listed = self.rejections.len() as u64;
        if self.rejected > listed {
            writeln!(out, "… and {} more rejected lines", grouped(self.rejected - listed))?;
        }
        match (self.written, self.changed_something()) {
            (false, _) => write!(out, "Nothing was written: {} of the lines are rejected.", grouped(self.rejected)),
            (true, false) => write!(out, "Nothing had changed."),
            (true, true) => write!(out, "Done."),
        }
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
