//! Silences: what nobody wants to hear of is recorded and shown, and nobody is told.

use chrono::{DateTime, TimeDelta, Utc};
use entities::AlertSeverity;
use ops::alerts::AlertEvent;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::World;

const SILENCE: &str = "id type severity source fingerprint reason createdBy startsAt endsAt store { id } tenant { id }";

impl World {
    async fn silence(&self, what: &str, until: DateTime<Utc>) -> Value {
        let input = format!("{what}, until: \"{}\", reason: \"we move the warehouse\"", until.to_rfc3339());
        let payload = self.change(self.admin(), "alertSilence", &input, &format!("alertSilence {{ {SILENCE} }}")).await;
        assert_eq!(payload["userErrors"], json!([]), "{what}");
        payload["alertSilence"].clone()
    }

    async fn end(&self, silence: &Value) -> Value {
        let payload = self.change(self.admin(), "alertSilenceEnd", &format!("id: {}", silence["id"]), &format!("alertSilence {{ {SILENCE} }}")).await;
        assert_eq!(payload["userErrors"], json!([]));
        payload["alertSilence"].clone()
    }

    async fn silenced_until(&self, id: &Value) -> Value {
        self.alert(id).await["silencedUntil"].clone()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_silence_gives_must_all_be_equal(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (store, other) = (world.town.ours.store(0), world.town.ours.store(1));
    let raise = async |fingerprint: &str| {
        let input = format!("type: \"Stock\", source: \"erp\", severity: HIGH, message: \"m\", storeId: \"{store}\", fingerprint: \"{fingerprint}\"");
        world.raise(&input).await
    };
    let open = raise("before").await;
    let fits = [
        "type: \"Stock\"".to_owned(),
        "source: \"erp\"".to_owned(),
        "severity: HIGH".to_owned(),
        format!("storeId: \"{store}\""),
        format!("type: \"Stock\", source: \"erp\", severity: HIGH, storeId: \"{store}\""),
    ];
    let misses = [
        "type: \"stock\"".to_owned(),
        "type: \"Stock\", source: \"wms\"".to_owned(),
        "type: \"Stock\", severity: CRITICAL".to_owned(),
        format!("type: \"Stock\", storeId: \"{other}\""),
        "type: \"Stock\", fingerprint: \"another\"".to_owned(),
    ];
    let (until, mut number) = (world.now() + TimeDelta::hours(2), 0);
    for (matches, whats) in [(true, &fits), (false, &misses)] {
        let expected = if matches { json!(until.to_rfc3339()) } else { Value::Null };
        for what in whats {
            let silence = world.silence(what, until).await;
            assert_eq!(world.silenced_until(&open["id"]).await, expected, "{what}: one that was there already");
            number += 1;
            let new = raise(&format!("new{number}")).await;
            assert_eq!((&new["silencedUntil"], &new["status"]), (&expected, &json!("OPEN")), "{what}: a new one");
            world.end(&silence).await;
            for alert in [&open, &new] {
                assert_eq!(world.silenced_until(&alert["id"]).await, Value::Null, "{what}: ended");
            }
        }
    }
    // By fingerprint alone, and in nobody else's tenant.
    let stranger =
        world.done(&world.town.theirs.admin.credentials, "alertRaise", "type: \"Stock\", severity: HIGH, message: \"m\", fingerprint: \"before\"").await;
    world.silence("fingerprint: \"before\"", until).await;
    assert_eq!(world.silenced_until(&open["id"]).await, until.to_rfc3339());
    let theirs = world.ask_as(&world.town.theirs.admin.credentials, &format!("{{ alert(id: {}) {{ silencedUntil }} }}", stranger["id"])).await;
    assert_eq!(theirs["alert"]["silencedUntil"], Value::Null);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn silences_overlap_end_and_run_out(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let alert = world.raise("type: \"Noise\", severity: LOW, message: \"m\"").await;
    let (soon, later) = (world.now() + TimeDelta::hours(1), world.now() + TimeDelta::hours(3));
    let short = world.silence("type: \"Noise\"", soon).await;
    let long = world.silence("severity: LOW", later).await;
    let expected = json!({ "id": short["id"], "type": "Noise", "severity": null, "source": null, "fingerprint": null, "reason": "we move the warehouse",
        "createdBy": world.admin_id, "startsAt": world.now().to_rfc3339(), "endsAt": soon.to_rfc3339(), "store": null, "tenant": { "id": world.town.ours.tenant.to_string() } });
    assert_eq!(short, expected);
    assert_eq!(world.ask(&format!("{{ alertSilence(id: {}) {{ {SILENCE} }} }}", short["id"])).await["alertSilence"], expected);
    assert_eq!(world.silenced_until(&alert["id"]).await, later.to_rfc3339(), "the longer one holds");
    let ended = world.end(&long).await;
    assert_eq!(ended["endsAt"], world.now().to_rfc3339());
    assert_eq!(world.silenced_until(&alert["id"]).await, soon.to_rfc3339(), "the other one still holds");
    world.pass(TimeDelta::minutes(1));
    assert_eq!(world.end(&long).await, ended, "one that is over stays as it is");

    // Worse than what is silenced, it is heard.
    let severity = world.silence("source: \"api\", severity: LOW", later).await;
    world.end(&short).await;
    assert_eq!(world.silenced_until(&alert["id"]).await, later.to_rfc3339());
    assert_eq!(world.raise("type: \"Noise\", severity: HIGH, message: \"m\"").await["silencedUntil"], Value::Null);
    world.end(&severity).await;

    // One that runs out is taken off within a minute, and that is told.
    let last = world.silence("type: \"Noise\"", world.now() + TimeDelta::minutes(10)).await;
    let silenced = async |yes: bool| {
        world.ask(&format!("{{ alerts(filter: {{ silenced: {yes}, types: [\"Noise\"] }}) {{ totalCount }} }}")).await["alerts"]["totalCount"].clone()
    };
    assert_eq!((silenced(true).await, silenced(false).await), (json!(1), json!(0)));
    world.settle().await;
    assert_eq!(silenced(true).await, 1, "not before its time");
    world.pass(TimeDelta::minutes(10));
    let holding = format!("{{ alertSilences(filter: {{ holdingAt: \"{}\" }}) {{ nodes {{ id }} }} }}", world.now().to_rfc3339());
    let found = world.ask(&holding).await;
    assert!(!found["alertSilences"]["nodes"].as_array().unwrap().contains(&json!({ "id": last["id"] })), "{found}");
    world.settle().await;
    assert_eq!((silenced(true).await, silenced(false).await), (json!(0), json!(1)));

    let told: Vec<bool> = world.told(Some(world.town.ours.tenant)).await.iter().filter_map(AlertEvent::read).map(|event| event.silenced).collect();
    assert_eq!(told, [false, true, true, true, true, false, true, false], "each change of what is silenced is told");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn silences_say_what_until_when_and_why(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let at = |days: i64| (world.now() + TimeDelta::days(days)).to_rfc3339();
    for (input, code, field) in [
        (format!("until: \"{}\", reason: \"r\"", at(1)), "UNKNOWN_VALUE", "type"),
        (format!("type: \"T\", until: \"{}\", reason: \" \"", at(1)), "BLANK", "reason"),
        (format!("type: \"T\", until: \"{}\", reason: \"r\"", at(0)), "NOT_IN_FUTURE", "until"),
        (format!("type: \"T\", until: \"{}\", reason: \"r\"", at(31)), "UNKNOWN_VALUE", "until"),
        (format!("type: \"T T\", until: \"{}\", reason: \"r\"", at(1)), "UNKNOWN_VALUE", "type"),
    ] {
        let found = world.refused(world.admin(), "alertSilence", &input).await;
        assert_eq!((&*found.0, &*found.1), (code, field), "{input}");
    }
    // The program's own alerts can be silenced too.
    let until = world.now() + TimeDelta::days(30);
    world.silence("source: \"noren/test\"", until).await;
    let own = world.raise_own(world.alert_of("Own", AlertSeverity::Critical)).await;
    assert_eq!(own.silenced_until, Some(until));
    // There is an end to it.
    for n in 0..100 {
        let input = format!("type: \"T{n}\", until: \"{}\", reason: \"r\"", at(1));
        let payload = world.change(world.admin(), "alertSilence", &input, "alertSilence { id }").await;
        // The town has two, and the one above.
        let code = &payload["userErrors"][0]["code"];
        assert_eq!(*code, if n < 97 { Value::Null } else { json!("LIMIT_REACHED") }, "{n}");
    }
}
