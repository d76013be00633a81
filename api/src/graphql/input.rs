//! Inputs that lists share.

use async_graphql::{Enum, ID, InputObject, Result};
use chrono::{DateTime, Datelike, Utc};
use entities::InvalidId;

use super::errors::bad_input;
use super::scalars::{CurrencyCode, Decimal};

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum SortDirection {
    /// The smallest or oldest first.
    Asc,
    /// The largest or newest first.
    Desc,
}

/// A span of time.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct DateTimeRange {
    /// From this instant on.
    from: Option<DateTime<Utc>>,
    /// Before this instant.
    before: Option<DateTime<Utc>>,
}

impl DateTimeRange {
    /// All before an instant.
    pub fn before(before: DateTime<Utc>) -> Self {
        Self { from: None, before: Some(before) }
    }

    /// The span, its ends checked: the databases agree on the years 1 to 9999 alone.
    pub fn read(self) -> Result<platform::filter::TimeRange> {
        for at in self.from.iter().chain(&self.before) {
            if !(1..=9999).contains(&at.year()) {
                return Err(bad_input("instants lie in the years 1 to 9999"));
            }
        }
        Ok(platform::filter::TimeRange { from: self.from, before: self.before })
    }
}

/// The longest text that a filter takes, in characters.
const MAX_TEXT: usize = 255;
/// The most words that a text search takes.
const MAX_WORDS: usize = 10;

/// A text that a filter compares.
pub fn short(text: Option<String>) -> Result<Option<String>> {
    match text {
        Some(text) if text.chars().count() > MAX_TEXT => Err(bad_input(format!("a filter's text has at most {MAX_TEXT} characters"))),
        text => Ok(text),
    }
}

/// Texts that a filter compares, any of which will do.
pub fn texts(texts: Option<Vec<String>>) -> Result<Option<Vec<String>>> {
    let Some(given) = texts else { return Ok(None) };
    if given.len() > MAX_IDS {
        return Err(bad_input(format!("{} texts at once; at most {MAX_IDS} are taken", given.len())));
    }
    given.into_iter().map(|text| short(Some(text))).collect()
}

/// The words of a text search: each is a condition of its own.
pub fn words(text: Option<String>) -> Result<Option<String>> {
    let text = short(text)?;
    match &text {
        Some(text) if text.split_whitespace().count() > MAX_WORDS => Err(bad_input(format!("a text search takes at most {MAX_WORDS} words"))),
        _ => Ok(text),
    }
}

/// A range of amounts in one currency. Rows in other currencies are left out.
#[derive(InputObject)]
pub struct MoneyRange {
    /// The currency of both ends.
    currency_code: CurrencyCode,
    /// The least amount, included.
    min: Option<Decimal>,
    /// The greatest amount, included.
    max: Option<Decimal>,
}

impl MoneyRange {
    /// The range with its amounts read.
    pub fn read(self) -> Result<platform::filter::MoneyRange> {
        let currency = self.currency_code.0;
        let read = |amount: Option<Decimal>| amount.map(|a| entities::Money::parse(&a.0, currency)).transpose().map_err(bad_input);
        Ok(platform::filter::MoneyRange { currency, min: read(self.min)?, max: read(self.max)? })
    }
}

/// The most ids that one argument takes.
pub const MAX_IDS: usize = 250;

/// Reads an id of one kind.
pub fn id<T: std::str::FromStr<Err = InvalidId>>(id: &ID) -> Result<T> {
    id.parse().map_err(bad_input)
}

/// Reads ids of one kind.
pub fn ids<T: std::str::FromStr<Err = InvalidId>>(ids: Option<Vec<ID>>) -> Result<Option<Vec<T>>> {
    let Some(given) = ids else { return Ok(None) };
    if given.len() > MAX_IDS {
        return Err(bad_input(format!("{} ids at once; at most {MAX_IDS} are taken", given.len())));
    }
    given.iter().map(id).collect::<Result<Vec<T>>>().map(Some)
}

/// Declares the input by which a list is sorted, and the order that holds when nothing is said.
macro_rules! order_input {
    (
        $(#[doc = $doc:literal])* $name:ident by
        $(#[doc = $field_doc:literal])* $field:ident for $sort:ty { $($(#[doc = $value_doc:literal])* $value:ident,)* }
        default $default:ident $direction:ident
    ) => {
        $(#[doc = $field_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, async_graphql::Enum)]
        pub enum $field { $($(#[doc = $value_doc])* $value,)* }

        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, async_graphql::InputObject)]
        pub struct $name {
            /// What is compared. Rows that compare equal are sorted by id.
            field: $field,
            /// Which end comes first.
            #[graphql(default_with = "crate::graphql::input::SortDirection::Asc")]
            direction: $crate::graphql::input::SortDirection,
        }

        impl $crate::graphql::objects::IntoOrder<$sort> for $name {
            fn into_order(order: Option<Self>) -> ($sort, bool) {
                let order = order.unwrap_or(Self { field: $field::$default, direction: $crate::graphql::input::SortDirection::$direction });
                let sort = match order.field { $($field::$value => <$sort>::$value,)* };
                (sort, order.direction == $crate::graphql::input::SortDirection::Desc)
            }
        }
    };
}
pub(crate) use order_input;
