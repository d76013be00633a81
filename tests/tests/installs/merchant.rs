//! A merchant calls from inside of their shop, with the session token of the app that is open there: in their own store, and nowhere else.

use chrono::TimeDelta;
use entities::{ConnectionId, StoreId, TenantId};
use platform::Clock;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::shopify::SessionToken;
use tests::harness::socket::{Heard, Socket};
use tests::harness::{Answer, Backend, Credentials, installs};

use crate::world::{OTHER, SCOPES, SHOP, World};

const WHO: &str = "{ viewer { kind scopes tenant { id } user { id } memberships { tenantId } merchant { userId sessionId expiresAt store { id domain } } } }";

impl World {
    /// The token that a shop gives to the app now.
    fn session(&self, shop: &str) -> SessionToken {
        let app = self.shopify.app();
        SessionToken::new(&app.client_id, &app.secret, shop, self.server.clock.now())
    }

    fn merchant(&self) -> Credentials {
        self.session(SHOP).credentials()
    }

    /// Whether somebody gets in, and otherwise why not.
    async fn entered(&self, who: &Credentials) -> Result<(), String> {
        let answer = self.server.ask(who, "{ viewer { kind } }").await;
        if answer.status == 200 {
            assert_eq!(answer.data()["viewer"]["kind"], "MERCHANT");
            return Ok(());
        }
        assert_eq!((answer.status, answer.code()), (401, Some("UNAUTHENTICATED")), "{answer:?}");
        Err(answer.body["errors"][0]["message"].as_str().unwrap().to_owned())
    }

    async fn ask_as(&self, who: &Credentials, query: &str) -> Answer {
        self.server.ask(who, query).await
    }

    /// The app is opened in a shop for the first time: the store.
    async fn opened_in(&self, shop: &str) -> StoreId {
        let token = self.shopify.opens_app(shop, 42, &SCOPES);
        let response = self.http.post(self.here(&self.door("/session"))).bearer_auth(token).send().await.unwrap();
        let answer: Value = response.json().await.unwrap();
        StoreId::parse(answer["storeId"].as_str().unwrap_or_else(|| panic!("{answer}"))).unwrap()
    }

    async fn connection_update(&self, input: &str) {
        self.done("connectionUpdate", &format!("id: \"{}\", {input}", self.connection), "connection { id }").await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_sees_their_own_store_and_nothing_else_of_the_tenant(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let (store, next_door) = (world.opened_in(SHOP).await, world.opened_in(OTHER).await);
    let (token, now) = (world.merchant(), world.server.clock.now());
    let before = world.server.db().statements();
    assert_eq!(world.entered(&token).await, Ok(()));
    assert_eq!(world.server.db().statements() - before, 1, "who calls is one statement");
    let others = [world.session(OTHER).sign(), SessionToken { user: "43".to_owned(), ..world.session(SHOP) }.sign(), token.bearer.clone().unwrap()];
    let again = world.server.app.callers.authenticate_all(&others.each_ref().map(String::as_str)).await.unwrap();
    assert_eq!((again.iter().filter(|caller| caller.is_ok()).count(), world.server.db().statements() - before), (3, 2), "and of many together");
    let viewer = world.ask_as(&token, WHO).await.data()["viewer"].clone();
    let until: chrono::DateTime<chrono::Utc> = viewer["merchant"]["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(until.timestamp(), (now + TimeDelta::seconds(60)).timestamp());
    let merchant = json!({
        "userId": "42", "sessionId": "session-1", "expiresAt": viewer["merchant"]["expiresAt"],
        "store": { "id": store.to_string(), "domain": SHOP },
    });
    let scopes = json!(["customers:read", "orders:read", "products:read", "stores:read"]);
    let expected = json!({ "kind": "MERCHANT", "scopes": scopes, "tenant": null, "user": null, "memberships": [], "merchant": merchant });
    assert_eq!(viewer, expected);

    let seen = world.ask_as(&token, "{ stores { totalCount nodes { id } } orders { totalCount } customers { totalCount } products { totalCount } }").await;
    assert_eq!(seen.data()["stores"], json!({ "totalCount": 1, "nodes": [{ "id": store.to_string() }] }));
    let foreign = world.ask_as(&token, &format!("{{ store(id: \"{next_door}\") {{ id }} node(id: \"{next_door}\") {{ id }} }}")).await;
    assert_eq!(*foreign.data(), json!({ "store": null, "node": null }));
    for of_the_agency in [
        "tenants { totalCount }",
        "users { totalCount }",
        "apiTokens { totalCount }",
        "connections { totalCount }",
        "webhookEvents { totalCount }",
        "auditEvents { totalCount }",
        "alerts { totalCount }",
        "jobs { totalCount }",
        "stores { nodes { tenant { id } } }",
    ] {
        let answer = world.ask_as(&token, &format!("{{ {of_the_agency} }}")).await;
        assert_eq!(answer.code(), Some("FORBIDDEN"), "{of_the_agency}: {answer:?}");
    }
    let elsewhere = world.people.tenant("Elsewhere").await;
    assert_eq!(world.ask_as(&token.choosing(elsewhere), WHO).await.status, 403);
    assert_eq!(world.ask_as(&token.choosing(world.tenant), WHO).await.data()["viewer"]["kind"], "MERCHANT");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_sets_up_and_syncs_their_own_store_and_the_log_says_who(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let (store, next_door) = (world.opened_in(SHOP).await, world.opened_in(OTHER).await);
    let token = world.merchant();
    let set_up = |store: StoreId| format!("id: \"{store}\", initialSetupCompleted: true, embeddedSettings: {{ theme: \"dark\" }}");
    let written = world.done_as(&token, "storeSetupUpdate", &set_up(store), "store { id initialSetupCompleted embeddedSettings status }").await;
    let state = json!({ "id": store.to_string(), "initialSetupCompleted": true, "embeddedSettings": { "theme": "dark" }, "status": "ACTIVE" });
    assert_eq!(written["store"], state);

    world.pass(TimeDelta::seconds(1));
    let sync = |store: StoreId, key: &str| {
        format!("mutation {{ storeSync(input: {{ storeId: \"{store}\" }}, idempotencyKey: \"{key}\") {{ syncRun {{ id }} userErrors {{ code }} }} }}")
    };
    let begun = world.ask_as(&token, &sync(store, "once")).await.data()["storeSync"].clone();
    assert_eq!(begun["userErrors"], json!([]));
    // The same merchant with another token, a minute later; another user of the shop has keys of their own.
    world.pass(TimeDelta::seconds(61));
    assert_eq!(world.ask_as(&world.merchant(), &sync(store, "once")).await.data()["storeSync"], begun);
    let colleague = SessionToken { user: "43".to_owned(), ..world.session(SHOP) }.credentials();
    assert_eq!(world.ask_as(&colleague, &sync(store, "once")).await.data()["storeSync"]["userErrors"][0]["code"], "SYNC_UNDER_WAY");
    let run = begun["syncRun"]["id"].as_str().unwrap();
    let cancelled = world.done_as(&colleague, "syncCancel", &format!("id: \"{run}\""), "syncRun { status }").await;
    assert_eq!(cancelled["syncRun"]["status"], "CANCELLED");

    // Next door nothing is there to be changed, and how a store is kept is not for merchants.
    for (name, input) in [("storeSetupUpdate", set_up(next_door)), ("storeSync", format!("storeId: \"{next_door}\""))] {
        let answer = world.ask_as(&colleague, &format!("mutation {{ {name}(input: {{ {input} }}) {{ userErrors {{ code }} }} }}")).await;
        assert_eq!(answer.data()[name]["userErrors"][0]["code"], "NOT_FOUND", "{name}");
    }
    for (name, input) in [
        ("storeUpdate", format!("id: \"{store}\", name: \"mine\"")),
        ("storePause", format!("id: \"{store}\"")),
        ("storeUninstall", format!("id: \"{store}\"")),
        ("storeSyncSettingsUpdate", format!("storeId: \"{store}\", intervalMinutes: 1")),
    ] {
        let answer = world.ask_as(&colleague, &format!("mutation {{ {name}(input: {{ {input} }}) {{ userErrors {{ code }} }} }}")).await;
        assert_eq!(answer.code(), Some("FORBIDDEN"), "{name}: {answer:?}");
    }

    let log = world
        .ask("{ auditEvents(filter: { actorKinds: [MERCHANT] }, orderBy: { field: OCCURRED_AT, direction: ASC }) { nodes { action actor subject } } }")
        .await;
    let entry = |action: &str, user: u32, subject: &str| json!({ "action": action, "actor": format!("{store}/{user}"), "subject": subject });
    let expected = [entry("storeSetupUpdate", 42, &store.to_string()), entry("storeSync", 42, run), entry("syncCancel", 43, run)];
    assert_eq!(log["auditEvents"]["nodes"], json!(expected));
    let by_one = world.ask(&format!("{{ auditEvents(filter: {{ actors: [\"{store}/43\"] }}) {{ totalCount }} }}")).await;
    assert_eq!(by_one["auditEvents"]["totalCount"], 1);
    let erased = world.done("auditDetailErase", &format!("subject: \"{store}/42\""), "erasedEntries").await;
    assert_eq!(erased["erasedEntries"], 2, "a merchant's user is a person");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_or_suspended_can_be_read_and_not_changed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let store = world.opened_in(SHOP).await;
    world.done("storePause", &format!("id: \"{store}\""), "store { id }").await;
    let token = world.merchant();
    assert_eq!(world.ask_as(&token, "{ stores { nodes { status } } }").await.data()["stores"]["nodes"], json!([{ "status": "INACTIVE" }]));
    let sync = format!("mutation {{ storeSync(input: {{ storeId: \"{store}\" }}) {{ userErrors {{ code }} }} }}");
    assert_eq!(world.ask_as(&token, &sync).await.data()["storeSync"]["userErrors"][0]["code"], "STORE_NOT_READY");

    world.people.suspend(world.tenant).await;
    assert_eq!(world.ask_as(&token, "{ stores { totalCount } }").await.data()["stores"]["totalCount"], 1);
    let refused = world.ask_as(&token, &sync).await;
    assert!(refused.code() == Some("FORBIDDEN") && refused.body.to_string().contains("suspended"), "{refused:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_good_token_of_an_app_that_is_installed_opens_anything(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let unknown = world.entered(&world.merchant()).await.unwrap_err();
    assert!(unknown.contains("no app that is installed in this shop"), "{unknown}");
    world.opened_in(SHOP).await;
    assert_eq!(world.entered(&world.merchant()).await, Ok(()));
    let (good, now) = (world.session(SHOP), world.server.clock.now());
    // Whoever does not know the secret learns nothing of what is installed where.
    for (what, bad) in [
        ("of another app", SessionToken { client_id: "client-2".to_owned(), ..good.clone() }),
        ("of a shop without the app", SessionToken { shop: OTHER.to_owned(), ..good.clone() }),
        ("signed by somebody else", SessionToken { secret: "guessed".to_owned(), ..good.clone() }),
        ("signed with nothing", SessionToken { secret: String::new(), ..good.clone() }),
    ] {
        assert_eq!(world.entered(&bad.credentials()).await.unwrap_err(), unknown, "{what}");
    }
    for (what, bad) in [
        ("over", SessionToken { until: now - TimeDelta::seconds(11), ..good.clone() }),
        ("not yet good", SessionToken { from: now + TimeDelta::seconds(12), ..good.clone() }),
    ] {
        let why = world.entered(&bad.credentials()).await.unwrap_err();
        assert!(why.contains("expired, or is not valid yet"), "{what}: {why}");
    }
    // Neither is the algorithm the sender's choice, nor is the secret a key of another one.
    for algorithm in ["none", "RS256", "ES256", "EdDSA", "HS384", "HS512"] {
        let why = world.entered(&SessionToken { algorithm, ..good.clone() }.credentials()).await.unwrap_err();
        assert!(!why.is_empty(), "{algorithm}");
    }
    for user in ["", "\0"] {
        let why = world.entered(&SessionToken { user: user.to_owned(), ..good.clone() }.credentials()).await.unwrap_err();
        assert!(why.contains("not a session token"), "{why}");
    }
    let (begin, end) = good.sign().rsplit_once('.').map(|(begin, end)| (begin.to_owned(), end.to_owned())).unwrap();
    let stolen = SessionToken { shop: OTHER.to_owned(), ..good }.sign();
    for mixed in [format!("{begin}."), format!("{}.{end}", stolen.rsplit_once('.').unwrap().0)] {
        assert_eq!(world.entered(&Credentials::bearer(mixed)).await.unwrap_err(), unknown);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_is_out_with_the_secret_the_connection_or_the_app(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    world.opened_in(SHOP).await;
    world.settles().await;
    let signed_with = async |secret: &str| {
        let token = SessionToken { secret: secret.to_owned(), ..world.session(SHOP) };
        world.entered(&token.credentials()).await.is_ok()
    };
    let old = world.shopify.app().secret.clone();
    world.connection_update("webhookSecret: \"the next secret\", previousSecretHours: 1").await;
    assert!(signed_with(&old).await && signed_with("the next secret").await);
    world.pass(TimeDelta::minutes(61));
    assert!(!signed_with(&old).await && signed_with("the next secret").await);
    world.connection_update(&format!("webhookSecret: \"{old}\", previousSecretHours: 0")).await;
    assert!(signed_with(&old).await && !signed_with("the next secret").await);

    world.connection_update("status: DISABLED").await;
    assert!(!signed_with(&old).await);
    world.connection_update("status: ACTIVE, account: \"client-2\"").await;
    assert!(!signed_with(&old).await);
    world.connection_update(&format!("account: \"{}\"", world.shopify.app().client_id)).await;
    assert!(signed_with(&old).await);

    let removal = world.removes();
    world.deliver(&removal).await;
    world.settles().await;
    assert_eq!(world.status().await, "UNINSTALLED");
    assert!(!signed_with(&old).await);
    world.pass(TimeDelta::minutes(1));
    world.opened_in(SHOP).await;
    assert!(signed_with(&old).await);
    let delete = format!("mutation {{ tenantDelete(input: {{ id: \"{}\", companyName: \"Noren Tea\" }}) {{ userErrors {{ code }} }} }}", world.tenant);
    let platform = Credentials::bearer(world.server.token(entities::TokenRole::PlatformAdmin, None).await);
    assert_eq!(world.ask_as(&platform, &delete).await.data()["tenantDelete"]["userErrors"], json!([]));
    assert!(!signed_with(&old).await);
}

/// Another tenant that has registered the same app, with a secret of its own, and has the same shop as a store.
async fn rival(world: &World) -> (TenantId, Credentials, ConnectionId, StoreId) {
    let tenant = world.people.tenant("Rival Tea").await;
    let (_, admin) = world.people.token(entities::TokenRole::TenantAdmin, Some(tenant), &[]).await;
    let connected = format!("name: \"same app\", account: \"{}\", webhookSecret: \"the rival's secret\"", world.shopify.app().client_id);
    let connection = world.done_as(&admin, "connectionCreate", &connected, "connection { id }").await["connection"]["id"].clone();
    let store = world.done_as(&admin, "storeConnect", &format!("domain: \"{SHOP}\", accessToken: \"secret\""), "store { id }").await["store"]["id"].clone();
    (tenant, admin, ConnectionId::parse(connection.as_str().unwrap()).unwrap(), StoreId::parse(store.as_str().unwrap()).unwrap())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_tenants_that_share_an_app_signature_and_installation_decide(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let ours = world.opened_in(SHOP).await;
    let (tenant, admin, connection, theirs) = rival(&world).await;
    let of_rival = || SessionToken { secret: "the rival's secret".to_owned(), ..world.session(SHOP) }.credentials();
    let store =
        async |who: &Credentials| world.ask_as(who, "{ viewer { merchant { store { id } } } }").await.data()["viewer"]["merchant"]["store"]["id"].clone();
    // A shop that was connected with a token has no app that could be open in it.
    assert!(world.entered(&of_rival()).await.is_err());
    assert_eq!(store(&world.merchant()).await, ours.to_string());

    installs::installation(&world.server, tenant, theirs, connection, "rival").await;
    assert_eq!(store(&of_rival()).await, theirs.to_string());
    assert_eq!(store(&world.merchant()).await, ours.to_string());
    let foreign = world.ask_as(&of_rival(), &format!("{{ store(id: \"{ours}\") {{ id }} stores {{ nodes {{ id }} }} }}")).await;
    assert_eq!(*foreign.data(), json!({ "store": null, "stores": { "nodes": [{ "id": theirs.to_string() }] } }));

    // Under one secret nobody can tell whose the merchant is.
    let same = format!("id: \"{connection}\", webhookSecret: \"{}\", previousSecretHours: 0", world.shopify.app().secret);
    world.done_as(&admin, "connectionUpdate", &same, "connection { id }").await;
    let why = world.entered(&world.merchant()).await.unwrap_err();
    assert!(why.contains("more than one tenant"), "{why}");
    world.done_as(&admin, "connectionUpdate", &format!("id: \"{connection}\", status: DISABLED"), "connection { id }").await;
    assert_eq!(store(&world.merchant()).await, ours.to_string());
}

const PROGRESS: &str = "subscription($after: String) { syncProgress(after: $after) { cursor storeId status } }";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_follows_their_own_syncs_until_the_token_ends(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::working(backend).await;
    let (store, next_door) = (world.opened_in(SHOP).await, world.opened_in(OTHER).await);
    world.settles().await;
    let mut socket = Socket::connect(world.server.address, &world.merchant()).await;
    socket.subscribe("1", PROGRESS, json!({})).await;
    let mut removed =
        Socket::connect(world.server.address, &SessionToken { until: world.server.clock.now() + TimeDelta::hours(1), ..world.session(SHOP) }.credentials())
            .await;
    removed.subscribe("1", PROGRESS, json!({})).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    for store in [next_door, store] {
        world.done("storeSync", &format!("storeId: \"{store}\", kind: RECONCILIATION"), "syncRun { id }").await;
    }
    let first = socket.next("1").await["data"]["syncProgress"].clone();
    assert_eq!((&first["storeId"], &first["status"]), (&json!(store.to_string()), &json!("QUEUED")));
    world.settles().await;

    world.pass(TimeDelta::minutes(2));
    let reason = loop {
        match socket.hear().await {
            Heard::Message(message) => assert_eq!(message["payload"]["data"]["syncProgress"]["storeId"], store.to_string(), "{message}"),
            Heard::Closed(4403, reason) => break reason,
            other => panic!("{other:?}"),
        }
    };
    assert!(reason.contains("expired"), "{reason}");
    // The next token goes on after what was heard last.
    let mut again = Socket::connect(world.server.address, &world.merchant()).await;
    again.subscribe("1", PROGRESS, json!({ "after": first["cursor"] })).await;
    let second = again.next("1").await["data"]["syncProgress"].clone();
    assert_eq!(second["storeId"], store.to_string());
    assert_ne!(second["cursor"], first["cursor"]);

    let removal = world.removes();
    world.deliver(&removal).await;
    loop {
        match removed.hear().await {
            Heard::Message(message) => assert_eq!(message["payload"]["data"]["syncProgress"]["storeId"], store.to_string(), "{message}"),
            Heard::Closed(4403, reason) => break assert!(reason.contains("no app that is installed"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn all_who_have_the_app_open_in_a_shop_share_its_points(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(backend, [("cost_restore_rate", "1".to_owned())].into()).await;
    world.opened_in(SHOP).await;
    world.opened_in(OTHER).await;
    let left = async |who: Credentials| {
        let answer = world.ask_as(&who, "{ stores(first: 10) { nodes { id } } }").await;
        answer.data();
        answer.body["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"].as_u64().unwrap()
    };
    let colleague = SessionToken { user: "43".to_owned(), ..world.session(SHOP) }.credentials();
    let (first, second, next_door) = (left(world.merchant()).await, left(colleague).await, left(world.session(OTHER).credentials()).await);
    assert!(second < first, "{second} of {first}");
    assert_eq!(next_door, first);
}
