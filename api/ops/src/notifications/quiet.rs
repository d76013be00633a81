//! Quiet hours: from a time of day to another, over midnight where the second is the earlier one.

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;

/// When the quiet hours end that an instant lies in; none when it lies in none.
pub(super) fn ends(from: u16, to: u16, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = now.with_timezone(&zone);
    let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or_default();
    let over_midnight = from > to;
    let quiet = if over_midnight { minute >= from || minute < to } else { minute >= from && minute < to };
    if !quiet {
        return None;
    }
    let today = local.date_naive();
    let day = if over_midnight && minute >= from { today.checked_add_days(Days::new(1))? } else { today };
    let end = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(to) * 60, 0)?;
    // Where a clock that is put back passes it twice, the later one; the other may be over already.
    first_after(day.and_time(end), zone, now)
}

/// The first instant after `now` at which clocks in a zone show this time; where they skip it, the first one behind the gap.
fn first_after(mut local: NaiveDateTime, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    for _ in 0..8 {
        let found = local.and_local_timezone(zone);
        for at in [found.earliest(), found.latest()].into_iter().flatten() {
            let at = at.with_timezone(&Utc);
            if at > now {
                return Some(at);
            }
        }
        local = local.checked_add_signed(TimeDelta::minutes(30))?;
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn end(from: u16, to: u16, zone: &str, now: &str) -> Option<DateTime<Utc>> {
        ends(from * 60, to * 60, zone.parse::<Tz>().unwrap(), at(now))
    }

    #[test]
    fn quiet_hours_begin_end_and_pass_midnight() {
        // 22:00 to 07:00 in Tokyo is 13:00 to 22:00 UTC.
        for (now, expected) in [
            ("2026-11-21T12:59:59Z", None),
            ("2026-11-21T13:00:00Z", Some("2026-11-21T22:00:00Z")),
            ("2026-11-21T15:30:00Z", Some("2026-11-21T22:00:00Z")),
            ("2026-11-21T21:59:59Z", Some("2026-11-21T22:00:00Z")),
            ("2026-11-21T22:00:00Z", None),
        ] {
            assert_eq!(end(22, 7, "Asia/Tokyo", now), expected.map(at), "{now}");
        }
        for (now, expected) in [("2026-11-21T02:59:00Z", None), ("2026-11-21T03:00:00Z", Some("2026-11-21T04:00:00Z")), ("2026-11-21T04:00:00Z", None)] {
            assert_eq!(end(12, 13, "Asia/Tokyo", now), expected.map(at), "{now}");
        }
    }

    #[test]
    fn clocks_that_are_put_on_and_back_change_nothing_of_that() {
        // 02:30 does not exist on that night in Berlin: the first instant behind the gap is 03:00, 01:00 UTC.
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        assert_eq!(ends(22 * 60, 150, zone, at("2026-03-28T22:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
        // 02:30 comes twice on that night: once quiet hours are over at the first, they begin again for half an hour and end at the second.
        assert_eq!(ends(22 * 60, 150, zone, at("2026-10-24T21:00:00Z")), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(ends(22 * 60, 150, zone, at("2026-10-25T01:10:00Z")), Some(at("2026-10-25T01:30:00Z")));
    }
}
