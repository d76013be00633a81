//! Who sees which alerts, by what they are found, and how they are counted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use entities::{ApiScope, TokenRole};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Contract, Credentials};

use crate::world::World;

fn ids(nodes: &Value) -> BTreeSet<String> {
    nodes.as_array().expect("rows").iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_alerts_that_are_theirs_to_see(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (&world.town.ours, &world.town.theirs);
    let about = |store: usize| format!("type: \"Seen\", severity: LOW, message: \"m\", storeId: \"{}\"", ours.store(store));
    let id = |alert: Value| alert["id"].as_str().unwrap().to_owned();
    let first = id(world.raise(&about(0)).await);
    let second = id(world.raise(&about(1)).await);
    let general = id(world.raise("type: \"Seen\", severity: LOW, message: \"m\"").await);
    let foreign = id(world.done(&theirs.admin.credentials, "alertRaise", "type: \"Seen\", severity: LOW, message: \"m\"").await);
    let above = id(world.done(&world.town.platform, "alertRaise", "type: \"Seen\", severity: LOW, message: \"m\"").await);
    let (_, reader) = world.town.people.token(TokenRole::Integration, Some(ours.tenant), &[ApiScope::AlertsRead]).await;
    let all_of_ours = BTreeSet::from([first.clone(), second.clone(), general.clone()]);
    let cases: [(&str, Credentials, BTreeSet<String>); 6] = [
        ("an administrator", ours.admin.credentials.clone(), all_of_ours.clone()),
        ("a member", ours.member.credentials.clone(), all_of_ours.clone()),
        ("an integration that may read alerts", reader.clone(), all_of_ours.clone()),
        ("a clerk of the first store", ours.clerk.credentials.clone(), [first.clone()].into()),
        ("another tenant's administrator", theirs.admin.credentials.clone(), [foreign.clone()].into()),
        ("a platform administrator", world.town.platform.clone(), all_of_ours.iter().cloned().chain([foreign.clone(), above.clone()]).collect()),
    ];
    for (who, credentials, expected) in &cases {
        let query = "{ alerts(filter: { types: [\"Seen\"] }) { totalCount nodes { id } } alertCounts(filter: { types: [\"Seen\"] }) { count } }";
        let found = world.ask_as(credentials, query).await;
        assert_eq!(&ids(&found["alerts"]["nodes"]), expected, "{who}");
        assert_eq!(found["alerts"]["totalCount"], expected.len(), "{who}");
        let counted: u64 = found["alertCounts"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, expected.len() as u64, "{who}");
        for one in [&first, &second, &general, &foreign, &above] {
            let found = world.ask_as(credentials, &format!("{{ alert(id: \"{one}\") {{ id }} node(id: \"{one}\") {{ id }} }}")).await;
            assert_eq!((found["alert"].is_null(), found["node"].is_null()), (!expected.contains(one), !expected.contains(one)), "{who}: {one}");
        }
    }
    let of_store = world.ask(&format!("{{ store(id: \"{}\") {{ alerts(filter: {{ types: [\"Seen\"] }}) {{ nodes {{ id }} }} }} }}", ours.store(1))).await;
    assert_eq!(ids(&of_store["store"]["alerts"]["nodes"]), [second].into());
    let of_tenant = world.ask(&format!("{{ tenant(id: \"{}\") {{ alerts(filter: {{ types: [\"Seen\"] }}) {{ nodes {{ id }} }} }} }}", ours.tenant)).await;
    assert_eq!(ids(&of_tenant["tenant"]["alerts"]["nodes"]), all_of_ours);

    // Who may only read does not write, and the other way round.
    let (_, writer) = world.town.people.token(TokenRole::Integration, Some(ours.tenant), &[ApiScope::AlertsWrite]).await;
    let raise = "mutation { alertRaise(input: { type: \"Scoped\", severity: LOW, message: \"m\" }) { alert { id previousAlert { id } } } }";
    assert_eq!(world.town.server.ask(&reader, raise).await.code(), Some("FORBIDDEN"));
    assert_eq!(world.town.server.ask(&writer, "{ alerts { totalCount } }").await.code(), Some("FORBIDDEN"));
    let raised = world.town.server.ask(&writer, raise).await;
    assert!(raised.body["data"]["alertRaise"]["alert"]["id"].is_string(), "{raised:?}");
    let silence =
        format!("mutation {{ alertSilence(input: {{ type: \"T\", until: \"{}\", reason: \"r\" }}) {{ userErrors {{ code }} }} }}", world.now().to_rfc3339());
    for who in [&writer, &ours.member.credentials, &ours.clerk.credentials] {
        assert_eq!(world.town.server.ask(who, &silence).await.code(), Some("FORBIDDEN"));
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_field_of_the_filter_finds_what_it_says(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let store = world.town.ours.store(0);
    // Those of the town, and five that differ in everything.
    let mut alerts = world.ask("{ alerts { nodes { id } } }").await["alerts"]["nodes"].as_array().unwrap().clone();
    assert_eq!(alerts.len(), 2);
    for (n, severity) in ["CRITICAL", "HIGH", "MEDIUM", "LOW", "LOW"].into_iter().enumerate() {
        world.pass(TimeDelta::minutes(1));
        let about = if n % 2 == 0 { format!(", storeId: \"{store}\"") } else { String::new() };
        alerts.push(world.raise(&format!("type: \"T{n}\", severity: {severity}, source: \"s{}\", message: \"m\"{about}", n % 3)).await);
    }
    world.done(world.admin(), "alertAcknowledge", &format!("id: {}", alerts[3]["id"])).await;
    world.done(world.admin(), "alertResolve", &format!("id: {}", alerts[4]["id"])).await;
    world.pass(TimeDelta::minutes(1));
    world.raise("type: \"T1\", severity: LOW, source: \"s1\", message: \"again\"").await;
    let until = (world.now() + TimeDelta::hours(1)).to_rfc3339();
    world.change(world.admin(), "alertSilence", &format!("severity: LOW, until: \"{until}\", reason: \"r\""), "__typename").await;
    let mut all = Vec::new();
    for alert in &alerts {
        all.push(world.alert(&alert["id"]).await);
    }
    let second = all[3]["createdAt"].as_str().unwrap().to_owned();
    let print = all[2]["fingerprint"].as_str().unwrap().to_owned();
    let is = |row: &Value, field: &str, values: &[&str]| values.contains(&row[field].as_str().unwrap_or_default());
    type Matches<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let cases: Vec<(String, Matches)> = vec![
        ("statuses: [ACKNOWLEDGED, RESOLVED]".to_owned(), Box::new(|row| is(row, "status", &["ACKNOWLEDGED", "RESOLVED"]))),
        ("statuses: []".to_owned(), Box::new(|_| false)),
        ("severities: [CRITICAL, LOW]".to_owned(), Box::new(|row| is(row, "severity", &["CRITICAL", "LOW"]))),
        ("types: [\"T1\", \"TownAlert\"]".to_owned(), Box::new(|row| is(row, "type", &["T1", "TownAlert"]))),
        ("sources: [\"s0\"]".to_owned(), Box::new(|row| is(row, "source", &["s0"]))),
        (
            format!("storeIds: [\"{store}\"], severities: [CRITICAL]"),
            Box::new(|row| row["store"]["id"] == store.to_string() && is(row, "severity", &["CRITICAL"])),
        ),
        (format!("fingerprints: [{}]", json!(print)), Box::new(|row| is(row, "fingerprint", &[&print]))),
        (format!("createdAt: {{ from: \"{second}\" }}"), Box::new(|row| row["createdAt"].as_str() >= Some(&second))),
        (format!("lastSeenAt: {{ before: \"{second}\" }}"), Box::new(|row| row["lastSeenAt"].as_str() < Some(&second))),
        ("silenced: true".to_owned(), Box::new(|row| !row["silencedUntil"].is_null())),
        ("silenced: false, statuses: [OPEN]".to_owned(), Box::new(|row| row["silencedUntil"].is_null() && is(row, "status", &["OPEN"]))),
    ];
    for field in Contract::of(&world.town.server).await.inputs("AlertFilter") {
        let tried = cases.iter().any(|(filter, matches)| filter.starts_with(&format!("{}:", field.name)) && all.iter().any(matches));
        assert!(tried, "add a case that finds something by AlertFilter.{}", field.name);
    }
    for (filter, matches) in &cases {
        let expected: Vec<&Value> = all.iter().filter(|row| matches(row)).collect();
        let query =
            format!("{{ alerts(filter: {{ {filter} }}) {{ totalCount nodes {{ id }} }} alertCounts(filter: {{ {filter} }}) {{ severity status count }} }}");
        let found = world.ask(&query).await;
        assert_eq!(ids(&found["alerts"]["nodes"]), expected.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect(), "{filter}");
        assert_eq!(found["alerts"]["totalCount"], expected.len(), "{filter}");
        let mut counts = BTreeMap::<(&str, &str), u64>::new();
        for row in expected {
            *counts.entry((row["severity"].as_str().unwrap(), row["status"].as_str().unwrap())).or_default() += 1;
        }
        let rows = found["alertCounts"].as_array().unwrap();
        assert_eq!(rows.len(), 12, "none is told as well");
        for row in rows {
            let key = (row["severity"].as_str().unwrap(), row["status"].as_str().unwrap());
            assert_eq!(row["count"], counts.get(&key).copied().unwrap_or_default(), "{filter}: {key:?}");
        }
    }
    // The worst first; by when they were last seen, the one that was seen again comes last.
    let counts = world.ask("{ alertCounts { severity status } }").await;
    assert_eq!(
        [&counts["alertCounts"][0], &counts["alertCounts"][11]],
        [&json!({ "severity": "CRITICAL", "status": "OPEN" }), &json!({ "severity": "LOW", "status": "RESOLVED" })]
    );
    let by_last = world.ask("{ alerts(last: 1, orderBy: { field: LAST_SEEN_AT }) { nodes { type count } } }").await;
    assert_eq!(by_last["alerts"]["nodes"], json!([{ "type": "T1", "count": 2 }]));
    let newest = world.ask("{ alerts(first: 1) { nodes { type } } }").await;
    assert_eq!(newest["alerts"]["nodes"], json!([{ "type": "T4" }]));
}
