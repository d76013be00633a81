//! What a document costs, and the bucket that it is paid from. How Shopify reckons a document is its own affair; that a call must fit into
//! the bucket, and that what it did not need comes back, is not.

use std::time::Instant;

use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::response::JsonMap;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

/// More than this no call may ask for.
pub(super) const MOST: u64 = 1_000;

pub(super) struct Bucket {
    maximum: u64,
    rate: u64,
    available: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn new(maximum: u64, rate: u64) -> Self {
        Self { maximum, rate, available: maximum as f64, at: Instant::now() }
    }

    fn settle(&mut self) {
        let now = Instant::now();
        self.available = (self.available + now.duration_since(self.at).as_secs_f64() * self.rate as f64).min(self.maximum as f64);
        self.at = now;
    }

    /// Whether there was room.
    pub(super) fn take(&mut self, points: u64) -> bool {
        self.settle();
        let enough = self.available >= points as f64;
        if enough {
            self.available -= points as f64;
        }
        enough
    }

    pub(super) fn give_back(&mut self, points: u64) {
        self.settle();
        self.available = (self.available + points as f64).min(self.maximum as f64);
    }

    pub(super) fn told(&mut self, requested: u64, actual: Option<u64>) -> Value {
        self.settle();
        json!({ "cost": { "requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": {
            "maximumAvailable": self.maximum as f64, "currentlyAvailable": self.available.floor(), "restoreRate": self.rate as f64,
        } } })
    }
}

/// What an operation asks for.
pub(super) fn requested(schema: &Schema, document: &ExecutableDocument, operation: &Operation, variables: &JsonMap) -> u64 {
    let reckoning = Reckoning { schema, document, variables };
    let points = reckoning.selections(&operation.selection_set);
    if operation.is_mutation() { points.max(10) } else { points.max(1) }
}

struct Reckoning<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    variables: &'a JsonMap,
}

impl Reckoning<'_> {
    fn selections(&self, set: &SelectionSet) -> u64 {
        set.selections
            .iter()
            .map(|selection| match selection {
                Selection::Field(field) => self.field(field),
                Selection::FragmentSpread(spread) => {
                    self.document.fragments.get(&spread.fragment_name).map_or(0, |fragment| self.selections(&fragment.selection_set))
                }
                Selection::InlineFragment(inline) => self.selections(&inline.selection_set),
            })
            .sum()
    }

    fn field(&self, field: &Field) -> u64 {
        let inner = field.ty().inner_named_type();
        if self.schema.get_object(inner).is_none() && self.schema.get_interface(inner).is_none() {
            return 0;
        }
        let children = self.selections(&field.selection_set);
        if inner.ends_with("Connection") {
            let first = field.specified_argument_by_name("first").and_then(|value| match value.as_variable() {
                Some(name) => self.variables.get(name.as_str()).and_then(|value| value.as_u64()),
                None => value.to_i32().and_then(|number| u64::try_from(number).ok()),
            });
            // Long lists are reckoned less than their length.
            return 2 + (first.unwrap_or(1) as f64).powf(0.6).ceil() as u64 * children.max(1);
        }
        1 + children
    }
}
