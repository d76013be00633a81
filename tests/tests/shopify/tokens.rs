//! Installing, and keeping the tokens of a shop whatever gets lost.

use std::time::Duration;

use chrono::TimeDelta;
use integrations::ports::shop::{Problem, ShopAccess, ShopAdmin, ShopInstaller, TokenError, Tokens};
use rstest::rstest;
use secrecy::ExposeSecret;
use tests::harness::shopify::{Does, On};

use super::world::{SCOPES, SHOP, World};

impl World {
    async fn install(&self) -> Tokens {
        let redirect = "https://noren.example/shopify/callback".parse().unwrap();
        let url = self.app.authorize_url(&self.registered(), SHOP, &redirect, "nonce").unwrap();
        let query = self.shopify.agrees(&url);
        let callback = self.app.verify_callback(&self.registered(), &query, "nonce", self.shopify.now()).unwrap();
        self.app.exchange_code(&self.registered(), &callback.shop, &callback.code, self.shopify.now()).await.unwrap()
    }

    async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, TokenError> {
        self.app.refresh(&self.registered(), SHOP, tokens.refresh.as_ref().unwrap(), self.shopify.now()).await
    }

    fn with(&self, tokens: &Tokens) -> ShopAccess {
        ShopAccess { token: tokens.access.clone(), ..self.access.clone() }
    }

    async fn opens(&self, tokens: &Tokens) -> bool {
        match self.app.shop(&self.with(tokens)).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.problem, Problem::Unauthorized);
                false
            }
        }
    }
}

#[tokio::test]
async fn a_merchant_agrees_and_the_app_is_in_for_an_hour() {
    let world = World::start().await;
    let (before, tokens) = (world.shopify.now(), world.install().await);
    assert_eq!(tokens.scopes, SCOPES);
    let lasts = tokens.access_expires_at.unwrap() - before;
    assert!((TimeDelta::seconds(3_599)..=TimeDelta::seconds(3_602)).contains(&lasts), "{lasts}");
    assert!(tokens.refresh_expires_at.unwrap() - before >= TimeDelta::days(90) - TimeDelta::seconds(1));
    assert!(world.opens(&tokens).await);
    world.shopify.pass(Duration::from_secs(3_601));
    assert!(!world.opens(&tokens).await);
    let next = world.refresh(&tokens).await.unwrap();
    assert!(world.opens(&next).await);
}

#[tokio::test]
async fn a_code_is_good_once_and_for_the_app_that_asked() {
    let world = World::start().await;
    let redirect = "https://noren.example/shopify/callback".parse().unwrap();
    let url = world.app.authorize_url(&world.registered(), SHOP, &redirect, "nonce").unwrap();
    let callback = world.app.verify_callback(&world.registered(), &world.shopify.agrees(&url), "nonce", world.shopify.now()).unwrap();
    let mut other = world.registered();
    other.secrets = vec!["wrong".to_owned().into()];
    let refused = world.app.exchange_code(&other, SHOP, &callback.code, world.shopify.now()).await.unwrap_err();
    assert!(matches!(refused, TokenError::BadClient(_)), "{refused}");
    world.app.exchange_code(&world.registered(), SHOP, &callback.code, world.shopify.now()).await.unwrap();
    let again = world.app.exchange_code(&world.registered(), SHOP, &callback.code, world.shopify.now()).await.unwrap_err();
    assert!(matches!(again, TokenError::Rejected(_)), "{again}");
}

#[tokio::test]
async fn an_app_that_is_open_inside_of_the_shop_gets_tokens_of_its_own() {
    let world = World::start().await;
    let token = world.shopify.opens_app(SHOP, 42, &SCOPES);
    let session = world.app.verify_session(&world.registered(), &token, world.shopify.now()).unwrap();
    assert_eq!((session.shop.as_str(), session.user.as_str()), (SHOP, "42"));
    let tokens = world.app.exchange_session(&world.registered(), SHOP, &token.clone().into(), world.shopify.now()).await.unwrap();
    assert!(tokens.refresh.is_some() && world.opens(&tokens).await);
    world.shopify.pass(Duration::from_secs(120));
    let late = world.app.exchange_session(&world.registered(), SHOP, &token.into(), world.shopify.now()).await.unwrap_err();
    assert!(matches!(late, TokenError::Rejected(_)), "{late}");
}

#[rstest]
#[case(Does::Forgets)]
#[case(Does::Cut(20))]
#[case(Does::Slow(Duration::from_secs(5)))]
#[tokio::test]
async fn a_refresh_whose_answer_is_lost_does_not_lose_the_shop(#[case] does: Does) {
    let world = World::start().await;
    let first = world.install().await;
    assert!(world.opens(&first).await);
    world.shopify.pass(Duration::from_secs(3_500));
    world.shopify.then(On::Token, [does]);
    let lost = world.refresh(&first).await.unwrap_err();
    assert!(matches!(lost, TokenError::Unknown(_)), "{lost}");
    // Days later, the pair that is known still leads to the next.
    world.shopify.pass(Duration::from_secs(3 * 24 * 3_600));
    let second = world.refresh(&first).await.unwrap();
    assert!(world.opens(&second).await);
    let retired = world.refresh(&first).await.unwrap_err();
    assert!(matches!(retired, TokenError::Rejected(_)), "its replacement is in use: {retired}");
    assert!(world.refresh(&second).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_ends_after_ninety_days() {
    let world = World::start().await;
    let tokens = world.install().await;
    world.shopify.pass(Duration::from_secs(90 * 24 * 3_600 + 1));
    assert!(matches!(world.refresh(&tokens).await.unwrap_err(), TokenError::Rejected(_)));
}

#[rstest]
#[case(Does::Status(500, None))]
#[case(Does::Status(503, Some(9)))]
#[case(Does::Status(429, Some(2)))]
#[tokio::test]
async fn trouble_on_the_other_side_is_told_as_such(#[case] does: Does) {
    let world = World::start().await;
    let tokens = world.install().await;
    world.shopify.then(On::Token, [does]);
    let Does::Status(_, wait) = does else { panic!() };
    match world.refresh(&tokens).await.unwrap_err() {
        TokenError::Later { after, .. } => assert_eq!(after, wait.map(Duration::from_secs)),
        other => panic!("{other}"),
    }
    assert!(world.refresh(&tokens).await.is_ok());
}

#[tokio::test]
async fn a_closed_shop_and_babble_are_no_tokens_and_nothing_shows_a_secret() {
    let world = World::start().await;
    let tokens = world.install().await;
    world.shopify.then(On::Token, [Does::Babbles]);
    assert!(matches!(world.refresh(&tokens).await.unwrap_err(), TokenError::Unknown(_)));
    world.shop(|shop| shop.closed = Some(423));
    assert_eq!(world.refresh(&tokens).await.unwrap_err(), TokenError::ShopClosed(423));
    let shown = format!("{tokens:?} {:?}", world.registered());
    for secret in [tokens.access.expose_secret(), tokens.refresh.as_ref().unwrap().expose_secret(), &world.shopify.app().secret] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
