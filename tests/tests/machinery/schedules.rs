//! A schedule fires once by the wall clock of its place, however many replicas run.

use std::time::Duration;

use chrono::TimeDelta;
use platform::jobs::Schedule;
use rstest::rstest;
use tests::harness::Backend;

use crate::workshop::{KIND, Workshop};

#[rstest]
#[tokio::test]
async fn each_tick_fires_once(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Workshop::new(backend).await;
    // Half past three in Tokyo is half past six the evening before in London's winter: the clock stands at 09:00 UTC.
    let nightly = || Schedule::new("nightly", "30 3 * * *", chrono_tz::Asia::Tokyo, &KIND).unwrap();
    let replicas: Vec<_> = (0..3).map(|_| shop.process_with(vec![nightly()])).collect();
    let fired = async || {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        shop.number("select count(*) from jobs where kind = 'test.work'").await
    };
    assert_eq!(fired().await, 0, "a new schedule begins with its next tick");
    shop.clock().advance(TimeDelta::minutes(9 * 60 + 29));
    assert_eq!(fired().await, 0, "it is 18:29 UTC");
    shop.clock().advance(TimeDelta::minutes(1));
    assert_eq!(fired().await, 1);
    shop.clock().advance(TimeDelta::hours(23));
    assert_eq!(fired().await, 1);
    shop.clock().advance(TimeDelta::days(5));
    assert_eq!(fired().await, 2, "ticks that nobody was there for fire once");
    for replica in replicas {
        replica.stop(Duration::from_secs(5)).await;
    }
    let again = shop.process_with(vec![nightly()]);
    assert_eq!(fired().await, 2, "a restart fires nothing");
    again.stop(Duration::from_secs(5)).await;
}
