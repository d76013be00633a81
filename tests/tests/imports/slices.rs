//! While a large file comes into SQLite others write after moments, and nobody sees part of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use commerce::imports::Source;
use platform::Database;
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use tests::bulk::write_shop;
use tests::harness::Backend;

use crate::shop::{Shop, number, settings_of};

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_seen_at_once_and_lets_others_write(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let mut file = Vec::new();
    let orders = 15_000;
    let lines = write_shop(&mut file, orders).unwrap();
    assert_eq!(lines, 60_000);
    let done = Arc::new(AtomicBool::new(false));

    // Another process writes to the same database, and reads from it.
    let other = Database::connect(&settings_of(&shop.test.settings().url)).await.unwrap();
    let (tenant, watched) = (shop.tenant, done.clone());
    let watcher = tokio::spawn(async move {
        let (mut longest, mut writes, mut seen) = (Duration::ZERO, 0, Vec::new());
        while !watched.load(Ordering::Relaxed) {
            let started = Instant::now();
            let tx = other.write(Access::Tenant(tenant)).await.unwrap();
            tx.execute_unprepared("update stores set description = 'busy'").await.unwrap();
            tx.commit().await.unwrap();
            longest = longest.max(started.elapsed());
            writes += 1;
            let tx = other.read(Access::Tenant(tenant)).await.unwrap();
            let counts = (
                number(&other, &tx, "select count(*) from {customers} c").await,
                number(&other, &tx, "select count(*) from {orders} o").await,
                number(&other, &tx, "select count(*) from {order_items} i").await,
            );
            drop(tx);
            if seen.last() != Some(&counts) {
                seen.push(counts);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (longest, writes, seen)
    });
    let receipt = shop.import_with(Source::new("large", None, std::io::Cursor::new(file.clone())), false).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    done.store(true, Ordering::Relaxed);
    let (longest, writes, seen) = watcher.await.unwrap();
    let all = (receipt.customers.created as i64, 15_000, 45_000);
    assert_eq!(seen, [(0, 0, 0), all], "nothing or everything");
    println!("{backend:?}: {writes} writes beside the import, the longest took {longest:?}");
    assert!(writes > 20 && longest < Duration::from_secs(3), "{writes} writes, the longest {longest:?}");
    assert_eq!(shop.leftovers().await, 0);
}
