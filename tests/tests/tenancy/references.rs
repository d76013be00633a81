//! No row points into another tenant: both databases refuse it, on every connection.

use entities::tables::{alert_silences, alerts, customers, import_runs, membership_stores, order_items, orders, product_variants, products};
use entities::{ImportStatus, MembershipId};
use platform::Database;
use platform::db::Access;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};
use tests::harness::{Backend, Town};
use uuid::Uuid;

/// Writes with every right that there is: what refuses is the reference alone.
macro_rules! refused {
    ($db:expr, $table:ident, $row:expr) => {{
        let tx = $db.write(Access::Platform).await.unwrap();
        let inserted = $table::Entity::insert($row.into_active_model()).exec_without_returning(&tx).await;
        assert!(matches!(&inserted, Err(error) if is_foreign_key(error)), "{}: {inserted:?}", stringify!($row));
    }};
}

fn is_foreign_key(error: &DbErr) -> bool {
    error.to_string().to_lowercase().contains("foreign key")
}

fn id<T: From<Uuid>>() -> T {
    T::from(Uuid::from_u128(rand::random()))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_cannot_point_into_another_tenant(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 2).await;
    let (ours, theirs) = (&town.ours.stores[0], &town.theirs.stores[0]);
    let order = orders::Model { id: id(), external_id: "new".to_owned(), ..ours.orders[0].clone() };
    let customer = customers::Model { id: id(), external_id: "new".to_owned(), ..ours.customers[0].clone() };
    let product = products::Model { id: id(), external_id: "new".to_owned(), ..ours.products[0].clone() };
    let variant = product_variants::Model { id: id(), external_id: "new".to_owned(), ..ours.variants[0].clone() };
    let item = order_items::Model { id: id(), external_id: "new".to_owned(), ..ours.items[0].clone() };
    let run = import_runs::Model {
        id: id(),
        tenant_id: town.ours.tenant,
        store_id: ours.store,
        provider: "shopify".to_owned(),
        source: "orders.jsonl".to_owned(),
        status: ImportStatus::Done,
        keep_going: false,
        lease_until: ours.row.created_at,
        receipt: None,
        created_at: ours.row.created_at,
        finished_at: None,
        cleaned: true,
    };
    let membership: MembershipId = {
        let tx = town.server.db().read(Access::Platform).await.unwrap();
        let sql = "select id from tenant_memberships where tenant_id = $1 and user_id = $2";
        let statement = town.server.db().statement(sql, [town.ours.tenant.into(), town.ours.member.id.into()]);
        tx.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
    };
    let alert = alerts::Model {
        id: id(),
        tenant_id: Some(town.ours.tenant),
        feed_id: town.ours.tenant.uuid(),
        store_id: Some(ours.store),
        about_id: Uuid::nil(),
        kind: "New".to_owned(),
        severity: entities::AlertSeverity::Low,
        source: "test".to_owned(),
        message: "new".to_owned(),
        data: serde_json::json!({}),
        fingerprint: "new".to_owned(),
        status: entities::AlertStatus::Open,
        count: 1,
        escalation_level: 0,
        silenced_until: None,
        previous_alert_id: Some(town.ours.alerts[0]),
        first_seen_at: ours.row.created_at,
        last_seen_at: ours.row.created_at,
        acknowledged_at: None,
        acknowledged_by: None,
        acknowledgement_note: None,
        resolved_at: None,
        resolved_by: None,
        resolution_notes: None,
        created_at: ours.row.created_at,
        updated_at: ours.row.created_at,
    };
    let silence = alert_silences::Model {
        id: id(),
        tenant_id: Some(town.ours.tenant),
        feed_id: town.ours.tenant.uuid(),
        store_id: Some(ours.store),
        kind: None,
        severity: None,
        source: None,
        fingerprint: None,
        reason: "new".to_owned(),
        created_by: "system".to_owned(),
        starts_at: ours.row.created_at,
        ends_at: ours.row.created_at,
        created_at: ours.row.created_at,
        updated_at: ours.row.created_at,
    };
    let limited = membership_stores::Model { tenant_id: town.ours.tenant, membership_id: membership, store_id: ours.store };

    // The program's pools, and those of another process.
    for db in [town.server.db().clone(), Database::connect(town.server.database.settings()).await.unwrap()] {
        refused!(db, orders, orders::Model { store_id: theirs.store, ..order.clone() });
        refused!(db, orders, orders::Model { customer_id: Some(theirs.customers[0].id), ..order.clone() });
        refused!(db, customers, customers::Model { store_id: theirs.store, ..customer.clone() });
        refused!(db, products, products::Model { store_id: theirs.store, ..product.clone() });
        refused!(db, product_variants, product_variants::Model { product_id: theirs.products[0].id, ..variant.clone() });
        refused!(db, product_variants, product_variants::Model { store_id: theirs.store, ..variant.clone() });
        refused!(db, order_items, order_items::Model { order_id: theirs.orders[0].id, ..item.clone() });
        refused!(db, order_items, order_items::Model { store_id: theirs.store, ..item.clone() });
        refused!(db, membership_stores, membership_stores::Model { store_id: theirs.store, ..limited.clone() });
        refused!(db, alerts, alerts::Model { store_id: Some(theirs.store), ..alert.clone() });
        refused!(db, alerts, alerts::Model { previous_alert_id: Some(town.theirs.alerts[0]), ..alert.clone() });
        refused!(db, alert_silences, alert_silences::Model { store_id: Some(theirs.store), ..silence.clone() });
        refused!(db, import_runs, import_runs::Model { store_id: theirs.store, ..run.clone() });
    }

    // With its own references each of them is taken.
    let tx = town.server.db().write(Access::Platform).await.unwrap();
    orders::Entity::insert(order.into_active_model()).exec_without_returning(&tx).await.unwrap();
    customers::Entity::insert(customer.into_active_model()).exec_without_returning(&tx).await.unwrap();
    products::Entity::insert(product.into_active_model()).exec_without_returning(&tx).await.unwrap();
    product_variants::Entity::insert(variant.into_active_model()).exec_without_returning(&tx).await.unwrap();
    order_items::Entity::insert(item.into_active_model()).exec_without_returning(&tx).await.unwrap();
    membership_stores::Entity::insert(limited.into_active_model()).exec_without_returning(&tx).await.unwrap();
    alerts::Entity::insert(alert.into_active_model()).exec_without_returning(&tx).await.unwrap();
    alert_silences::Entity::insert(silence.into_active_model()).exec_without_returning(&tx).await.unwrap();
    import_runs::Entity::insert(run.into_active_model()).exec_without_returning(&tx).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_checks_references_on_every_connection() {
    let town = Town::new(Backend::Sqlite, 1).await;
    let (db, most) = (town.server.db(), town.server.database.settings().max_connections);
    let mut held = vec![db.write(Access::Platform).await.unwrap()];
    for _ in 0..most {
        held.push(db.read(Access::Platform).await.unwrap());
    }
    for tx in &held {
        let row = tx.query_one_raw(db.statement("select foreign_keys from pragma_foreign_keys", [])).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<i32>(0).unwrap(), 1);
    }
}
