//! Buckets: what operations cost, who pays, and when a caller who has spent everything may come back.

use chrono::TimeDelta;
use entities::MembershipRole;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use tests::harness::{Backend, Credentials, People, Server, Town};

/// A town in which callers are throttled.
async fn town(flags: &[(&'static str, &str)]) -> Town {
    let flags = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Town::on(Server::with(Backend::Sqlite, flags).await, 12).await
}

/// Nearly all that a full bucket of STARTER holds at 1,000 points a second, of which a fraction is returned.
fn dear() -> String {
    let lists: String =
        (0..16).map(|n| format!("l{n}: orders(first: 250) {{ nodes {{ id number processedAt status createdAt updatedAt financialStatus }} }} ")).collect();
    format!("{{ {lists} }}")
}

fn fields(value: &Value) -> u64 {
    match value {
        Value::Object(fields) => fields.values().map(|value| 1 + self::fields(value)).sum(),
        Value::Array(items) => items.iter().map(fields).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_its_cost_and_what_was_not_returned_is_given_back() {
    let town = town(&[("cost_restore_rate", "1000")]).await;
    let who = &town.ours.admin.credentials;
    let cost = async |query: &str| {
        let answer = town.server.ask(who, query).await;
        (answer.body["extensions"]["cost"].clone(), fields(answer.data()))
    };
    // Pages are rendered at once, and merged ones field by field: both are counted.
    let (first, returned) = cost("{ orders(first: 100) { nodes { id number } pageInfo { hasNextPage } } }").await;
    let requested = first["requestedQueryCost"].as_u64().unwrap();
    assert!(requested > returned && returned > 24, "{first} {returned}");
    let status = |available: u64| json!({ "maximumAvailable": 50_000, "currentlyAvailable": available, "restoreRate": 1_000 });
    assert_eq!(first, json!({ "requestedQueryCost": requested, "actualQueryCost": returned, "throttleStatus": status(50_000 - returned) }));
    let merged = "{ orders(first: 5) { nodes { id } } ... on Query { orders(first: 5) { nodes { number } } } }";
    let (second, again) = cost(merged).await;
    assert_eq!(second["actualQueryCost"], json!(again));
    assert_eq!(second["throttleStatus"], status(50_000 - returned - again));
    town.server.clock.advance(TimeDelta::seconds(1));
    let (third, _) = cost("{ __typename }").await;
    assert_eq!(third["throttleStatus"], status(49_999), "a full bucket takes no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_spent_everything_is_told_when_to_come_back_and_nobody_else_waits() {
    let town = town(&[("cost_restore_rate", "1000")]).await;
    let (server, who) = (&town.server, &town.ours.admin.credentials);
    let query = dear();
    let mut refused = None;
    for _ in 0..20 {
        let answer = server.ask(who, &query).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.data();
    }
    let refused = refused.expect("the bucket has an end");
    assert_eq!(refused.code(), Some("THROTTLED"));
    assert!(refused.body["data"].is_null());
    let cost = &refused.body["extensions"]["cost"];
    assert!(cost["actualQueryCost"].is_null() && cost["requestedQueryCost"].as_u64() > cost["throttleStatus"]["currentlyAvailable"].as_u64(), "{cost}");
    let seconds = refused.body["errors"][0]["extensions"]["retryAfterSeconds"].as_i64().unwrap();
    assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains(&format!("try again in {seconds} s")), "{refused:?}");
    let raw = reqwest::Client::builder().build().unwrap().post(server.url("/graphql")).bearer_auth(who.bearer.as_ref().unwrap());
    let raw = raw.json(&json!({ "query": query })).send().await.unwrap();
    assert_eq!(raw.headers()[RETRY_AFTER], seconds.to_string().as_str());

    // A cheaper query is still answered, and so are others of the same tenant.
    server.ask(who, "{ __typename }").await.data();
    for other in [&town.ours.member.credentials, &town.theirs.admin.credentials, &town.platform] {
        server.ask(other, &query).await;
        assert_eq!(server.ask(other, "{ __typename }").await.status, 200);
    }
    server.clock.advance(TimeDelta::seconds(seconds));
    server.ask(who, &query).await.data();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_plan_has_its_rate() {
    let town = town(&[("cost_restore_rate", "4000"), ("default_plan", "PROFESSIONAL")]).await;
    let status = async |who: &Credentials| town.server.ask(who, "{ __typename }").await.body["extensions"]["cost"]["throttleStatus"].clone();
    let of = |most: u64, rate: u64| json!({ "maximumAvailable": most, "currentlyAvailable": most - 1, "restoreRate": rate });
    assert_eq!(status(&town.ours.member.credentials).await, of(160_000, 8_000));
    assert_eq!(status(&town.platform).await, of(400_000, 20_000));
    assert_eq!(status(&Credentials::default()).await, of(50_000, 200), "one lawful query is always possible");
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_counted_by_the_minute() {
    let town = town(&[("operations_per_minute", "5")]).await;
    let (server, who) = (&town.server, &town.ours.admin.credentials);
    for _ in 0..5 {
        server.ask(who, "{ __typename }").await.data();
    }
    let refused = server.ask(who, "{ __typename }").await;
    let error = &refused.body["errors"][0];
    assert_eq!((refused.status, &error["extensions"]), (429, &json!({ "code": "THROTTLED", "operationClass": "ALL", "retryAfterSeconds": 12 })), "{refused:?}");
    assert_eq!(error["message"], "more than 5 operations a minute: try again in 12 s");
    server.ask(&town.ours.member.credentials, "{ __typename }").await.data();
    server.clock.advance(TimeDelta::seconds(12));
    server.ask(who, "{ __typename }").await.data();
    assert_eq!(server.ask(who, "{ __typename }").await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_rubbish_is_turned_away_and_those_who_were_here_before_are_not() {
    let town = town(&[("cost_restore_rate", "1000")]).await;
    let (server, who) = (&town.server, &town.ours.admin.credentials);
    let (stranger, nobody) = (Credentials::default(), Credentials::bearer("noren_nobody"));
    server.ask(who, "{ __typename }").await.data();
    let mut answered = std::collections::HashMap::new();
    let kinds = [(&stranger, "{ nothing }", 200), (&stranger, "{ half", 200), (&nobody, "{ __typename }", 401)];
    for (from, query, refused) in kinds.iter().cycle().take(600) {
        let status = server.ask(from, query).await.status;
        assert!(status == *refused || status == 429, "{query} {status}");
        *answered.entry(status).or_insert(0) += 1;
    }
    assert_eq!(answered[&429], 100, "500 a bucket: {answered:?}");
    let before = server.db().statements();
    let refused = server.ask(&nobody, "{ __typename }").await;
    assert_eq!((refused.status, refused.code()), (429, Some("THROTTLED")));
    assert_eq!(server.db().statements(), before, "nothing was looked up for it");

    // From the same address: known callers go on, at their own expense; new ones have to wait.
    server.ask(who, "{ orders { totalCount } }").await.data();
    let newcomer = People::of(server).person(town.ours.tenant, "newcomer@example.jp", MembershipRole::TenantMember, None).await.credentials;
    assert_eq!(server.ask(&newcomer, "{ __typename }").await.status, 429);
    server.clock.advance(TimeDelta::seconds(2));
    server.ask(&newcomer, "{ __typename }").await.data();
}
