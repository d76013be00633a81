//! When orders come: a year that ends now, with its seasons, weeks and hours.

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::dice::Dice;

const DAYS: i64 = 365;
/// January to December: New Year, spring moves, midsummer gifts, autumn, year-end gifts.
const MONTHS: [f64; 12] = [0.85, 0.8, 1.0, 0.95, 0.95, 1.05, 1.2, 0.85, 0.9, 1.0, 1.25, 1.6];
/// Monday to Sunday.
const WEEKDAYS: [f64; 7] = [1.0, 0.9, 0.9, 0.95, 1.05, 1.15, 1.3];
/// Hours of the shop's day: few at night, a lunch break, a long evening.
const HOURS: [u64; 24] = [4, 2, 1, 1, 1, 2, 4, 8, 11, 12, 12, 13, 18, 13, 11, 11, 12, 13, 15, 19, 24, 26, 20, 10];

/// The moments of about `total` orders, in order.
pub(super) fn moments(dice: &mut Dice, now: DateTime<Utc>, hours_ahead: i64, total: u64) -> Vec<DateTime<Utc>> {
    let offset = TimeDelta::hours(hours_ahead);
    let today = (now + offset).date_naive();
    let days: Vec<_> = (0..DAYS).rev().filter_map(|back| today.checked_sub_signed(TimeDelta::days(back))).collect();
    let weights: Vec<f64> = days
        .iter()
        .enumerate()
        .map(|(index, day)| {
            let growth = 0.8 + 0.4 * index as f64 / DAYS as f64;
            let season = MONTHS[day.month0() as usize] * WEEKDAYS[day.weekday().num_days_from_monday() as usize];
            // A sale now and then.
            let sale = if dice.percent(3) { 2.2 } else { 1.0 };
            growth * season * sale * (0.75 + 0.5 * dice.fraction())
        })
        .collect();
    let all: f64 = weights.iter().sum();
    let (mut moments, mut owed) = (Vec::with_capacity(total as usize), 0.0);
    for (day, weight) in days.iter().zip(&weights) {
        owed += total as f64 * weight / all;
        let start = day.and_time(chrono::NaiveTime::MIN).and_utc() - offset;
        let mut of_day = Vec::new();
        while owed >= 1.0 {
            owed -= 1.0;
            let seconds = dice.weighted(&HOURS) as i64 * 3_600 + dice.below(3_600) as i64;
            of_day.push(start + TimeDelta::seconds(seconds));
        }
        of_day.sort_unstable();
        moments.extend(of_day.into_iter().filter(|at| *at < now));
    }
    moments
}
