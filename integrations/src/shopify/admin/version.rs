//! Versions of the Admin API: one a quarter, named by the month in which it is released, and kept for 12 months from then at least.
//! A version that is kept no more is answered in the oldest one that is.

use chrono::{Datelike, NaiveDate};

/// The day until which Shopify keeps a version at least; none of what is no version that was released.
pub(super) fn kept_until(version: &str) -> Option<NaiveDate> {
    let released: NaiveDate = format!("{version}-01").parse().ok().filter(|day: &NaiveDate| day.format("%Y-%m").to_string() == version)?;
    released.with_year(released.year() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_kept_for_a_year_from_its_release() {
        assert_eq!(kept_until("2026-10"), NaiveDate::from_ymd_opt(2027, 10, 1));
        assert_eq!(kept_until("2026-01"), NaiveDate::from_ymd_opt(2027, 1, 1));
        for word in ["unstable", "2026-13", "2026-1", "2026-10-01", ""] {
            assert_eq!(kept_until(word), None, "{word}");
        }
    }
}
