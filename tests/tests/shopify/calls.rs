//! Calls, and what befalls them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use integrations::ports::shop::{CallError, Pace, Problem, ShopAccess, ShopAdmin};
use rstest::rstest;
use tests::harness::shopify::{Does, On};
use url::Url;

use super::world::{SCOPES, SHOP, World};

fn callback() -> Url {
    "https://noren.example/webhooks/shopify/connection_1".parse().unwrap()
}

#[tokio::test]
async fn a_shop_tells_who_it_is_and_what_it_grants() {
    let world = World::start().await;
    let shop = world.app.shop(&world.access).await.unwrap();
    assert_eq!((shop.domain.as_str(), shop.currency.as_str(), shop.time_zone.as_str()), (SHOP, "USD", "Asia/Tokyo"));
    assert_eq!(world.app.granted_scopes(&world.access).await.unwrap(), SCOPES);
    let said = world.log.said();
    assert_eq!(
        said.iter().map(|said| (&*said.operation, said.status, said.api_version.as_deref())).collect::<Vec<_>>(),
        [("Shop", Some(200), Some("2026-10")), ("Installation", Some(200), Some("2026-10"))]
    );
    assert!(said.iter().all(|said| said.requested.is_some_and(|points| points > 0) && said.problem.is_none()));
}

#[tokio::test]
async fn a_version_that_is_no_longer_kept_shows_in_the_answer() {
    let world = World::start().await;
    world.shop(|shop| shop.serves_version = Some("2027-01".to_owned()));
    world.app.shop(&world.access).await.unwrap();
    assert_eq!(world.log.said()[0].api_version.as_deref(), Some("2027-01"));
}

#[rstest]
#[case(Does::Status(401, None), "UNAUTHORIZED", false, false)]
#[case(Does::Status(402, None), "SHOP_CLOSED", false, false)]
#[case(Does::Status(403, None), "SHOP_CLOSED", false, false)]
#[case(Does::Status(404, None), "SHOP_CLOSED", false, false)]
#[case(Does::Status(423, None), "SHOP_CLOSED", false, false)]
#[case(Does::Status(400, None), "REFUSED", false, false)]
#[case(Does::Status(301, None), "REFUSED", false, false)]
#[case(Does::Status(429, Some(3)), "THROTTLED", true, false)]
#[case(Does::Status(500, None), "FAILED", true, true)]
#[case(Does::Status(503, Some(7)), "FAILED", true, true)]
#[case(Does::Throttled, "THROTTLED", true, false)]
#[case(Does::Error("INTERNAL_SERVER_ERROR"), "FAILED", true, true)]
#[case(Does::Error("ACCESS_DENIED"), "MISSING_SCOPE", false, false)]
#[case(Does::Error("MAX_COST_EXCEEDED"), "TOO_COSTLY", false, false)]
#[case(Does::Error("SHOP_INACTIVE"), "SHOP_CLOSED", false, false)]
#[case(Does::Error("SOMETHING_NEW"), "REFUSED", false, false)]
#[case(Does::Slow(Duration::from_secs(5)), "UNKNOWN", true, true)]
#[case(Does::Silent, "UNKNOWN", true, true)]
#[case(Does::Forgets, "UNKNOWN", true, true)]
#[case(Does::Cut(0), "UNKNOWN", true, true)]
#[case(Does::Cut(40), "UNKNOWN", true, true)]
#[case(Does::Babbles, "UNKNOWN", true, true)]
#[tokio::test]
async fn whatever_befalls_a_call_has_its_word_and_the_next_is_as_good_as_ever(
    #[case] does: Does,
    #[case] word: &str,
    #[case] passing: bool,
    #[case] acted: bool,
) {
    let world = World::start().await;
    // What the throttle does not let in is asked again by itself, some times.
    world.shopify.then(On::Operation("Shop"), vec![does; if does == Does::Throttled { 4 } else { 1 }]);
    let began = Instant::now();
    let CallError { operation, problem } = world.app.shop(&world.access).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!((operation, problem.as_str(), problem.is_passing(), problem.may_have_acted()), ("Shop", word, passing, acted), "{problem}");
    assert_eq!(world.log.said()[0].problem, Some(word));
    if let Does::Status(_, Some(seconds)) = does {
        let after = Some(Duration::from_secs(seconds));
        assert!(matches!(problem, Problem::Throttled { after: told } | Problem::Failed { after: told, .. } if told == after), "{problem:?}");
    }
    world.app.shop(&world.access).await.unwrap();
}

#[tokio::test]
async fn a_void_token_a_closed_shop_and_a_name_that_is_none_are_told_apart() {
    let world = World::start().await;
    let other = ShopAccess { token: "shpat_other".to_owned().into(), ..world.access.clone() };
    assert_eq!(world.app.shop(&other).await.unwrap_err().problem, Problem::Unauthorized);
    world.shop(|shop| shop.closed = Some(402));
    assert!(matches!(world.app.shop(&world.access).await.unwrap_err().problem, Problem::ShopClosed { status: 402, .. }));
    for name in ["evil.example", "a/../b.myshopify.com", "Noren.myshopify.com", ""] {
        let nowhere = ShopAccess { shop: name.to_owned(), ..world.access.clone() };
        let before = world.shopify.heard().len();
        assert!(matches!(world.app.shop(&nowhere).await.unwrap_err().problem, Problem::Refused(_)), "{name}");
        assert_eq!(world.shopify.heard().len(), before, "the token goes nowhere else");
    }
}

#[tokio::test]
async fn nobody_there_is_not_an_unknown_outcome() {
    let world = World::start().await;
    let World { shopify, app, access, .. } = world;
    drop(shopify);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let problem = app.shop(&access).await.unwrap_err().problem;
    assert!(matches!(problem, Problem::Unreachable(_)) && !problem.may_have_acted(), "{problem:?}");
}

#[tokio::test]
async fn every_topic_is_subscribed_to_once_and_strays_are_taken_away() {
    let world = World::start().await;
    world.shop(|shop| {
        shop.subscribe("ORDERS_CREATE", "https://elsewhere.example/hooks");
        shop.subscribe("ORDERS_CREATE", "https://noren.example/webhooks/shopify/connection_0");
        shop.subscribe("ORDERS_UPDATED", callback().as_str());
        shop.subscribe("ORDERS_UPDATED", callback().as_str());
    });
    let first = world.app.register_webhooks(&world.access, &callback()).await.unwrap();
    assert_eq!(first.kept, ["ORDERS_UPDATED"]);
    assert_eq!(first.removed, ["ORDERS_CREATE", "ORDERS_UPDATED"]);
    assert!(first.created.contains(&"APP_UNINSTALLED".to_owned()) && first.refused.is_empty());
    let subscribed = world.shop(|shop| shop.subscribed());
    let ours = subscribed.iter().filter(|(_, uri)| uri == callback().as_str()).count();
    assert_eq!(subscribed.len(), ours + 1, "what leads elsewhere is not ours: {subscribed:?}");
    let again = world.app.register_webhooks(&world.access, &callback()).await.unwrap();
    assert_eq!((again.kept.len(), again.created.len(), again.removed.len()), (ours, 0, 0));
}

#[tokio::test]
async fn an_answer_that_was_lost_leaves_no_second_subscription() {
    let world = World::start().await;
    world.shopify.then(On::Operation("WebhookSubscriptionCreate"), [Does::Right, Does::Forgets]);
    let error = world.app.register_webhooks(&world.access, &callback()).await.unwrap_err();
    assert!(error.problem.may_have_acted(), "{error}");
    let whole = world.app.register_webhooks(&world.access, &callback()).await.unwrap();
    assert_eq!((whole.kept.len(), whole.created.len() + whole.kept.len()), (2, world.shop(|shop| shop.subscribed().len())));
}

#[tokio::test]
async fn an_app_that_removes_itself_has_no_token_any_more() {
    let world = World::start().await;
    world.app.uninstall(&world.access).await.unwrap();
    assert_eq!(world.app.shop(&world.access).await.unwrap_err().problem, Problem::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_many_callers_are_never_throttled_and_still_use_what_there_is() {
    let world = World::trading().await;
    // Fast enough that the wait is for points, not for the machine.
    world.shop(|shop| shop.throttle(300, 600));
    let world = Arc::new(world);
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move {
                for _ in 0..4 {
                    world
                        .app
                        .register_webhooks(&world.access, &callback())
                        .await
                        .map(|_| ())
                        .or_else(|error| matches!(error.problem, Problem::Refused(_)).then_some(()).ok_or(error))
                        .unwrap();
                    world.app.granted_scopes(&world.access).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(world.shopify.heard().iter().filter(|heard| heard.throttled).count(), 0);
    assert!(world.shopify.heard().len() > 60);
}

#[tokio::test]
async fn while_others_spend_a_throttled_call_waits_its_turn_and_is_made_again() {
    let world = World::trading().await;
    world.shop(|shop| shop.throttle(1_000, 2_000));
    world.app.shop(&world.access).await.unwrap();
    world.app.granted_scopes(&world.access).await.unwrap();
    world.shop(|shop| shop.others_spend(990));
    let pace: &Pace = &world.access.pace;
    for _ in 0..20 {
        world.app.granted_scopes(&world.access).await.unwrap();
    }
    let throttled = world.shopify.heard().iter().filter(|heard| heard.throttled).count();
    assert!(throttled <= 1, "{throttled} calls were throttled");
    assert!(pace.budget().is_crowded(tokio::time::Instant::now()));
}
