//! Nobody gets an app in, or another one's shop, by what they make up, repeat or pass on.

use chrono::TimeDelta;
use entities::TokenRole;
use rstest::rstest;
use serde_json::{Value, json};
use tests::harness::Backend;

use crate::world::{Browser, OTHER, SHOP, Seen, World};

impl World {
    /// What a program is answered that asks for JSON.
    async fn code(&self, browser: &Browser, address: &str) -> (u16, String) {
        let mut request = self.http.get(self.here(address)).header("accept", "application/json");
        if let Some(cookie) = &browser.cookie {
            request = request.header("cookie", cookie);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    }

    async fn stores(&self) -> Value {
        self.ask("{ stores { totalCount } }").await["stores"]["totalCount"].clone()
    }
}

fn says(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Another value for one name of a query.
fn with(query: &str, name: &str, value: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let pairs = pairs.map(|(known, old)| if known == name { (known, value.to_owned()) } else { (known, old) });
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs.collect::<Vec<_>>()).finish()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_signed_fresh_and_of_the_browser_and_the_shop_that_it_was_begun_for(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let mut browser = Browser::default();
    let shop = world.sent_on(&mut browser).await;
    let back = |query: &str| world.door(&format!("/callback?{query}"));
    let query = world.shopify.agrees(&shop);

    let stranger = Browser { cookie: Some(format!("__Host-noren-install=b_{}", "x".repeat(43))) };
    for other in [Browser::default(), stranger] {
        assert_eq!(world.code(&other, &back(&query)).await, says(400, "WRONG_STATE"), "{other:?}");
    }
    for (name, value) in [("hmac", "00"), ("code", "code-of-mine"), ("shop", OTHER), ("state", "mine"), ("timestamp", "1")] {
        assert_eq!(world.code(&browser, &back(&with(&query, name, value))).await, says(400, "BAD_SIGNATURE"), "{name}");
    }
    assert_eq!(world.code(&browser, &back("")).await.0, 400);
    assert_eq!(world.code(&browser, &back(&format!("{query}&shop={OTHER}"))).await, says(400, "MALFORMED"));
    // The merchant of another shop agrees, with the state of this one.
    let elsewhere = shop.as_str().replace(SHOP, OTHER).parse().unwrap();
    assert_eq!(world.code(&browser, &back(&world.shopify.agrees(&elsewhere))).await, says(400, "OTHER_SHOP"));
    // Long after it was signed, it is good no more; nor is a state after an hour.
    world.server.clock.advance(TimeDelta::minutes(6));
    assert_eq!(world.code(&browser, &back(&query)).await, says(400, "STALE"));
    world.server.clock.advance(-TimeDelta::minutes(6));
    world.pass(TimeDelta::minutes(61));
    assert_eq!(world.code(&browser, &back(&world.shopify.agrees(&shop))).await, says(400, "WRONG_STATE"));
    assert_eq!(world.stores().await, json!(0));
    assert_eq!(world.shop(|shop| shop.pairs()), 0, "nothing was asked of the shop");

    // As it should be; and a code is good once, whoever comes with it again.
    let shop = world.sent_on(&mut browser).await;
    let query = world.shopify.agrees(&shop);
    let seen: Seen = world.opens(&mut browser, &back(&query)).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let store = world.store_id().await;
    assert_eq!(world.code(&browser, &back(&query)).await, says(400, "REFUSED"));
    let open = world.replica().await.open(store).await.unwrap();
    assert!(world.lets_in(&open).await, "what was there is still good");
    assert_eq!(world.history().await, ["INSTALLED"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_door_opens_for_its_own_app_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::idle(backend).await;
    let neighbour = world.people.tenant("Other Tea").await;
    let (_, theirs) = world.people.token(TokenRole::TenantAdmin, Some(neighbour), &[]).await;
    // The very same app, registered by somebody else as well.
    let other = world.connect(&theirs).await;
    let their_door = |rest: &str| format!("/install/shopify/{other}{rest}");

    let invitation = world.invited().await;
    let ticket = invitation.split_once('?').unwrap().1.to_owned();
    let mut browser = Browser::default();
    assert_eq!(world.code(&browser, &their_door(&format!("?{ticket}"))).await, says(400, "WRONG_STATE"));
    let shop = world.opens(&mut browser, &invitation).await.location.unwrap();
    let query = world.shopify.agrees(&shop);
    assert_eq!(world.code(&browser, &their_door(&format!("/callback?{query}"))).await, says(400, "WRONG_STATE"));
    assert_eq!(world.server.ask(&theirs, "{ stores { totalCount } }").await.data()["stores"]["totalCount"], 0);

    // Who comes from the provider's side comes with its signature, of just now.
    let launch = world.shopify.launches(SHOP);
    let door = world.door("");
    assert_eq!(world.code(&browser, &format!("{door}?{}", with(&launch, "shop", OTHER))).await, says(400, "BAD_SIGNATURE"));
    assert_eq!(world.code(&browser, &format!("{door}?shop={SHOP}")).await, says(400, "BAD_SIGNATURE"));
    assert_eq!(world.code(&browser, &format!("{door}?ticket={}", "x".repeat(60))).await, says(400, "WRONG_STATE"));
    world.server.clock.advance(TimeDelta::minutes(6));
    assert_eq!(world.code(&browser, &format!("{door}?{launch}")).await, says(400, "STALE"));
    world.server.clock.advance(-TimeDelta::minutes(6));

    for nowhere in
        [door.replace("shopify", "nopify"), door.replace(&world.connection, "connection_01jd7zq6v1e7nb5j5k8j4n3s2r"), door.replace("connection_", "store_")]
    {
        assert_eq!(world.code(&browser, &format!("{nowhere}?{launch}")).await, says(404, "NOT_FOUND"), "{nowhere}");
    }
    world.done("connectionUpdate", &format!("id: \"{}\", status: DISABLED", world.connection), "connection { id }").await;
    assert_eq!(world.code(&browser, &format!("{door}?{launch}")).await, says(404, "NOT_FOUND"));
    let begin = format!("connectionId: \"{}\", shop: \"{SHOP}\"", world.connection);
    assert_eq!(world.refused("storeInstallBegin", &begin).await, "NOT_FOUND");
    world.done("connectionUpdate", &format!("id: \"{}\", status: ACTIVE, account: null", world.connection), "connection { id }").await;
    assert_eq!(world.refused("storeInstallBegin", &begin).await, "NOT_CONFIGURED");
    assert_eq!(world.refused("storeInstallBegin", &format!("connectionId: \"{other}\", shop: \"{SHOP}\"")).await, "NOT_FOUND");
    let account = &world.shopify.app().client_id;
    world.done("connectionUpdate", &format!("id: \"{}\", account: \"{account}\"", world.connection), "connection { id }").await;
    assert_eq!(world.refused("storeInstallBegin", &begin.replace(SHOP, "evil.example")).await, "UNKNOWN_VALUE");

    // A suspended tenant takes no installation.
    let shop = world.sent_on(&mut browser).await;
    world.people.suspend(world.tenant).await;
    assert_eq!(world.code(&browser, &world.door(&format!("/callback?{}", world.shopify.agrees(&shop)))).await, says(403, "FORBIDDEN"));
    assert_eq!(world.shop(|shop| shop.pairs()), 0, "a code is not spent on what is refused");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_trying_is_turned_away(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::with(backend, [("cost_restore_rate", "10".to_owned())].into()).await;
    let door = world.door(&format!("/callback?code=x&state=x&shop={SHOP}&timestamp=1&hmac=00"));
    let mut last = says(0, "");
    for _ in 0..1_000 {
        last = world.code(&Browser::default(), &door).await;
        if last.0 == 429 {
            break;
        }
        assert_eq!(last, says(400, "BAD_SIGNATURE"));
    }
    assert_eq!(last, says(429, "THROTTLED"));
}
