//! The sweep: callers × root fields × own and other tenant.

use std::collections::BTreeSet;

use platform::Ids;
use platform::callers::RIGHTS;
use rstest::rstest;
use serde_json::Value;
use tests::harness::{Answer, Backend, Belongings, Contract, Credentials, Server, Side, Town, ids_in};
use uuid::Uuid;

use crate::ids::IDS;
use crate::kinds::{self, CallerKind, Outcome};
use crate::live::{SUBSCRIPTION_IDS, SUBSCRIPTIONS};
use crate::table::{CALLS, NOT_IN_THE_SCHEMA, Needs, id_of, own_call, root};

#[tokio::test(flavor = "multi_thread")]
async fn every_root_field_and_every_id_argument_is_swept() {
    let contract = Contract::of(&Server::start(Backend::Sqlite).await).await;
    let followed = SUBSCRIPTIONS.iter().map(|(field, ..)| (*field).to_owned());
    let called: BTreeSet<String> = CALLS.iter().map(|(call, _)| root(call).to_owned()).chain(followed).collect();
    let roots = contract.roots();
    let missing: Vec<_> = roots.difference(&called).collect();
    assert!(missing.is_empty(), "say in rights/table.rs (CALLS and own_call) what these root fields need and how they are called: {missing:?}");
    let gone: Vec<_> = called.difference(&roots).collect();
    assert!(gone.is_empty(), "these root fields are not in the schema any more: {gone:?}");

    let tried: BTreeSet<String> = IDS.iter().map(|case| root(case.place)).chain(SUBSCRIPTION_IDS.iter().map(|(place, ..)| *place)).map(str::to_owned).collect();
    let places = contract.id_arguments();
    let missing: Vec<_> = places.difference(&tried).collect();
    assert!(missing.is_empty(), "say in rights/ids.rs how another tenant's id is tried in these places: {missing:?}");
    let gone: Vec<_> = tried.difference(&places).collect();
    assert!(gone.is_empty(), "these places are not in the schema any more: {gone:?}");
}

#[test]
fn every_right_is_needed_by_something() {
    let needed: BTreeSet<&str> = CALLS.iter().filter_map(|(_, needs)| action(*needs)).chain(NOT_IN_THE_SCHEMA.iter().map(|(action, _)| *action)).collect();
    let rights: BTreeSet<&str> = RIGHTS.iter().map(|right| right.action).collect();
    assert_eq!(needed, rights, "rights/table.rs and platform::callers::RIGHTS name other actions");
}

fn action(needs: Needs) -> Option<&'static str> {
    match needs {
        Needs::Nothing | Needs::Known => None,
        Needs::Right(action) | Needs::Above(action) | Needs::InTenant(action) => Some(action),
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn callers_may_do_what_the_table_says_and_nothing_else(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    let foreign = Foreign::of(&town).await;
    let kinds = kinds::all(&town).await;
    let (mut new, mut wrong) = (0, Vec::new());
    for (call, needs) in CALLS {
        for kind in &kinds {
            new += 1;
            let own = own_call(&town, call, new, kind.integration).await;
            let credentials = match own.tenant {
                Some(about) if kind.follows => kind.credentials.choosing(about),
                _ => kind.credentials.clone(),
            };
            let answer = town.server.ask(&credentials, &own.text).await;
            let (expected, found) = (kind.outcome(*needs), outcome(&answer));
            if found != Ok(expected) || (kind.is_refused() && answer.status != 401) {
                wrong.push(format!("{call} by {}: expected {expected:?}, found {answer:?}", kind.name));
            }
            if kind.in_tenant && !(kind.in_both && *call == "Query.viewer") {
                foreign.is_not_in(&own.text, &answer);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {new} calls:\n{}", wrong.len(), wrong.join("\n"));
}

/// What came of a call; what is neither done nor refused by rights is told whole.
fn outcome(answer: &Answer) -> Result<Outcome, String> {
    match answer.code() {
        Some("UNAUTHENTICATED") => Ok(Outcome::Unauthenticated),
        Some("FORBIDDEN") => Ok(Outcome::Forbidden),
        None if answer.status == 200 && user_errors(&answer.body["data"]).is_empty() => Ok(Outcome::Done),
        _ => Err(format!("{answer:?}")),
    }
}

fn user_errors(data: &Value) -> Vec<Value> {
    let payloads = data.as_object().into_iter().flat_map(|fields| fields.values());
    payloads.filter_map(|payload| payload.get("userErrors")?.as_array()).flatten().cloned().collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ones_own_answers_as_what_is_not_there(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 3).await;
    let foreign = Foreign::of(&town).await;
    let kinds = kinds::all(&town).await;
    let before = everything(&town, &town.theirs.admin.credentials).await;
    let mut wrong = Vec::new();
    for case in IDS {
        for kind in kinds.iter().filter(|kind| kind.in_tenant && kind.outcome(case.needs) == Outcome::Done) {
            let theirs = id_of(&town.theirs, case.of, 0);
            let prefix = theirs.split('_').next().unwrap_or_default();
            let missing = entities::StoreId::from(Ids::at("2026-11-21T08:00:00Z".parse().expect("an instant"))).to_string().replace("store", prefix);
            let expected = masked(&ask(&town, kind, &(case.call)(&town.ours, &missing)).await, &missing);
            let mut others = vec![theirs];
            // Who works in the first store alone is a stranger in the second.
            let next_door = id_of(&town.ours, case.of, 1);
            if kind.is_clerk() && next_door != id_of(&town.ours, case.of, 0) {
                others.push(next_door);
            }
            // What an administrator made is not an integration's.
            if kind.integration.is_some() && ["WebhookEndpoint", "WebhookDelivery"].contains(&case.of) {
                others.push(id_of(&town.ours, case.of, 0));
            }
            for other in others {
                let text = (case.call)(&town.ours, &other);
                let answer = ask(&town, kind, &text).await;
                foreign.is_not_in(&text, &answer);
                let found = masked(&answer, &other);
                if found != expected {
                    wrong.push(format!("{} with {other} by {}: {found}\n  but a missing one: {expected}", case.place, kind.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(everything(&town, &town.theirs.admin.credentials).await, before, "something of the other tenant was changed");
}

async fn ask(town: &Town, kind: &CallerKind, text: &str) -> Answer {
    town.server.ask(&kind.credentials, text).await
}

/// An answer without the id that was asked for, and without the request's own.
fn masked(answer: &Answer, id: &str) -> String {
    assert_ne!(answer.code(), Some("INTERNAL"), "{answer:?}");
    format!("{} {}", answer.status, answer.body).replace(id, "ID")
}

/// All that a tenant's administrator sees.
async fn everything(town: &Town, who: &Credentials) -> Value {
    let contract = Contract::of(&town.server).await;
    let lists = [
        ("stores", "Store"),
        ("customers", "Customer"),
        ("products", "Product"),
        ("orders", "Order"),
        ("users", "User"),
        ("apiTokens", "ApiToken"),
        ("auditEvents", "AuditEvent"),
        ("jobs", "Job"),
        ("webhookEndpoints", "WebhookEndpoint"),
        ("webhookDeliveries", "WebhookDelivery"),
        ("connections", "ProviderRegistration"),
        ("webhookEvents", "WebhookEvent"),
        ("alerts", "Alert"),
        ("alertSilences", "AlertSilence"),
        ("notificationChannels", "NotificationChannel"),
        ("notifications", "Notification"),
        ("privacyRequests", "PrivacyRequest"),
    ];
    let mut found = Vec::new();
    for (list, node) in lists {
        let query = format!("{{ viewer {{ tenant {} }} {list} {} }}", contract.selection("Tenant", 0), contract.page(node, 0));
        found.push(town.server.ask(who, &query).await.data().clone());
    }
    Value::Array(found)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_not_ones_own_cannot_be_chosen(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let missing = entities::TenantId::from(Uuid::from_u128(7));
    let (_, token) = town.people.token(entities::TokenRole::Integration, Some(town.ours.tenant), &[entities::ApiScope::OrdersRead]).await;
    for who in [&town.ours.admin.credentials, &town.ours.clerk.credentials, &token] {
        let answers = [town.theirs.tenant, missing].map(|tenant| who.choosing(tenant));
        let (theirs, none) = (town.server.ask(&answers[0], "{ viewer { kind } }").await, town.server.ask(&answers[1], "{ viewer { kind } }").await);
        assert_eq!((theirs.status, theirs.code()), (403, Some("FORBIDDEN")));
        assert_eq!(theirs, none);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_platform_administrator_in_a_tenant_that_is_gone_breaks_nothing(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let deleted = town.people.tenant("Deleted").await;
    let delete = format!("mutation {{ tenantDelete(input: {{ id: \"{deleted}\", companyName: \"Deleted\" }}) {{ tenant {{ id }} }} }}");
    town.server.ask(&town.platform, &delete).await.data();
    let mut new = 0;
    for gone in [deleted, entities::TenantId::from(Uuid::from_u128(7))] {
        for (call, _) in CALLS {
            new += 1;
            let own = own_call(&town, call, new, None).await;
            let text = own.text.replace(&town.ours.tenant.to_string(), &gone.to_string());
            let answer = town.server.ask(&town.platform.choosing(gone), &text).await;
            assert_ne!(answer.code(), Some("INTERNAL"), "{call}: {answer:?}");
        }
    }
    let nothing = town.server.ask(&town.platform.choosing(deleted), "{ stores { totalCount } users { totalCount } apiTokens { totalCount } }").await;
    assert_eq!(nothing.data()["stores"]["totalCount"], 0);
    assert_eq!(nothing.data()["users"]["totalCount"], 0);
    assert_eq!(nothing.data()["apiTokens"]["totalCount"], 0);
}

/// What is the other tenant's alone.
struct Foreign {
    marker: String,
    ids: Belongings,
}

impl Foreign {
    async fn of(town: &Town) -> Self {
        let Side { tenant, marker, .. } = &town.theirs;
        let mut ids = town.belongings(*tenant).await;
        for shared in town.belongings(town.ours.tenant).await.keys() {
            ids.remove(shared);
        }
        Self { marker: marker.clone(), ids }
    }

    /// Nothing of the other tenant is in an answer, but for what was in the question.
    fn is_not_in(&self, question: &str, answer: &Answer) {
        let body = answer.body.to_string();
        assert!(!body.contains(&self.marker) || question.contains(&self.marker), "{question}\nshows what is another tenant's: {body}");
        for (text, id) in ids_in(&answer.body) {
            assert!(!self.ids.contains_key(&id) || question.contains(&text), "{question}\nshows another tenant's id: {body}");
        }
    }
}
