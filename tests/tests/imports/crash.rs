//! An import killed at any moment leaves nothing half visible, and the next one completes. One at a time; the others wait or go.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use commerce::imports::{ImportError, Source};
use entities::StoreId;
use platform::Database;
use rstest::rstest;
use tests::bulk::{file, order, write_shop};
use tests::harness::Backend;

use crate::shop::{Shop, import_into, settings_of};

const URL: &str = "NOREN_IMPORT_CHILD_URL";
const STORE: &str = "NOREN_IMPORT_CHILD_STORE";
const FILE: &str = "NOREN_IMPORT_CHILD_FILE";

/// Not a test by itself: the process that the others start and kill.
#[tokio::test]
async fn child_process() {
    let (Ok(url), Ok(store), Ok(file)) = (std::env::var(URL), std::env::var(STORE), std::env::var(FILE)) else { return };
    let db = Database::connect(&settings_of(&url)).await.unwrap();
    let source = Source::file(Path::new(&file)).unwrap();
    import_into(&db, StoreId::parse(&store).unwrap(), source, false).await.unwrap();
}

fn start_child(shop: &Shop, file: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_process", "--nocapture"])
        .env(URL, &shop.test.settings().url)
        .env(STORE, shop.store.to_string())
        .env(FILE, file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn shop_file(shop: &Shop, orders: u64) -> (std::path::PathBuf, u64) {
    let path = shop.test.folder().join(format!("shop-{orders}.jsonl"));
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let lines = write_shop(&mut out, orders).unwrap();
    (path, lines)
}

#[rstest]
#[tokio::test]
async fn killed_at_any_moment_nothing_is_half_visible(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    // What is there already must neither go nor change in part.
    shop.import(file(&[order(5_000_000_001), order(5_000_000_002), order(1)])).await.unwrap();
    let before = shop.rows().await;
    let (path, _) = shop_file(&shop, 3_000);
    let mut came_through = false;
    for moment in [300, 900, 1_500, 2_200, 3_000, 4_000].map(Duration::from_millis) {
        let mut child = start_child(&shop, &path);
        let asked = std::time::Instant::now();
        let mut ended = false;
        while asked.elapsed() < moment && !ended {
            ended = child.try_wait().unwrap().is_some();
            assert!(
                ended || shop.rows().await == before || shop.number("select count(*) from {orders} o").await == 3_001,
                "part of a running import is visible"
            );
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if shop.number("select count(*) from {orders} o").await != 3 {
            came_through = true;
            break;
        }
        assert_eq!(shop.rows().await, before);
        // The dead run's lease would have to be waited out each time.
        expire_lease(&shop).await;
    }
    let receipt = shop.import_with(Source::file(&path).unwrap(), false).await.unwrap();
    assert_eq!(receipt.lines, 12_000);
    if !came_through {
        assert_eq!((receipt.orders.created, receipt.orders.updated + receipt.orders.unchanged), (2_998, 2), "{receipt}");
    }
    assert_eq!(shop.number("select count(*) from {orders} o").await, 3_001);
    assert_eq!(shop.number("select count(*) from {order_items} i").await, 9_000);
    assert_eq!(shop.leftovers().await, 0);
}

async fn expire_lease(shop: &Shop) {
    use sea_orm::ConnectionTrait;
    let tx = shop.db.write(platform::db::Access::Tenant(shop.tenant)).await.unwrap();
    let past: chrono::DateTime<chrono::Utc> = "2000-01-01T00:00:00Z".parse().unwrap();
    let sql = "update import_runs set lease_until = $1 where status in ('STAGING', 'MERGING')";
    tx.execute_raw(shop.db.statement(sql, [past.into()])).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_dead_run_is_waited_out_and_a_living_one_respected(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let (path, _) = shop_file(&shop, 1_000);
    let mut child = start_child(&shop, &path);
    while shop.number("select count(*) from import_runs").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let started = std::time::Instant::now();
    shop.import_with(Source::file(&path).unwrap(), false).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(shop.number("select count(*) from {orders} o").await, 1_000);

    // A file that comes slowly: the run lives, and says so by its lease.
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (db, store) = (shop.db.clone(), shop.store);
    let slow = tokio::spawn(async move { import_into(&db, store, Source::new("slow", None, reader), false).await });
    while shop.number("select count(*) from import_runs where status = 'STAGING'").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let refused = shop.import(file(&[order(77)])).await;
    assert!(matches!(&refused, Err(ImportError::Busy { source_name, .. }) if source_name == "slow"), "{refused:?}");
    std::io::Write::write_all(&mut writer, file(&[order(78)]).as_bytes()).unwrap();
    drop(writer);
    assert_eq!(slow.await.unwrap().unwrap().orders.created, 1);
    assert_eq!(shop.number("select count(*) from {orders} o where external_id in ('77', '78')").await, 1);
}

/// A run that was taken for dead while it slept finds that out, and writes nothing.
#[rstest]
#[tokio::test]
async fn a_run_that_lost_its_place_writes_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let shop = Shop::open(backend, "USD").await;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (db, store) = (shop.db.clone(), shop.store);
    let sleeper = tokio::spawn(async move { import_into(&db, store, Source::new("slow", None, reader), false).await });
    while shop.number("select count(*) from import_runs where status = 'STAGING'").await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    expire_lease(&shop).await;
    assert_eq!(shop.import(file(&[order(1)])).await.unwrap().orders.created, 1);
    std::io::Write::write_all(&mut writer, file(&[order(2)]).as_bytes()).unwrap();
    drop(writer);
    assert!(matches!(sleeper.await.unwrap(), Err(ImportError::LostLease)));
    assert_eq!(shop.number("select count(*) from {orders} o").await, 1);
    assert_eq!(shop.leftovers().await, 0);
}
