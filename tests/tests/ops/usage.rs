//! Usage is counted right: across midnight, by several processes, and when somebody dies in the middle.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::{connections, webhook_events};
use entities::{ApiScope, ConnectionStatus, StoreId, TenantId, TokenRole, UsageMetric, WebhookEventStatus};
use platform::db::Access;
use platform::jobs::{Enqueued, JobKind, Jobs, NewJob, enqueue};
use platform::usage::Usage;
use platform::{Clock, Database, Ids, Trace};
use rstest::rstest;
use sea_orm::{ConnectionTrait, EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use tests::harness::{Backend, Credentials, Server, Town};

use crate::log::Owner;

async fn days(server: &Server, who: &Credentials, filter: &str) -> Vec<Value> {
    let answer = server.ask(who, &format!("{{ usageDays(filter: {{ {filter} }}) {{ tenantId storeId day metric amount }} }}")).await;
    answer.data()["usageDays"].as_array().unwrap().clone()
}

/// The stored amounts of a metric by day and store.
async fn stored(server: &Server, tenant: TenantId, metric: UsageMetric) -> Vec<(String, Option<StoreId>, i64)> {
    let (db, tx) = (server.db(), server.db().read(Access::Worker).await.unwrap());
    let sql = "select day, store_id, amount from usage_days where tenant_id = $1 and metric = $2 and amount <> 0 order by day, store_id";
    let rows = tx.query_all_raw(db.statement(sql, [tenant.into(), metric.as_str().into()])).await.unwrap();
    let read = |row: &sea_orm::QueryResult| {
        let store: StoreId = row.try_get_by_index(1).unwrap();
        (row.try_get_by_index(0).unwrap(), (!store.uuid().is_nil()).then_some(store), row.try_get_by_index(2).unwrap())
    };
    rows.iter().map(read).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_on_the_days_of_the_tenants_time_zone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (ours, theirs, usage) = (&town.ours, &town.theirs, &town.server.app.usage);
    town.server
        .ask(
            &town.platform,
            &format!("mutation {{ tenantUpdate(input: {{ id: \"{}\", timeZone: \"Asia/Kolkata\" }}) {{ userErrors {{ code }} }} }}", theirs.tenant),
        )
        .await
        .data();
    let call = async |who: &Credentials, times: usize| {
        futures::future::join_all((0..times).map(|_| town.server.ask(who, "{ viewer { kind } }"))).await;
    };
    // Sessions would end before the day does.
    let (_, admin) = town.people.token(TokenRole::TenantAdmin, Some(ours.tenant), &[]).await;
    let (_, integration) = town.people.token(TokenRole::Integration, Some(ours.tenant), &[ApiScope::UsageRead]).await;
    let (_, neighbour) = town.people.token(TokenRole::TenantMember, Some(theirs.tenant), &[]).await;
    // A second to midnight in Tokyo; 20:29:59 in Kolkata.
    town.server.clock.advance(TimeDelta::seconds(6 * 3_600 - 1));
    call(&admin, 30).await;
    call(&integration, 3).await;
    call(&neighbour, 5).await;
    call(&town.platform, 2).await;
    call(&town.platform.choosing(ours.tenant), 2).await;
    let (both, _) = town.people.session(&town.both.email).await;
    call(&both, 2).await;
    call(&Credentials::default(), 2).await;
    town.server.clock.advance(TimeDelta::seconds(1));
    call(&admin, 40).await;
    call(&neighbour, 5).await;
    // A quarter past the hour in UTC, still before midnight in Kolkata, then after.
    town.server.clock.advance(TimeDelta::minutes(3 * 60 + 29));
    call(&neighbour, 7).await;
    usage.flush().await.unwrap();
    town.server.clock.advance(TimeDelta::minutes(1));
    call(&neighbour, 11).await;
    usage.flush().await.unwrap();
    usage.flush().await.unwrap();

    let day = |text: &str, amount| (text.to_owned(), None, amount);
    assert_eq!(stored(&town.server, ours.tenant, UsageMetric::ApiCalls).await, [day("2026-11-21", 33), day("2026-11-22", 40)]);
    assert_eq!(stored(&town.server, theirs.tenant, UsageMetric::ApiCalls).await, [day("2026-11-21", 17), day("2026-11-22", 11)]);

    let seen = days(&town.server, &admin, "metrics: [API_CALLS], from: \"2026-11-22\", to: \"2026-11-22\"").await;
    let tenant = ours.tenant.to_string();
    assert_eq!(seen, [json!({ "tenantId": tenant, "storeId": null, "day": "2026-11-22", "metric": "API_CALLS", "amount": "40" })]);
    let of_store = days(&town.server, &integration, &format!("storeIds: [\"{}\"]", ours.store(0))).await;
    assert_eq!(of_store.iter().map(|day| &day["amount"]).collect::<Vec<_>>(), ["7"]);
    let everybody = days(&town.server, &town.platform, "metrics: [API_CALLS]").await;
    assert_eq!(everybody.len(), 4);
    assert_eq!(days(&town.server, &town.platform, &format!("metrics: [API_CALLS], tenantId: \"{tenant}\"")).await.len(), 2);
    let wrong = town.server.ask(&admin, "{ usageDays(filter: { from: \"yesterday\" }) { day } }").await;
    assert_eq!(wrong.code(), Some("BAD_USER_INPUT"));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn processes_add_to_one_row_and_what_cannot_be_written_is_kept(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let tenants = [town.ours.tenant, town.theirs.tenant];
    let mut processes = vec![town.server.app.usage.clone()];
    for _ in 0..2 {
        processes.push(Usage::new(Database::connect(town.server.database.settings()).await.unwrap(), town.server.clock()));
    }
    let (town, tenants) = (&town, &tenants);
    futures::future::join_all(processes.iter().map(|usage| async move {
        for _ in 0..10 {
            for tenant in tenants {
                usage.count(*tenant, None, UsageMetric::ApiCalls, 7);
                usage.count(*tenant, Some(town.ours.store(0)), UsageMetric::ApiCalls, 1);
            }
            usage.flush().await.unwrap();
        }
    }))
    .await;
    let expected = [("2026-11-21".to_owned(), None, 210), ("2026-11-21".to_owned(), Some(town.ours.store(0)), 30)];
    assert_eq!(stored(&town.server, tenants[0], UsageMetric::ApiCalls).await, expected);
    assert_eq!(stored(&town.server, tenants[1], UsageMetric::ApiCalls).await, expected);

    let (owner, usage) = (Owner::of(&town.server).await, &processes[1]);
    owner.run("alter table usage_days rename to away").await;
    usage.count(tenants[0], None, UsageMetric::ApiCalls, 5);
    assert!(usage.flush().await.is_err());
    usage.count(tenants[0], None, UsageMetric::ApiCalls, 5);
    assert!(usage.flush().await.is_err());
    owner.run("alter table away rename to usage_days").await;
    usage.flush().await.unwrap();
    assert_eq!(stored(&town.server, tenants[0], UsageMetric::ApiCalls).await[0].2, 220);
}

/// Runs one job of a kind to its end.
async fn run(server: &Server, kind: &'static JobKind, tenant: Option<TenantId>) {
    let (db, clock): (_, Arc<dyn Clock>) = (server.db(), server.clock());
    let jobs = Jobs::start(db.clone(), clock.clone(), ops::usage::workers(), Vec::new());
    let tx = db.write(Access::Worker).await.unwrap();
    let Enqueued::New(_) = enqueue(&tx, &Trace::system("a test", clock), NewJob::new(kind, tenant, json!({}))).await.unwrap() else { panic!("a new one") };
    tx.commit().await.unwrap();
    for _ in 0..400 {
        let tx = db.read(Access::Worker).await.unwrap();
        let sql = "select count(*), count(case when status = 'FAILED' or attempts > 1 or last_error is not null then 1 end) from jobs where status <> 'DONE' and kind like 'usage.%'";
        let row = tx.query_one_raw(db.statement(sql, [])).await.unwrap().unwrap();
        let (open, failed): (i64, i64) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        assert_eq!(failed, 0, "a measurement failed");
        if open == 0 {
            jobs.stop(Duration::from_secs(5)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} is not done", kind.name);
}

async fn delivered(server: &Server, tenant: TenantId, store: Option<StoreId>, at: DateTime<Utc>, number: usize) {
    let id = |_: usize| Ids::at(at);
    let connection = connections::Model {
        id: id(0).into(),
        tenant_id: tenant,
        provider: "shopify".to_owned(),
        name: "an app".to_owned(),
        account: None,
        scopes: json!([]),
        api_version: None,
        status: ConnectionStatus::Active,
        webhook_secret_sealed: None,
        previous_webhook_secret_sealed: None,
        previous_webhook_secret_until: None,
        created_at: at,
        updated_at: at,
    };
    let tx = server.db().write(Access::Platform).await.unwrap();
    connections::Entity::insert(connection.clone().into_active_model()).exec_without_returning(&tx).await.unwrap();
    for number in 0..number {
        let event = webhook_events::Model {
            id: id(number).into(),
            tenant_id: tenant,
            connection_id: connection.id,
            store_id: store,
            provider: "shopify".to_owned(),
            topic: "orders/create".to_owned(),
            account: None,
            event_id: number.to_string(),
            provider_event_id: None,
            api_version: None,
            headers: json!({}),
            payload: None,
            payload_bytes: 0,
            status: WebhookEventStatus::Pending,
            attempts: 0,
            error_message: None,
            triggered_at: None,
            received_at: at,
            processed_at: None,
            payload_deletion_at: None,
            payload_deleted_at: None,
            updated_at: at,
        };
        webhook_events::Entity::insert(event.into_active_model()).exec_without_returning(&tx).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_counted_once_however_often_they_are_counted(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (tenant, store) = (town.ours.tenant, town.ours.store(1));
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    // What the town was told before is no part of this.
    let owner = Owner::of(&town.server).await;
    owner.run("delete from webhook_events").await;
    // Yesterday and today in Tokyo, to the last second and from the first.
    delivered(&town.server, tenant, None, at("2026-11-20T14:59:59Z"), 3).await;
    delivered(&town.server, tenant, None, at("2026-11-20T15:00:00Z"), 4).await;
    delivered(&town.server, tenant, Some(store), at("2026-11-21T08:00:00Z"), 5).await;
    delivered(&town.server, town.theirs.tenant, None, at("2026-11-21T08:00:00Z"), 2).await;
    let expected = vec![("2026-11-20".to_owned(), None, 3), ("2026-11-21".to_owned(), None, 4), ("2026-11-21".to_owned(), Some(store), 5)];
    for _ in 0..2 {
        run(&town.server, &ops::usage::WEBHOOK_EVENTS, None).await;
        assert_eq!(stored(&town.server, tenant, UsageMetric::WebhookEvents).await, expected);
    }
    assert_eq!(stored(&town.server, town.theirs.tenant, UsageMetric::WebhookEvents).await.last().unwrap().2, 2);

    // The store of some was found out since: they are not counted twice.
    owner
        .run(&format!("update webhook_events set store_id = {} where tenant_id = {} and store_id is null", owner.id(store.uuid()), owner.id(tenant.uuid())))
        .await;
    run(&town.server, &ops::usage::WEBHOOK_EVENTS, None).await;
    let expected = vec![("2026-11-20".to_owned(), Some(store), 3), ("2026-11-21".to_owned(), Some(store), 9)];
    assert_eq!(stored(&town.server, tenant, UsageMetric::WebhookEvents).await, expected);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn stored_data_is_measured_for_every_tenant_and_store(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    const ROWS: usize = 20;
    let town = Town::new(backend, ROWS).await;
    // For each row a customer, a product with two variants, an order with two items; every customer of the seed has an order.
    for again in [false, true] {
        if again && backend == Backend::Postgres {
            // From now on the database knows the average row.
            Owner::of(&town.server).await.run("analyze").await;
        }
        run(&town.server, &ops::usage::STORED_DATA, None).await;
        for side in [&town.ours, &town.theirs] {
            let mut stores: Vec<StoreId> = side.stores.iter().map(|store| store.store).collect();
            stores.sort_unstable();
            let rows = stored(&town.server, side.tenant, UsageMetric::StoredRows).await;
            let expected: Vec<_> = stores
                .iter()
                .map(|id| {
                    let store = side.stores.iter().find(|store| store.store == *id).unwrap();
                    let rows = store.customers.len() + store.products.len() + store.variants.len() + store.orders.len() + store.items.len();
                    ("2026-11-21".to_owned(), Some(*id), rows as i64)
                })
                .collect();
            assert_eq!(rows, expected);
            for (_, store, bytes) in stored(&town.server, side.tenant, UsageMetric::StoredBytes).await {
                let each = bytes / (7 * ROWS as i64);
                assert!(store.is_some() && (50..20_000).contains(&each), "{each} bytes a row");
            }
        }
    }
    let jobs = town.server.ask(&town.ours.admin.credentials, "{ jobs(filter: { kinds: [\"usage.stored_data_of_tenant\"] }) { nodes { status } } }").await;
    assert_eq!(jobs.data()["jobs"]["nodes"], json!([{ "status": "DONE" }, { "status": "DONE" }]));
}
