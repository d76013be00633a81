//! A suspended tenant reads and does not write; a deleted one is nobody's.

use rstest::rstest;
use serde_json::json;
use tests::harness::{Backend, Credentials, Town};

fn refused(answer: &tests::harness::Answer) -> bool {
    answer.code() == Some("FORBIDDEN") && answer.body["errors"][0]["message"].as_str().is_some_and(|message| message.contains("suspended"))
}

/// What callers of a tenant may otherwise change.
fn changes(town: &Town) -> Vec<String> {
    let side = &town.ours;
    let input = |name: &str, input: &str| format!("mutation {{ {name}(input: {{ {input} }}) {{ userErrors {{ code }} }} }}");
    vec![
        input("tenantUpdate", &format!("id: \"{}\", contactPhone: \"03\"", side.tenant)),
        input("storeConnect", "domain: \"new.myshopify.com\", accessToken: \"secret\""),
        input("storeUpdate", &format!("id: \"{}\", description: \"new\"", side.store(0))),
        input("userInvite", "email: \"new@example.jp\", role: TENANT_MEMBER"),
        input("userRoleChange", &format!("userId: \"{}\", role: TENANT_ADMIN", side.spare.id)),
        input("userDisable", &format!("userId: \"{}\"", side.spare.id)),
        input("passwordResetLinkCreate", &format!("userId: \"{}\"", side.spare.id)),
        input("connectionCreate", "name: \"new\", webhookSecret: \"secret\""),
        input("connectionUpdate", &format!("id: \"{}\", name: \"new\"", side.connection)),
        input("webhookEventReplay", &format!("id: \"{}\"", side.deliveries[0])),
        input("apiTokenCreate", "name: \"new\", scopes: [ORDERS_READ]"),
        input("webhookEndpointCreate", "url: \"https://hooks.example.com/\""),
        input("apiTokenRevoke", &format!("id: \"{}\"", side.spare_token)),
    ]
}

const READS: &str =
    "{ viewer { tenant { status suspensionReason } } stores { totalCount } orders { totalCount } customers { totalCount } products { totalCount } }";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_tenant_reads_and_does_not_write(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 2).await;
    let (_, token) = town.people.token(entities::TokenRole::Integration, Some(town.ours.tenant), entities::ApiScope::ALL).await;
    let admin = &town.ours.admin.credentials;
    let before = town.server.ask(admin, READS).await;
    town.people.suspend(town.ours.tenant).await;

    let mut suspended = before.data().clone();
    suspended["viewer"]["tenant"] = json!({ "status": "SUSPENDED", "suspensionReason": "unpaid" });
    assert_eq!(town.server.ask(admin, READS).await.data(), &suspended);
    for change in changes(&town) {
        let answer = town.server.ask(admin, &change).await;
        assert!(refused(&answer), "{change}: {answer:?}");
    }
    for change in changes(&town).iter().take(3) {
        let answer = town.server.ask(&token, change).await;
        assert!(refused(&answer), "{change}: {answer:?}");
    }
    // The other tenant, whoever runs Noren, and signing in are not stopped.
    town.server
        .ask(
            &town.theirs.admin.credentials,
            &format!("mutation {{ storeUpdate(input: {{ id: \"{}\", description: \"new\" }}) {{ userErrors {{ code }} }} }}", town.theirs.store(0)),
        )
        .await
        .data();
    for change in changes(&town).iter().take(3) {
        let answer = town.server.ask(&town.platform.choosing(town.ours.tenant), change).await;
        assert_eq!(answer.data().as_object().unwrap().values().next().unwrap()["userErrors"], json!([]), "{change}");
    }
    town.people.session(&town.ours.member.email).await;

    let reactivate =
        format!("mutation {{ tenantReactivate(input: {{ id: \"{}\" }}) {{ tenant {{ status suspensionReason }} userErrors {{ code }} }} }}", town.ours.tenant);
    let back = town.server.ask(&town.platform, &reactivate).await;
    assert_eq!(back.data()["tenantReactivate"], json!({ "tenant": { "status": "ACTIVE", "suspensionReason": null }, "userErrors": [] }));
    assert_eq!(town.server.ask(admin, &changes(&town)[0]).await.data()["tenantUpdate"]["userErrors"], json!([]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tenant_is_nobodys(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let town = Town::new(backend, 1).await;
    let tenant = town.ours.tenant;
    let (_, token) = town.people.token(entities::TokenRole::TenantAdmin, Some(tenant), &[]).await;
    let delete = |name: &str| {
        format!("mutation {{ tenantDelete(input: {{ id: \"{tenant}\", companyName: \"{name}\" }}) {{ tenant {{ status }} userErrors {{ code field }} }} }}")
    };
    let wrong = town.server.ask(&town.platform, &delete("another")).await;
    assert_eq!(wrong.data()["tenantDelete"], json!({ "tenant": null, "userErrors": [{ "code": "MISMATCH", "field": ["input", "companyName"] }] }));
    let deleted = town.server.ask(&town.platform, &delete("oursmark K.K.")).await;
    assert_eq!(deleted.data()["tenantDelete"]["tenant"]["status"], "DELETED");

    // Its tokens open nothing; its users are known, and are nowhere.
    let answer = town.server.ask(&token, "{ viewer { kind } }").await;
    assert_eq!((answer.status, answer.code()), (401, Some("UNAUTHENTICATED")));
    for who in [&town.ours.admin, &town.ours.member, &town.ours.clerk] {
        let viewer = town.server.ask(&who.credentials, "{ viewer { kind memberships { tenantId } tenant { id } } }").await;
        assert_eq!(viewer.data()["viewer"], json!({ "kind": "SIGNED_IN", "memberships": [], "tenant": null }));
        for (credentials, query) in [(who.credentials.clone(), "{ stores { totalCount } }"), (who.credentials.choosing(tenant), "{ viewer { kind } }")] {
            assert_eq!(town.server.ask(&credentials, query).await.code(), Some("FORBIDDEN"), "{query}");
        }
    }
    // Who belongs elsewhere too is there at once, without choosing.
    let both = town.server.ask(&town.both.credentials, "{ viewer { kind tenant { id } } }").await;
    assert_eq!(both.data()["viewer"], json!({ "kind": "TENANT_MEMBER", "tenant": { "id": town.theirs.tenant.to_string() } }));
    // Its data stays, for whoever runs Noren.
    let kept: Credentials = town.platform.choosing(tenant);
    assert_eq!(
        town.server.ask(&kept, "{ orders { totalCount } tenants(filter: { statuses: [DELETED] }) { totalCount } }").await.data()["orders"]["totalCount"],
        2
    );
}
