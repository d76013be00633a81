//! One alert for as long as something goes wrong.

use std::sync::Arc;

use chrono::TimeDelta;
use entities::{AlertSeverity, TokenRole};
use ops::alerts::raise;
use platform::Database;
use platform::db::Access;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::World;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn fifty_that_raise_at_once_leave_one_alert_seen_fifty_times(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = Arc::new(World::new(backend).await);
    // Two replicas, the program's own parts and callers.
    let other = Database::connect(world.town.server.database.settings()).await.unwrap();
    let tenant = world.town.ours.tenant;
    let raised = (0..50).map(|n| {
        let (world, other) = (world.clone(), other.clone());
        tokio::spawn(async move {
            let alert = ops::alerts::NewAlert { fingerprint: Some("the-one".to_owned()), ..world.alert_of("Stampede", AlertSeverity::High) };
            let tx = match n % 3 {
                0 => world.town.server.db().write(Access::Worker).await,
                1 => other.write(Access::Tenant(tenant)).await,
                _ => {
                    world.raise("type: \"Stampede\", severity: LOW, message: \"me too\", fingerprint: \"the-one\"").await;
                    return;
                }
            };
            let tx = tx.unwrap();
            raise(&tx, &world.trace(), alert).await.unwrap();
            tx.commit().await.unwrap();
        })
    });
    for task in futures::future::join_all(raised).await {
        task.unwrap();
    }
    let found = world.of_type(world.admin(), "Stampede").await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["count"], &found[0]["severity"]), (&json!(50), &json!("HIGH")));
    assert_eq!((world.events("alert.raised").await, world.events("alert.updated").await), (1, 49));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_seen_again_is_counted_and_never_less_bad(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (began, store) = (world.now(), world.town.ours.store(0));
    let raise = async |severity: &str, message: &str, data: &str| {
        world.raise(&format!("type: \"LOW_STOCK\", severity: {severity}, message: \"{message}\", storeId: \"{store}\", data: {data}")).await
    };
    let first = raise("MEDIUM", "three left", "{ left: 3 }").await;
    let tenant = world.town.ours.tenant.to_string();
    let expected = json!({
        "id": first["id"], "type": "LOW_STOCK", "severity": "MEDIUM", "source": "api", "message": "three left", "data": { "left": 3 },
        "fingerprint": format!("api|LOW_STOCK|{store}"), "status": "OPEN", "count": 1, "escalationLevel": 0, "silencedUntil": null,
        "firstSeenAt": began.to_rfc3339(), "lastSeenAt": began.to_rfc3339(), "acknowledgedAt": null, "acknowledgedBy": null,
        "acknowledgementNote": null, "resolvedAt": null, "resolvedBy": null, "resolutionNotes": null, "createdAt": began.to_rfc3339(),
        "updatedAt": began.to_rfc3339(), "previousAlert": null, "store": { "id": store.to_string() }, "tenant": { "id": tenant },
    });
    assert_eq!(first, expected);

    world.pass(TimeDelta::minutes(5));
    let worse = raise("CRITICAL", "none left", "{ left: 0 }").await;
    world.pass(TimeDelta::minutes(5));
    let last = raise("LOW", "two came", "{ left: 2 }").await;
    assert_eq!((&worse["id"], &worse["severity"], &worse["count"]), (&first["id"], &json!("CRITICAL"), &json!(2)));
    let now = world.now().to_rfc3339();
    let read = world.alert(&first["id"]).await;
    assert_eq!(last, read);
    assert_eq!(
        [&read["severity"], &read["message"], &read["data"], &read["count"]],
        [&json!("CRITICAL"), &json!("two came"), &json!({ "left": 2 }), &json!(3)]
    );
    assert_eq!([&read["firstSeenAt"], &read["lastSeenAt"]], [&json!(began.to_rfc3339()), &json!(now)]);

    // Another store's, type's, source's or fingerprint's is another alert.
    for other in [
        format!("type: \"LOW_STOCK\", severity: LOW, message: \"m\", storeId: \"{}\"", world.town.ours.store(1)),
        format!("type: \"NO_STOCK\", severity: LOW, message: \"m\", storeId: \"{store}\""),
        format!("type: \"LOW_STOCK\", severity: LOW, message: \"m\", storeId: \"{store}\", source: \"warehouse\""),
        format!("type: \"LOW_STOCK\", severity: LOW, message: \"m\", storeId: \"{store}\", fingerprint: \"cup\""),
        "type: \"LOW_STOCK\", severity: LOW, message: \"m\"".to_owned(),
    ] {
        let alert = world.raise(&other).await;
        assert_eq!((&alert["count"], alert["id"] == first["id"]), (&json!(1), false), "{other}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_stays_so_unless_it_becomes_worse(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let raise = async |severity: &str| world.raise(&format!("type: \"Slow\", severity: {severity}, message: \"slow\"")).await;
    let alert = raise("MEDIUM").await;
    world.done(world.admin(), "alertAcknowledge", &format!("id: {}, note: \"mine\"", alert["id"])).await;
    for severity in ["LOW", "MEDIUM"] {
        let again = raise(severity).await;
        assert_eq!((&again["status"], &again["acknowledgementNote"]), (&json!("ACKNOWLEDGED"), &json!("mine")), "{severity}");
    }
    let worse = raise("HIGH").await;
    assert_eq!([&worse["status"], &worse["count"]], [&json!("OPEN"), &json!(4)]);
    assert_eq!([&worse["acknowledgedAt"], &worse["acknowledgedBy"], &worse["acknowledgementNote"]], [&Value::Null; 3]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_resolved_and_comes_back_is_another_alert_that_links_the_old(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let mut before = Value::Null;
    for round in 0..3 {
        world.pass(TimeDelta::minutes(1));
        let alert = world.raise("type: \"Flaps\", severity: HIGH, message: \"again\"").await;
        assert_eq!((&alert["previousAlert"], &alert["count"]), (&before, &json!(1)), "round {round}");
        world.done(world.admin(), "alertResolve", &format!("id: {}", alert["id"])).await;
        before = json!({ "id": alert["id"] });
    }
    // Above all tenants as well.
    let raise = "type: \"Flaps\", severity: HIGH, message: \"again\"";
    let first = world.done(&world.town.platform, "alertRaise", raise).await;
    assert_eq!((&first["tenant"], &first["previousAlert"]), (&Value::Null, &Value::Null));
    world.done(&world.town.platform, "alertResolve", &format!("id: {}", first["id"])).await;
    let second = world.done(&world.town.platform, "alertRaise", raise).await;
    assert_eq!(second["previousAlert"], json!({ "id": first["id"] }));
    assert_eq!(world.of_type(world.admin(), "Flaps").await.len(), 3, "what is above all tenants is not theirs to see");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_callers_say_is_checked(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let long = |n: usize| "x".repeat(n);
    let cases = [
        ("type: \"\", severity: LOW, message: \"m\"".to_owned(), "BLANK", "type"),
        ("type: \"two words\", severity: LOW, message: \"m\"".to_owned(), "UNKNOWN_VALUE", "type"),
        (format!("type: \"{}\", severity: LOW, message: \"m\"", long(101)), "TOO_LONG", "type"),
        ("type: \"T\", severity: LOW, message: \" \"".to_owned(), "BLANK", "message"),
        (format!("type: \"T\", severity: LOW, message: \"{}\"", long(2_001)), "TOO_LONG", "message"),
        ("type: \"T\", severity: LOW, message: \"m\", source: \"暖簾\"".to_owned(), "UNKNOWN_VALUE", "source"),
        ("type: \"T\", severity: LOW, message: \"m\", source: \"noren\"".to_owned(), "UNKNOWN_VALUE", "source"),
        ("type: \"T\", severity: LOW, message: \"m\", source: \"Noren/jobs\"".to_owned(), "UNKNOWN_VALUE", "source"),
        ("type: \"T\", severity: LOW, message: \"m\", fingerprint: \"noren/jobs|JobFailed|x\"".to_owned(), "UNKNOWN_VALUE", "fingerprint"),
        (format!("type: \"T\", severity: LOW, message: \"m\", fingerprint: \"{}\"", long(201)), "TOO_LONG", "fingerprint"),
        ("type: \"T\", severity: LOW, message: \"m\", data: [1]".to_owned(), "UNKNOWN_VALUE", "data"),
        (format!("type: \"T\", severity: LOW, message: \"m\", data: {{ a: \"{}\" }}", long(16 * 1024)), "UNKNOWN_VALUE", "data"),
    ];
    for (input, code, field) in cases {
        let found = world.refused(world.admin(), "alertRaise", &input).await;
        assert_eq!((&*found.0, &*found.1), (code, field), "{}", input.chars().take(120).collect::<String>());
    }
    // A clerk says which of their stores it is about.
    let clerk = &world.town.ours.clerk.credentials;
    let raise = |more: &str| format!("type: \"T\", severity: LOW, message: \"m\"{more}");
    let about = |store: usize| raise(&format!(", storeId: \"{}\"", world.town.ours.store(store)));
    assert_eq!(world.refused(clerk, "alertRaise", &raise("")).await, ("REQUIRED".to_owned(), "storeId".to_owned()));
    assert_eq!(world.refused(clerk, "alertRaise", &about(1)).await, ("NOT_FOUND".to_owned(), "storeId".to_owned()));
    assert_eq!(world.done(clerk, "alertRaise", &about(0)).await["count"], 1);
    // Above all tenants there are no stores.
    assert_eq!(world.refused(&world.town.platform, "alertRaise", &about(0)).await, ("REQUIRED".to_owned(), "tenantId".to_owned()));
    let of_tenant = format!("{}, tenantId: \"{}\"", about(0), world.town.ours.tenant);
    assert_eq!(world.done(&world.town.platform, "alertRaise", &of_tenant).await["count"], 2, "it is the tenant's own");
    // A fingerprint is of its store's alerts: nobody's alert takes the place of another's, or shows that there is one.
    let shared = |about: &str| format!("{about}, fingerprint: \"shared\"");
    let (one, other) = (world.raise(&shared(&about(1))).await, world.done(clerk, "alertRaise", &shared(&about(0))).await);
    let whole = world.raise(&shared(&raise(""))).await;
    for (alert, store) in [(&one, json!(world.town.ours.store(1).to_string())), (&other, json!(world.town.ours.store(0).to_string())), (&whole, Value::Null)] {
        assert_eq!((&alert["count"], &alert["store"]["id"]), (&json!(1), &store));
    }
    assert_eq!(world.raise(&shared(&about(1))).await["id"], one["id"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_under_its_key_is_not_counted_again(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (_, token) = world.town.people.token(TokenRole::Integration, Some(world.town.ours.tenant), &[entities::ApiScope::AlertsWrite]).await;
    let raise = |key: &str, message: &str| {
        let input = format!("type: \"Once\", severity: LOW, message: \"{message}\", source: \"erp\"");
        format!("mutation {{ alertRaise(input: {{ {input} }}, idempotencyKey: \"{key}\") {{ alert {{ id count message }} userErrors {{ code }} }} }}")
    };
    let first = world.ask_as(&token, &raise("k1", "m")).await;
    assert_eq!(world.ask_as(&token, &raise("k1", "m")).await, first);
    assert_eq!(world.ask_as(&token, &raise("k2", "m")).await["alertRaise"]["alert"]["count"], 2);
    assert_eq!(world.town.server.ask(&token, &raise("k1", "other")).await.code(), Some("CONFLICT"));
    assert_eq!(world.of_type(world.admin(), "Once").await[0]["count"], 2);
}
