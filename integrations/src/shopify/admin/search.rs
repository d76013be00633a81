//! What is searched for, in Shopify's search syntax. Instants stand in quotes: without them their time is not read, and the day is the
//! shop's. An upper end that is left out is written as the second before it: some fields read `<` as `<=`.
//! When customers were changed is compared by whole days there: more comes than was asked for, never less.

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

use crate::ports::shop::{DataKind, Instants, Range};

/// The search for what is in a range; empty for everything.
pub(super) fn of(kind: DataKind, range: &Range) -> String {
    let mut terms = Vec::new();
    let field = field(kind, range.by);
    if let Some(from) = range.from {
        terms.push(format!("{field}:>='{}'", instant(from)));
    }
    if let Some(until) = range.until {
        terms.push(format!("{field}:<='{}'", instant(until.trunc_subsecs(0) - TimeDelta::seconds(1))));
    }
    if !range.archived {
        match kind {
            DataKind::Orders => terms.push("status:not_closed".to_owned()),
            DataKind::Products => terms.push("status:active,draft,unlisted".to_owned()),
            DataKind::Customers => {}
        }
    }
    terms.join(" ")
}

/// The same for counts, whose words for customers differ.
pub(super) fn counted(kind: DataKind, range: &Range) -> String {
    of(kind, range).replace("customer_date:", "created_at:")
}

/// What was deleted since an instant.
pub(super) fn deletions(since: DateTime<Utc>) -> String {
    format!("action:destroy created_at:>='{}'", instant(since))
}

/// Bulk operations since an instant.
pub(super) fn operations(since: DateTime<Utc>) -> String {
    format!("operation_type:query created_at:>='{}'", instant(since))
}

const fn field(kind: DataKind, by: Instants) -> &'static str {
    match (kind, by) {
        (DataKind::Customers, Instants::Created) => "customer_date",
        (DataKind::Orders | DataKind::Products, Instants::Created) => "created_at",
        (_, Instants::Updated) => "updated_at",
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_share_no_second_and_leave_none_out() {
        let at = |text: &str| Some(text.parse().unwrap());
        let january = Range { from: at("2026-01-01T00:00:00Z"), until: at("2026-02-01T00:00:00Z"), ..Range::ALL };
        let february = Range { from: january.until, by: Instants::Updated, archived: false, ..Range::ALL };
        assert_eq!(of(DataKind::Orders, &january), "created_at:>='2026-01-01T00:00:00Z' created_at:<='2026-01-31T23:59:59Z'");
        assert_eq!(of(DataKind::Orders, &february), "updated_at:>='2026-02-01T00:00:00Z' status:not_closed");
        assert_eq!(of(DataKind::Customers, &january), "customer_date:>='2026-01-01T00:00:00Z' customer_date:<='2026-01-31T23:59:59Z'");
        assert_eq!(counted(DataKind::Customers, &january), "created_at:>='2026-01-01T00:00:00Z' created_at:<='2026-01-31T23:59:59Z'");
        assert_eq!(of(DataKind::Products, &Range::ALL), "");
    }
}
