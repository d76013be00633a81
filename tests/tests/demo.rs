//! The demo's data: the same every time, and a believable year.

use chrono::{DateTime, TimeDelta, Utc};
use commerce::demo;
use platform::Database;
use platform::crypto::MasterKey;
use platform::db::Access;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use tests::harness::{Backend, TestDatabase};

async fn number(db: &Database, sql: &str) -> i64 {
    let tx = db.read(Access::Platform).await.unwrap();
    tx.query_one_raw(db.statement(sql, [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[rstest]
#[tokio::test]
async fn two_tenants_four_stores_and_a_year(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let now: DateTime<Utc> = "2026-11-21T03:04:05Z".parse().unwrap();
    let mut facts = Vec::new();
    for _ in 0..2 {
        let test = TestDatabase::migrated(backend).await;
        let db = Database::connect(test.settings()).await.unwrap();
        let started = std::time::Instant::now();
        let demo = demo::fill(&db, &MasterKey::random(), now).await.unwrap();
        println!("{backend:?}: filled in {:?}", started.elapsed());
        assert_eq!((demo.tenants.len(), demo.tenants.iter().map(|t| t.stores.len()).sum::<usize>()), (2, 4));
        let orders = number(&db, "select count(*) from orders").await;
        assert!((11_900..=12_000).contains(&orders), "{orders}");
        assert!((2_000..6_000).contains(&number(&db, "select count(*) from customers").await));
        assert_eq!(number(&db, "select count(*) from stores where currency_code = 'USD'").await, 1);
        for state in ["test", "status = 'CANCELLED'", "financial_status = 'REFUNDED'", "financial_status = 'PENDING'", "status = 'OPEN'", "email is null"] {
            assert!(number(&db, &format!("select count(*) from orders where {state}")).await > 5, "{state}");
        }
        assert_eq!(
            number(&db, "select count(*) from orders o where not exists (select 1 from order_items i where i.tenant_id = o.tenant_id and i.order_id = o.id)")
                .await,
            0
        );
        let tx = db.read(Access::Platform).await.unwrap();
        let row = tx
            .query_one_raw(db.statement("select min(processed_at), max(processed_at), cast(sum(total_price_minor) as bigint) from orders", []))
            .await
            .unwrap()
            .unwrap();
        let (first, last): (DateTime<Utc>, DateTime<Utc>) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        assert!(first > now - TimeDelta::days(367) && last < now && last > now - TimeDelta::days(1), "{first} {last}");
        facts.push((orders, first, last, row.try_get_by_index::<i64>(2).unwrap()));
    }
    assert_eq!(facts[0], facts[1]);
}
