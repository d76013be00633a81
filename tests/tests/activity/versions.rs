//! What answers or delivers in another version than is asked for is one alert for the app, for as long as it does.

use chrono::TimeDelta;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::World;

const ORDER: &str = include_str!("../../../integrations/src/shopify/fixtures/orders_create.json");

impl World {
    async fn alerts(&self) -> Vec<Value> {
        let fields = "status severity source count message data resolutionNotes";
        let list =
            format!("{{ alerts(filter: {{ types: [\"ApiVersionChanged\"] }}, orderBy: {{ field: CREATED_AT }}) {{ nodes {{ {fields} store {{ id }} }} }} }}");
        self.ask(&list).await["alerts"]["nodes"].as_array().unwrap().clone()
    }

    async fn status(&self) -> Vec<String> {
        self.alerts().await.iter().map(|alert| alert["status"].as_str().unwrap().to_owned()).collect()
    }

    /// The shops of these stores answer in another version from now on, or in what they are asked for.
    fn answer_in(&self, stores: std::ops::Range<usize>, version: Option<&str>) {
        for store in &self.stores[stores] {
            self.shopify.shop(&store.domain, |shop| shop.serves_version = version.map(str::to_owned));
        }
    }

    async fn call_all(&self) {
        for store in &self.stores {
            self.call(store).await.unwrap();
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_stores_whose_shops_answer_otherwise_are_one_alert_until_none_did_for_a_day(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::of(backend, 12).await;
    world.call_all().await;
    world.hours_pass(1).await;
    assert_eq!(world.alerts().await, Vec::<Value>::new());

    world.answer_in(0..11, Some("2027-01"));
    world.call_all().await;
    world.hours_pass(1).await;
    let [alert] = world.alerts().await.try_into().unwrap();
    assert_eq!((&alert["status"], &alert["severity"], &alert["source"]), (&json!("OPEN"), &json!("MEDIUM"), &json!("noren/connections")));
    let data = &alert["data"];
    assert_eq!((&data["asked"], &data["seen"], &data["channel"]), (&json!("2026-10"), &json!(["2027-01"]), &json!("CALLS")));
    assert_eq!((&data["connectionId"], &data["stores"], &alert["store"]), (&json!(world.connection), &json!(11), &Value::Null));
    assert_eq!(data["storeIds"].as_array().unwrap().len(), 10);
    assert!(alert["message"].as_str().unwrap().contains("11 stores answer in version 2027-01"), "{alert}");

    // Some answer as they are asked and some do not, hour after hour: it is the same alert, told once.
    for hour in 0..3 {
        world.answer_in(0..11, if hour % 2 == 0 { None } else { Some("2027-01") });
        world.call_all().await;
        world.hours_pass(1).await;
    }
    assert_eq!((world.status().await, &world.alerts().await[0]["count"]), (vec!["OPEN".to_owned()], &json!(1)));
    world.answer_in(0..12, None);
    world.pass(TimeDelta::minutes(5));
    world.hours_pass(21).await;
    assert_eq!(world.status().await, ["OPEN"], "it is not a day yet");
    world.hours_pass(4).await;
    let [alert] = world.alerts().await.try_into().unwrap();
    assert_eq!((&alert["status"], &alert["count"]), (&json!("RESOLVED"), &json!(1)), "{alert}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_in_another_version_are_one_until_the_connection_speaks_it(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::of(backend, 2).await;
    // The calls are right all the while.
    world.call_all().await;
    for (store, version) in [(0, "2026-07"), (1, "2026-07"), (1, "2026-10")] {
        world.deliver(&world.stores[store], "orders/create", ORDER, version).await;
    }
    world.hours_pass(1).await;
    let [alert] = world.alerts().await.try_into().unwrap();
    let data = &alert["data"];
    assert_eq!((&data["channel"], &data["asked"], &data["seen"]), (&json!("DELIVERIES"), &json!("2026-10"), &json!(["2026-07"])));
    assert_eq!((&data["stores"], &data["connectionId"], &alert["count"]), (&json!(2), &json!(world.connection), &json!(1)));

    // Another version is news; so is another one that is asked for.
    world.deliver(&world.stores[0], "orders/create", ORDER, "2026-04").await;
    world.hours_pass(1).await;
    let [alert] = world.alerts().await.try_into().unwrap();
    assert_eq!((&alert["data"]["seen"], &alert["count"]), (&json!(["2026-04", "2026-07"]), &json!(2)));
    world.execute("update webhook_events set api_version = '2026-07'", []).await;
    world.execute("delete from store_deliveries", []).await;
    let update = format!("mutation {{ connectionUpdate(input: {{ id: \"{}\", apiVersion: \"2026-07\" }}) {{ userErrors {{ message }} }} }}", world.connection);
    assert_eq!(world.ask(&update).await["connectionUpdate"]["userErrors"], json!([]));
    world.hours_pass(1).await;
    assert_eq!(world.status().await, ["RESOLVED"]);
    // The calls before were answered as they were asked, and those from now on are asked otherwise.
    world.answer_in(0..2, Some("2026-10"));
    world.call_all().await;
    world.hours_pass(1).await;
    let alerts = world.alerts().await;
    let last = alerts.iter().find(|alert| alert["status"] == "OPEN").unwrap();
    assert_eq!((&last["data"]["channel"], &last["data"]["asked"], &last["data"]["seen"]), (&json!("CALLS"), &json!("2026-07"), &json!(["2026-10"])));
    assert_eq!(alerts.len(), 2);
}
