//! API tokens: made, used, expired, revoked; and when they were last used.

use chrono::TimeDelta;
use entities::MembershipRole::{TenantAdmin, TenantMember};
use entities::{ApiScope, TokenRole};
use people::api_tokens::{ApiTokenError, NewApiToken, OperatorToken, TokenSort};
use people::identity::AuthError;
use people::tenants::TenantReading;
use platform::callers::actions::{ManageUsers, ReadOrders, ReadStores};
use platform::db::PageRequest;
use platform::{Caller, Denied};
use rstest::rstest;
use secrecy::ExposeSecret;
use tests::harness::Backend;

use crate::support::World;

fn orders_token() -> NewApiToken {
    NewApiToken { name: "Warehouse".to_owned(), scopes: vec!["orders:read".to_owned(), "orders:read".to_owned()], expires_at: None, tenant: None }
}

#[rstest]
#[tokio::test]
async fn a_token_does_what_its_scopes_say_until_it_is_revoked(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let admin = world.person(tenant, "admin@example.jp", TenantAdmin).await;
    let ctx = world.ctx_of(&admin).await;
    let made = world.tokens.create(&ctx, orders_token()).await.unwrap();
    assert!(made.secret.expose_secret().starts_with(&made.token.prefix) && made.secret.expose_secret().len() > 40);
    assert_eq!((&*made.token.scopes(), made.token.tenant, made.token.role), (&[ApiScope::OrdersRead][..], Some(tenant), TokenRole::Integration));

    let replica = world.replica().await;
    let Caller::Token(caller) = replica.authenticate(made.secret.expose_secret()).await.unwrap() else { panic!("a token") };
    let bearer = world.ctx(Caller::Token(caller));
    assert!(bearer.authorize::<ReadOrders>().is_ok());
    assert!(matches!(bearer.authorize::<ReadStores>(), Err(Denied::Forbidden { needs: Some("stores:read"), .. })));
    assert!(bearer.authorize::<ManageUsers>().is_err());

    assert!(world.tokens.revoke(&ctx, made.token.id).await.unwrap().revoked_at.is_some());
    assert!(matches!(replica.authenticate(made.secret.expose_secret()).await, Err(AuthError::TokenRevoked)));
    let first = world.now();
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(world.tokens.revoke(&ctx, made.token.id).await.unwrap().revoked_at, Some(first), "revoking again changes nothing");
}

#[rstest]
#[tokio::test]
async fn tokens_that_make_no_sense_are_refused(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let admin = world.person(tenant, "admin@example.jp", TenantAdmin).await;
    let member = world.person(tenant, "member@example.jp", TenantMember).await;
    let ctx = world.ctx_of(&admin).await;
    let code = async |input| world.tokens.create(&ctx, input).await.map(|_| "").unwrap_or_else(|error| error.code());
    assert_eq!(code(NewApiToken { scopes: vec![], ..orders_token() }).await, "BLANK");
    assert_eq!(code(NewApiToken { scopes: vec!["orders:burn".to_owned()], ..orders_token() }).await, "UNKNOWN_VALUE");
    assert_eq!(code(NewApiToken { expires_at: Some(world.now()), ..orders_token() }).await, "NOT_IN_FUTURE");
    assert_eq!(code(NewApiToken { name: " ".to_owned(), ..orders_token() }).await, "BLANK");
    let denied = world.tokens.create(&world.ctx_of(&member).await, orders_token()).await;
    assert!(matches!(denied, Err(ApiTokenError::Denied(Denied::Forbidden { .. }))));

    let operator = OperatorToken { name: "cli".to_owned(), role: TokenRole::TenantAdmin, tenant: Some(tenant), scopes: vec![], expires_at: None };
    assert!(matches!(world.tokens.create_for_operator(&ctx, operator.clone()).await, Err(ApiTokenError::Denied(_))));
    let made = world.tokens.create_for_operator(&world.system(), operator.clone()).await.unwrap();
    assert!(world.caller(&made.secret).await.is_ok());
    let code = async |input| world.tokens.create_for_operator(&world.system(), input).await.map(|_| "").unwrap_or_else(|error| error.code());
    assert_eq!(code(OperatorToken { tenant: None, ..operator.clone() }).await, "TENANT_REQUIRED");
    assert_eq!(code(OperatorToken { scopes: vec![ApiScope::OrdersRead], ..operator.clone() }).await, "NOT_ALLOWED");
    assert_eq!(code(OperatorToken { role: TokenRole::PlatformAdmin, ..operator.clone() }).await, "NOT_ALLOWED");
    assert_eq!(code(OperatorToken { tenant: Some(uuid::Uuid::from_u128(1).into()), ..operator }).await, "NOT_FOUND");
}

#[rstest]
#[tokio::test]
async fn another_tenants_tokens_are_as_missing_ones(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let admin = world.person(ours, "admin@example.jp", TenantAdmin).await;
    let foreign = world.tokens.create(&world.system(), NewApiToken { tenant: Some(theirs), ..orders_token() }).await.unwrap();
    let ctx = world.ctx_of(&admin).await;
    let mine = world.tokens.create(&ctx, orders_token()).await.unwrap();
    for id in [foreign.token.id, uuid::Uuid::from_u128(7).into()] {
        assert_eq!(world.tokens.find(&ctx, id).await.unwrap(), None);
        assert_eq!(world.tokens.revoke(&ctx, id).await.unwrap_err().to_string(), "no such token");
    }
    assert!(world.caller(&foreign.secret).await.is_ok());
    assert!(world.tokens.page(&ctx, Some(theirs), &PageRequest::first(10)).await.unwrap().rows.is_empty());
    assert!(matches!(world.tokens.create(&ctx, NewApiToken { tenant: Some(theirs), ..orders_token() }).await, Err(ApiTokenError::NotFound("tenant"))));
    let page = world.tokens.page(&ctx, None, &PageRequest::first(10)).await.unwrap();
    assert_eq!(page.rows, [mine.token]);
    let next = PageRequest { cursor: Some(page.rows[0].cursor(TokenSort::CreatedAt)), ..PageRequest::first(10) };
    assert!(world.tokens.page(&ctx, None, &next).await.unwrap().rows.is_empty());
    assert_eq!(world.tokens.count(&world.system(), Some(theirs)).await.unwrap(), 1);
}

#[rstest]
#[tokio::test]
async fn expired_tokens_and_those_of_deleted_tenants_are_refused(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let system = world.system();
    let short = NewApiToken { expires_at: Some(world.now() + TimeDelta::days(1)), tenant: Some(tenant), ..orders_token() };
    let short = world.tokens.create(&system, short).await.unwrap();
    let long = world.tokens.create(&system, NewApiToken { tenant: Some(tenant), ..orders_token() }).await.unwrap();
    world.clock.advance(TimeDelta::days(1));
    assert!(matches!(world.caller(&short.secret).await, Err(AuthError::TokenExpired)));
    assert!(world.caller(&long.secret).await.is_ok());
    world.tenants.delete(&system, tenant, "Noren").await.unwrap();
    assert!(matches!(world.caller(&long.secret).await, Err(AuthError::TenantDeleted)));
}

#[rstest]
#[tokio::test]
async fn last_use_is_written_when_flushed_and_never_goes_back(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let made = world.tokens.create(&world.system(), NewApiToken { tenant: Some(tenant), ..orders_token() }).await.unwrap();
    let replica = world.replica().await;
    let early = world.now();
    let caller = replica.authenticate(made.secret.expose_secret()).await.unwrap();
    replica.note_activity(&world.ctx(caller));
    world.clock.advance(TimeDelta::seconds(30));
    let before = world.db.statements();
    for _ in 0..10 {
        let caller = world.caller(&made.secret).await.unwrap();
        world.callers.note_activity(&world.ctx(caller));
    }
    assert_eq!(world.db.statements() - before, 10, "one statement to recognise a caller, none to note it");
    let seen = async || {
        let system = world.system();
        let token = world.tokens.find(&system, made.token.id).await.unwrap().unwrap().last_used_at;
        (token, TenantReading.find(&system, tenant).await.unwrap().unwrap().last_activity_at)
    };
    assert_eq!(seen().await, (None, None));
    world.callers.flush().await.unwrap();
    assert_eq!(seen().await, (Some(world.now()), Some(world.now())));
    replica.flush().await.unwrap();
    assert!(early < world.now());
    assert_eq!(seen().await, (Some(world.now()), Some(world.now())));
}
