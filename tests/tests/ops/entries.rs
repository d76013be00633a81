//! Every mutation that succeeds leaves one entry in each log that it concerns; whatever is refused or undone leaves none.

use std::collections::BTreeSet;

use entities::{EventType, MembershipRole};
use platform::callers::{RIGHTS, Reach};
use platform::db::Access;
use platform::{Change, Trace};
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::{Backend, Contract, Credentials, PASSWORD, Town, machinery};

use crate::log::{sealed, since, written};
use crate::table::{CALLS, Needs, own_call};

const USER_AGENT: &str = "an audit test";

/// Sends a mutation, and gives back its answer and the request's id.
async fn send(town: &Town, who: &Credentials, text: &str) -> (Value, String) {
    let client = reqwest::Client::builder().user_agent(USER_AGENT).build().unwrap();
    let mut request = client.post(town.server.url("/graphql")).json(&json!({ "query": text }));
    if let Some(bearer) = &who.bearer {
        request = request.bearer_auth(bearer);
    }
    if let Some(tenant) = &who.tenant {
        request = request.header("noren-tenant", tenant);
    }
    let response = request.send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    (response.json().await.unwrap(), id)
}

/// Who may do it, as far down as may be.
async fn caller(town: &Town, needs: Needs) -> Credentials {
    match needs {
        Needs::Nothing => Credentials::default(),
        Needs::Known => town.people.session(&town.ours.admin.email).await.0,
        Needs::Above(_) => town.platform.clone(),
        Needs::Right(action) | Needs::InTenant(action) => {
            let right = RIGHTS.iter().find(|right| right.action == action).unwrap();
            if right.tenant_admin == Reach::No { town.platform.clone() } else { town.ours.admin.credentials.clone() }
        }
    }
}

/// How the log names them.
async fn name(town: &Town, who: &Credentials) -> String {
    let answer = town.server.ask(who, "{ viewer { user { id } apiToken { id } } }").await;
    let viewer = &answer.data()["viewer"];
    let id = ["user", "apiToken"].iter().find_map(|kind| viewer[kind]["id"].as_str());
    id.unwrap_or("anonymous").to_owned()
}

/// Everything in an answer or a document that nobody else may know.
fn secrets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["accessToken", "refreshToken", "token", "secret", "password", "apiSecret", "signingSecret", "webhookSecret"] {
        for (at, _) in
            text.match_indices(&format!("{name}\": \"")).chain(text.match_indices(&format!("{name}\":\""))).chain(text.match_indices(&format!("{name}: \"")))
        {
            let rest = &text[at + name.len()..];
            let value = rest.trim_start_matches(['"', ':', ' ']).split('"').next().unwrap_or_default();
            if value.len() >= 12 {
                found.push(value.to_owned());
            }
        }
    }
    found
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_that_succeeds_leaves_one_entry_in_each_log(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let contract = Contract::of(&town.server).await;
    let mut never: BTreeSet<String> = contract.fields("Mutation").iter().map(|field| field.name.clone()).collect();
    let mut secret = vec![PASSWORD.to_owned()];
    let connect = format!(
        "mutation {{ storeConnect(input: {{ domain: \"secretive.myshopify.com\", accessToken: \"shpat_0123456789\", apiSecret: \"shpss_0123456789\", tenantId: \"{}\" }}) {{ store {{ id }} userErrors {{ code }} }} }}",
        town.ours.tenant
    );
    let change = format!(
        "mutation {{ storeUpdate(input: {{ id: \"{}\", accessToken: \"shpat_9876543210\" }}) {{ store {{ id }} userErrors {{ code }} }} }}",
        town.ours.store(0)
    );
    let (connects, changes) =
        (("Mutation.storeConnect", Needs::Right("ManageStores"), Some(connect)), ("Mutation.storeUpdate", Needs::Right("ManageStores"), Some(change)));
    // Signing out comes last, as in the table.
    let table = CALLS.iter().filter(|(call, _)| call.starts_with("Mutation.")).map(|(call, needs)| (*call, *needs, None));
    for (number, (call, needs, text)) in [connects, changes].into_iter().chain(table).enumerate() {
        let text = match text {
            Some(text) => text,
            None => own_call(&town, call, number, None).await.text,
        };
        let action = call.trim_start_matches("Mutation.");
        let who = caller(&town, needs).await;
        let actor = name(&town, &who).await;
        let before = written(&town.server).await;
        let (answer, request) = send(&town, &who, &text).await;
        assert!(answer.get("errors").is_none() && answer["data"][action]["userErrors"] == json!([]), "{text}\n{answer}");
        let entries = since(&town.server, before).await;
        let logs: BTreeSet<_> = entries.iter().map(|entry| entry.tenant).collect();
        assert!(!entries.is_empty(), "{action} leaves no entry: commit its transaction with a platform::Change");
        assert_eq!(logs.len(), entries.len(), "{action} leaves more than one entry in one log: {entries:?}");
        for entry in &entries {
            let found = (entry.action.as_str(), entry.actor.as_str(), entry.outcome.as_str(), entry.request_id.as_deref());
            assert_eq!(found, (action, actor.as_str(), "DONE", Some(request.as_str())), "{entry:?}");
            assert!(
                entry.subject.as_deref().is_some_and(|subject| entities::split_id(subject).is_some()),
                "{action} names nothing that it was done to: {entry:?}"
            );
            let told = entry.told();
            assert_eq!((told["address"].as_str(), told["userAgent"].as_str()), (Some("127.0.0.1"), Some(USER_AGENT)), "{entry:?}");
        }
        secret.extend(secrets(&text));
        secret.extend(secrets(&answer.to_string()));
        secret.extend(who.bearer);
        never.remove(action);
    }
    assert!(never.is_empty(), "say in rights/table.rs how these mutations are called: {never:?}");

    assert!(secret.len() > 20, "{} secrets", secret.len());
    for entry in since(&town.server, 0).await {
        let detail = entry.detail.unwrap_or_default();
        let shown = secret.iter().find(|secret| detail.contains(secret.as_str()));
        assert!(shown.is_none() && !detail.contains("whsec_") && !detail.contains("$argon2"), "{} shows the secret {shown:?}: {detail}", entry.action);
    }
    let reports = sealed(&town.server).await;
    assert!(reports.iter().all(|report| report.broken.is_none() && report.unsealed == 0), "{reports:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_undone_leaves_none(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (side, admin) = (&town.ours, &town.ours.admin.credentials);
    let before = written(&town.server).await;
    let payload = "{ userErrors { code } }";
    for (who, text) in [
        (admin, format!("storeUpdate(input: {{ id: \"{}\", name: \" \" }}) {payload}", side.store(0))),
        (admin, format!("storeUpdate(input: {{ id: \"{}\", name: \"x\" }}) {payload}", town.theirs.store(0))),
        (&side.member.credentials, format!("storeUpdate(input: {{ id: \"{}\", name: \"x\" }}) {payload}", side.store(0))),
        (admin, format!("apiTokenRevoke(input: {{ id: \"{}\" }}) {payload}", town.theirs.spare_token)),
        (admin, format!("apiTokenCreate(input: {{ name: \"x\", scopes: [] }}) {payload}")),
        (admin, format!("userInvite(input: {{ email: \"{}\", role: TENANT_MEMBER }}) {payload}", side.member.email)),
        (admin, format!("jobCancel(input: {{ id: \"{}\" }}) {payload}", side.job)),
        (admin, format!("jobRetry(input: {{ id: \"{}\" }}) {payload}", town.theirs.job)),
        (admin, format!("auditDetailErase(input: {{ subject: \"anonymous\" }}) {payload}")),
        (&town.platform, format!("tenantCreate(input: {{ companyName: \"\", contactEmail: \"x@example.jp\" }}) {payload}")),
        (&Credentials::default(), format!("passwordReset(input: {{ token: \"nonsense\", password: \"{PASSWORD}\" }}) {payload}")),
    ] {
        let (answer, _) = send(&town, who, &format!("mutation {{ {text} }}")).await;
        let refused = answer.get("errors").is_some() || answer["data"].as_object().unwrap().values().all(|payload| payload["userErrors"] != json!([]));
        assert!(refused, "{text}\n{answer}");
        assert_eq!(since(&town.server, before).await.len(), 0, "{text}");
    }

    let trace = Trace::system("a test", town.server.clock());
    let tx = town.server.db().write(Access::Tenant(side.tenant)).await.unwrap();
    let change = Change::new("storeUpdate", side.tenant).subject(side.store(0)).announce(EventType::StoreUpdated, "storeId");
    change.write(&tx, &trace).await.unwrap();
    drop(tx);
    // The last of the log is somebody's who came later.
    machinery::queued_job(&town.server, side.tenant).await;
    assert_eq!(since(&town.server, before).await.len(), 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_in_the_logs_of_ones_tenants_and_refused_ones_in_the_platforms_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (both, ours) = (&town.both, &town.ours);
    let sign_in =
        |email: &str, password: &str| format!("mutation {{ signIn(input: {{ email: \"{email}\", password: \"{password}\" }}) {{ userErrors {{ code }} }} }}");
    let before = written(&town.server).await;
    send(&town, &Credentials::default(), &sign_in(&both.email, PASSWORD)).await;
    let entries = since(&town.server, before).await;
    let logs: BTreeSet<_> = entries.iter().map(|entry| entry.tenant).collect();
    assert_eq!(logs, BTreeSet::from([Some(ours.tenant), Some(town.theirs.tenant)]));
    assert!(entries.iter().all(|entry| entry.subject.as_deref() == Some(both.id.to_string().as_str()) && entry.outcome == "DONE"));

    let before = written(&town.server).await;
    let (_, request) = send(&town, &Credentials::default(), &sign_in(&both.email, "not the password")).await;
    town.server.clock.advance(chrono::TimeDelta::seconds(1));
    send(&town, &Credentials::default(), &sign_in("nobody@example.jp", "not the password")).await;
    let entries = since(&town.server, before).await;
    let found: Vec<_> = entries.iter().map(|entry| (entry.tenant, entry.outcome.as_str(), entry.subject.clone())).collect();
    assert_eq!(found, [(None, "REFUSED", Some(both.id.to_string())), (None, "REFUSED", None)]);
    assert_eq!((entries[0].request_id.as_deref(), entries[0].told()["userAgent"].as_str()), (Some(request.as_str()), Some(USER_AGENT)));
    assert!(entries.iter().all(|entry| !entry.detail.as_deref().unwrap_or_default().contains("not the password")));

    let refused = "{ auditEvents(filter: { outcomes: [REFUSED] }) { totalCount nodes { subject tenant { id } actorKind } } }";
    let theirs = town.server.ask(&town.theirs.admin.credentials, refused).await;
    assert_eq!(theirs.data()["auditEvents"]["totalCount"], 0);
    let platform = town.server.ask(&town.platform, refused).await;
    assert_eq!(
        platform.data()["auditEvents"]["nodes"],
        json!([
            { "subject": null, "tenant": null, "actorKind": "ANONYMOUS" },
            { "subject": both.id.to_string(), "tenant": null, "actorKind": "ANONYMOUS" },
        ])
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_found_by_all_that_it_is_filtered_by(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let (side, admin) = (&town.ours, &town.ours.admin);
    let store = side.store(0);
    let update = |name: &str| format!("mutation {{ storeUpdate(input: {{ id: \"{store}\", name: \"{name}\" }}) {{ store {{ id }} }} }}");
    let (_, request) = send(&town, &admin.credentials, &update("oursmark first")).await;
    town.server.clock.advance(chrono::TimeDelta::minutes(1));
    let later = platform::Clock::now(&*town.server.clock).to_rfc3339();
    send(&town, &admin.credentials, &update("oursmark second")).await;
    town.people.person(side.tenant, "another@example.jp", MembershipRole::TenantMember, None).await;

    let fields =
        "totalCount nodes { id actor actorKind action subject outcome requestId before after address userAgent position sealed detailErasedAt occurredAt }";
    let list = async |who: &Credentials, filter: String| {
        let answer = town.server.ask(who, &format!("{{ auditEvents(first: 250, filter: {{ {filter} }}) {{ {fields} }} }}")).await;
        let found = answer.data()["auditEvents"].clone();
        assert_eq!(found["totalCount"].as_u64().unwrap() as usize, found["nodes"].as_array().unwrap().len());
        found["nodes"].as_array().unwrap().clone()
    };
    let updates =
        list(&admin.credentials, format!("actions: [\"storeUpdate\"], subjects: [\"{store}\"], actors: [\"{}\"], actorKinds: [USER]", admin.id)).await;
    let names: Vec<_> = updates.iter().map(|entry| (entry["before"]["name"].clone(), entry["after"]["name"].clone())).collect();
    // The newest first, each with what was changed alone.
    assert_eq!(names, [(json!("oursmark first"), json!("oursmark second")), (json!("oursmark1 shop"), json!("oursmark first"))]);
    let oldest = &updates[1];
    assert_eq!(oldest["before"].as_object().unwrap().len(), 2, "the name and updatedAt: {oldest}");
    assert_eq!((&oldest["requestId"], &oldest["address"], &oldest["userAgent"]), (&json!(request), &json!("127.0.0.1"), &json!(USER_AGENT)));
    assert_eq!((&oldest["position"], &oldest["sealed"], &oldest["detailErasedAt"]), (&json!(null), &json!(false), &json!(null)));

    let since = list(&admin.credentials, format!("occurredAt: {{ from: \"{later}\" }}")).await;
    assert_eq!(
        since.iter().map(|entry| entry["action"].as_str().unwrap()).collect::<BTreeSet<_>>(),
        BTreeSet::from(["storeUpdate", "userInvite", "invitationAccept"])
    );
    assert!(list(&admin.credentials, "actorKinds: [SYSTEM]".to_owned()).await.iter().all(|entry| entry["actor"] == "system"));
    assert_eq!(list(&admin.credentials, "actions: []".to_owned()).await.len(), 0);
    assert_eq!(list(&side.admin.credentials, format!("tenantId: \"{}\"", town.theirs.tenant)).await.len(), 0);
    // A platform administrator looks over all logs, or into one.
    let everywhere = list(&town.platform, format!("subjects: [\"{}\"]", town.both.id)).await;
    let inside = list(&town.platform, format!("subjects: [\"{}\"], tenantId: \"{}\"", town.both.id, town.theirs.tenant)).await;
    assert!(everywhere.len() > inside.len() && !inside.is_empty(), "{} and {}", everywhere.len(), inside.len());
    assert_eq!(list(&town.platform.choosing(town.theirs.tenant), format!("subjects: [\"{}\"]", town.both.id)).await, inside);

    sealed(&town.server).await;
    let now = list(&admin.credentials, "".to_owned()).await;
    let places: BTreeSet<_> = now.iter().map(|entry| entry["position"].as_i64().unwrap()).collect();
    assert_eq!(places, (1..=now.len() as i64).collect(), "a tenant's chain has no gaps");
    let node =
        town.server.ask(&admin.credentials, &format!("{{ node(id: {}) {{ ... on AuditEvent {{ after sealed tenant {{ id }} }} }} }}", now[0]["id"])).await;
    assert_eq!(node.data()["node"], json!({ "after": now[0]["after"], "sealed": true, "tenant": { "id": side.tenant.to_string() } }));
}
