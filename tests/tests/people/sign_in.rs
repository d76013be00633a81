//! Signing in, refreshing, signing out, and what happens to those who guess.

use chrono::TimeDelta;
use entities::MembershipRole::{TenantAdmin, TenantMember};
use people::identity::{AuthError, SignInError};
use platform::Caller;
use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use tests::harness::Backend;

use crate::support::{PASSWORD, World};

#[rstest]
#[tokio::test]
async fn a_session_is_opened_refreshed_and_ended(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let person = world.person(tenant, "Taro@Example.jp", TenantAdmin).await;

    let signed_in = world.sign_in.sign_in(&world.nobody(), " ＴＡＲＯ@example.jp", &PASSWORD.into()).await.unwrap();
    let Caller::User(caller) = world.caller(&signed_in.access_token).await.unwrap() else { panic!("a user") };
    assert_eq!((caller.id, caller.session, caller.memberships.len()), (person.id, Some(signed_in.session), 1));
    assert_ne!(signed_in.session, person.signed_in.session);
    assert_eq!(signed_in.user.last_sign_in_at, Some(world.now()));

    world.clock.advance(TimeDelta::minutes(15));
    assert!(matches!(world.caller(&signed_in.access_token).await, Err(AuthError::AccessTokenExpired)));
    let refreshed = world.sign_in.token_refresh(&world.nobody(), &signed_in.refresh_token).await.unwrap();
    assert_eq!(refreshed.session, signed_in.session);
    let ctx = world.ctx(world.caller(&refreshed.access_token).await.unwrap());
    assert!(world.sign_in.sign_out(&ctx).await.unwrap());
    assert!(matches!(world.caller(&refreshed.access_token).await, Err(AuthError::SessionEnded)));
    let after = world.sign_in.token_refresh(&world.nobody(), &refreshed.refresh_token).await;
    assert!(matches!(after, Err(SignInError::InvalidRefreshToken)));
    assert!(!world.sign_in.sign_out(&world.system()).await.unwrap());

    world.clock.advance(TimeDelta::days(31));
    assert!(matches!(world.sign_in.token_refresh(&world.nobody(), &person.signed_in.refresh_token).await, Err(SignInError::InvalidRefreshToken)));
}

#[rstest]
#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_session(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let person = world.person(world.tenant("Noren").await, "taro@example.jp", TenantAdmin).await;
    let stolen = &person.signed_in.refresh_token;
    let thief = world.sign_in.token_refresh(&world.nobody(), stolen).await.unwrap();
    assert!(matches!(world.sign_in.token_refresh(&world.nobody(), stolen).await, Err(SignInError::RefreshTokenReused)));
    // Refused, and yet committed: neither pair is good for anything now, on any replica.
    assert!(matches!(world.sign_in.token_refresh(&world.nobody(), &thief.refresh_token).await, Err(SignInError::InvalidRefreshToken)));
    let replica = world.replica().await;
    assert!(matches!(replica.authenticate(thief.access_token.expose_secret()).await, Err(AuthError::SessionEnded)));
    assert!(matches!(replica.authenticate(person.signed_in.access_token.expose_secret()).await, Err(AuthError::SessionEnded)));
    let unknown = SecretString::from("norenrefresh_nonsense");
    assert!(matches!(world.sign_in.token_refresh(&world.nobody(), &unknown).await, Err(SignInError::InvalidRefreshToken)));
}

#[rstest]
#[tokio::test]
async fn of_many_refreshes_at_once_one_wins(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let person = world.person(world.tenant("Noren").await, "taro@example.jp", TenantAdmin).await;
    let contexts: Vec<_> = (0..8).map(|_| world.nobody()).collect();
    let refreshes = contexts.iter().map(|ctx| world.sign_in.token_refresh(ctx, &person.signed_in.refresh_token));
    let results = futures::future::join_all(refreshes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(SignInError::RefreshTokenReused))).count(), 7);
}

#[rstest]
#[tokio::test]
async fn guessing_is_slowed_down_for_the_guesser_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let person = world.person(world.tenant("Noren").await, "taro@example.jp", TenantAdmin).await;
    let (guesser, owner) = (world.nobody_at("203.0.113.9"), world.nobody_at("198.51.100.1"));
    let (right, wrong) = (SecretString::from(PASSWORD), SecretString::from("not the password"));

    // Many guesses at once gain nothing over as many in turn: some are refused before the password is looked at.
    let contexts: Vec<_> = (0..12).map(|_| world.nobody_at("203.0.113.9")).collect();
    let guesses = futures::future::join_all(contexts.iter().map(|ctx| world.sign_in.sign_in(ctx, &person.email, &wrong))).await;
    assert_eq!(guesses.iter().filter(|guess| matches!(guess, Err(SignInError::InvalidCredentials))).count(), 6);
    let Err(SignInError::TooManyAttempts { retry_at }) = world.sign_in.sign_in(&guesser, &person.email, &right).await else { panic!("slowed down") };
    assert_eq!(retry_at, world.now() + TimeDelta::seconds(2));
    assert!(world.sign_in.sign_in(&owner, &person.email, &right).await.is_ok());

    world.clock.advance(TimeDelta::seconds(2));
    assert!(matches!(world.sign_in.sign_in(&guesser, &person.email, &wrong).await, Err(SignInError::InvalidCredentials)));
    world.clock.advance(TimeDelta::seconds(3));
    assert!(matches!(world.sign_in.sign_in(&guesser, &person.email, &right).await, Err(SignInError::TooManyAttempts { .. })));
    world.clock.advance(TimeDelta::seconds(1));
    assert!(world.sign_in.sign_in(&guesser, &person.email, &right).await.is_ok());
    // Success takes the e-mail's failures back.
    for _ in 0..5 {
        assert!(matches!(world.sign_in.sign_in(&guesser, &person.email, &wrong).await, Err(SignInError::InvalidCredentials)));
    }
    assert!(world.sign_in.sign_in(&guesser, &person.email, &right).await.is_ok());

    // One address that tries many e-mails is slowed down as well.
    let mut refused = None;
    for number in 0..40 {
        if let Err(SignInError::TooManyAttempts { .. }) = world.sign_in.sign_in(&guesser, &format!("user{number}@example.jp"), &wrong).await {
            refused = Some(number);
            break;
        }
    }
    assert!(refused.is_some());
}

#[rstest]
#[tokio::test]
async fn all_who_may_not_sign_in_get_one_answer(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let person = world.person(tenant, "taro@example.jp", TenantMember).await;
    world.invited(tenant, "invited@example.jp", TenantMember).await;
    world.users.disable(&world.system(), person.id, None).await.unwrap();
    let mut answers = Vec::new();
    for (email, password) in [("taro@example.jp", PASSWORD), ("invited@example.jp", PASSWORD), ("nobody@example.jp", PASSWORD), ("not an address", "")] {
        let error = world.sign_in.sign_in(&world.nobody(), email, &password.into()).await.unwrap_err();
        answers.push((error.code(), error.to_string()));
    }
    answers.dedup();
    assert_eq!(answers, [("INVALID_CREDENTIALS", "the e-mail or the password is wrong".to_owned())]);
}

#[rstest]
#[tokio::test]
async fn who_is_shut_out_is_refused_at_once_by_every_replica(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let (admin, member) = (world.person(tenant, "admin@example.jp", TenantAdmin).await, world.person(tenant, "member@example.jp", TenantMember).await);
    let replica = world.replica().await;
    let bearer = member.signed_in.access_token.expose_secret();
    assert!(replica.authenticate(bearer).await.is_ok());
    world.users.disable(&world.ctx_of(&admin).await, member.id, None).await.unwrap();
    assert!(matches!(replica.authenticate(bearer).await, Err(AuthError::SessionEnded)));
    world.users.disable(&world.system(), admin.id, None).await.unwrap();
    assert!(replica.authenticate(admin.signed_in.access_token.expose_secret()).await.is_err());
    for nonsense in ["", "noren", "noren_", "noren_unknown", "a.b.c", bearer.trim_end_matches(|c: char| c != '.')] {
        assert_eq!(replica.authenticate(nonsense).await.unwrap_err().code(), "UNAUTHENTICATED", "{nonsense}");
    }
}
