//! Reading Shopify's values: what its result files and its webhooks have in common.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entities::OrderStatus;
use serde::Deserialize;

use crate::ports::commerce::Field;

/// A value, or what is wrong with it in plain words.
pub(super) type Read<T> = Result<T, String>;

/// Ids are kept as text.
pub(super) fn id_text(id: u64) -> String {
    id.to_string()
}

/// The number of a gid's last part, which may carry a query.
pub(super) fn number_of(text: &str) -> Option<u64> {
    let number = text.split('?').next().unwrap_or(text);
    if number.bytes().all(|b| b.is_ascii_digit()) { number.parse().ok() } else { None }
}

/// As much of a text as an error shows.
pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Reads one JSON value.
pub(super) fn json<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Read<T> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        match error.classify() {
            serde_json::error::Category::Data => format!("column {}{}: {}", error.column(), path::<T>(line), without_value(text)),
            _ => format!("not valid JSON at column {}: {text}", error.column()),
        }
    })
}

/// Where in a value the reading of it fails.
fn path<'a, T: Deserialize<'a>>(line: &'a [u8]) -> String {
    let failed = serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_slice(line)).err();
    failed.map(|error| error.path().to_string()).filter(|path| path != ".").map_or_else(String::new, |path| format!(" ({path})"))
}

/// What serde says, without the value that it says it of: reasons are kept for longer than what they are about.
fn without_value(text: &str) -> String {
    match text.rsplit_once(", expected ") {
        Some((found, expected)) => format!("{}, expected {expected}", found.split(['"', '`']).next().unwrap_or_default().trim_end()),
        None => text.split('"').next().unwrap_or_default().trim_end().to_owned(),
    }
}

/// The value of a field that must be there.
pub(super) fn required<T>(value: Option<T>, name: &str) -> Read<T> {
    value.ok_or_else(|| format!("missing {name}"))
}

/// A number that counts something.
pub(super) fn not_negative(value: i64, name: &str) -> Read<i64> {
    if value < 0 { Err(format!("{name} is negative: {value}")) } else { Ok(value) }
}

/// Both databases keep microseconds.
pub(super) fn instant(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(at)
}

/// Where an order stands, from its dates.
pub(super) fn order_status(cancelled_at: &Field<DateTime<Utc>>, closed: &Field<bool>, closed_at: &Field<DateTime<Utc>>) -> Field<OrderStatus> {
    if cancelled_at.value().is_some() {
        return Field::Value(OrderStatus::Cancelled);
    }
    if closed.value() == Some(&true) || closed_at.value().is_some() {
        return Field::Value(OrderStatus::Closed);
    }
    // Without all of its dates an order that is not known yet counts as open, a known one stays what it was.
    let told = cancelled_at.is_carried() && (closed.is_carried() || closed_at.is_carried());
    if told { Field::Value(OrderStatus::Open) } else { Field::Absent }
}

/// Whether a state of consent is the one that says yes. Without an address there is nobody who has agreed.
pub(super) fn subscribed(state: Field<String>, yes: &str) -> Field<bool> {
    match state {
        Field::Value(state) => Field::Value(state == yes),
        Field::Null => Field::Value(false),
        Field::Absent => Field::Absent,
    }
}

/// Three fields of an object that may itself be null or absent.
pub(super) fn parts3<T, A, B, C>(object: Field<T>, split: impl FnOnce(T) -> (Field<A>, Field<B>, Field<C>)) -> (Field<A>, Field<B>, Field<C>) {
    match object {
        Field::Value(object) => split(object),
        Field::Null => (Field::Null, Field::Null, Field::Null),
        Field::Absent => (Field::Absent, Field::Absent, Field::Absent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "read alone")]
        id: u64,
    }

    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "read alone")]
        customer: Inner,
    }

    #[test]
    fn a_reason_says_where_and_what_and_quotes_nothing() {
        for said in ["Akiko Mori", "a, expected b", "a at line 7", "a `b` \\\" c"] {
            let reason = json::<Outer>(format!(r#"{{"customer": {{"id": "{said}"}}}}"#).as_bytes()).unwrap_err();
            assert!(reason.ends_with(" (customer.id): invalid type: string, expected u64"), "{reason}");
        }
        assert!(json::<Outer>(br#"{"customer": {}}"#).unwrap_err().ends_with(" (customer): missing field `id`"));
        assert!(json::<Outer>(b"{").unwrap_err().starts_with("not valid JSON at column 1"));
    }
}
