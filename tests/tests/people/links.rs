//! One-time links: good once, for the right thing, in time, and never a way into somebody else's account.

use chrono::TimeDelta;
use entities::MembershipRole::{TenantAdmin, TenantMember};
use entities::UserStatus;
use people::identity::{AuthError, SignInError};
use people::users::UserError;
use rstest::rstest;
use tests::harness::Backend;

use crate::support::{PASSWORD, World, invitation, password};

#[rstest]
#[tokio::test]
async fn an_invitation_is_accepted_once_and_in_time(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let first = world.invited(tenant, "taro@example.jp", TenantMember).await;
    let link = world.invited(tenant, "taro@example.jp", TenantMember).await;
    let accept = async |link, text: &str| world.sign_in.invitation_accept(&world.nobody(), link, password(text), Some("Taro".to_owned())).await;

    assert!(matches!(accept(&first, PASSWORD).await, Err(SignInError::InvalidLink)), "a new link ends the earlier one");
    // A password that is refused does not use the link up.
    assert_eq!(accept(&link, "short").await.unwrap_err().code(), "TOO_SHORT");
    assert_eq!(accept(&link, "TARO@example.jp").await.unwrap_err().code(), "PASSWORD_IS_EMAIL");
    let both = futures::future::join(accept(&link, PASSWORD), accept(&link, PASSWORD)).await;
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|ok| **ok).count(), 1);
    let accepted = both.0.or(both.1).unwrap();
    assert_eq!((accepted.tenant, accepted.user.name.as_deref()), (tenant, Some("Taro")));
    assert!(world.caller(&accepted.signed_in.unwrap().access_token).await.is_ok());
    assert!(matches!(accept(&link, PASSWORD).await, Err(SignInError::InvalidLink)));
    assert!(matches!(world.sign_in.password_reset(&world.nobody(), &link, &PASSWORD.into()).await, Err(SignInError::InvalidLink)));

    let late = world.invited(tenant, "hanako@example.jp", TenantMember).await;
    world.clock.advance(TimeDelta::days(7));
    assert!(matches!(accept(&late, PASSWORD).await, Err(SignInError::InvalidLink)));
}

#[rstest]
#[tokio::test]
async fn an_invitation_gives_nobody_an_account_that_is_somebodys(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let person = world.person(ours, "taro@example.jp", TenantAdmin).await;
    let other_admin = world.person(theirs, "boss@example.jp", TenantAdmin).await;

    world.clock.advance(TimeDelta::seconds(1));
    let ctx = world.ctx_of(&other_admin).await;
    let invited = world.users.invite(&ctx, invitation(None, &person.email, TenantAdmin)).await.unwrap();
    assert_eq!((invited.member.user.last_sign_in_at, invited.member.user.status), (None, UserStatus::Invited), "nothing is told of the account");
    let Err(error) = world.sign_in.invitation_accept(&world.nobody(), &invited.link, password("a password of the boss"), None).await else { panic!() };
    assert!(matches!(error, SignInError::InvalidCredentials));
    // Until it is accepted it gives nothing.
    assert_eq!(world.users.viewer(&world.ctx_of(&person).await).await.unwrap().unwrap().memberships.len(), 1);
    world.sign_in.invitation_accept(&world.nobody(), &invited.link, password(PASSWORD), None).await.unwrap();
    let viewer = world.users.viewer(&world.ctx_of_in(&person, ours).await).await.unwrap().unwrap();
    let names: Vec<_> = viewer.memberships.iter().map(|m| m.company_name.as_str()).collect();
    assert_eq!(names, ["Ours", "Theirs"]);
}

#[rstest]
#[tokio::test]
async fn a_link_is_no_oracle_for_passwords(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let person = world.person(world.tenant("Ours").await, "taro@example.jp", TenantAdmin).await;
    let link = world.invited(world.tenant("Theirs").await, &person.email, TenantMember).await;
    let ctx = world.nobody_at("203.0.113.9");
    for _ in 0..6 {
        let guess = world.sign_in.invitation_accept(&ctx, &link, password("a guess of a password"), None).await;
        assert!(matches!(guess, Err(SignInError::InvalidCredentials)));
    }
    let guess = world.sign_in.invitation_accept(&ctx, &link, password(PASSWORD), None).await;
    assert!(matches!(guess, Err(SignInError::TooManyAttempts { .. })));
}

#[rstest]
#[tokio::test]
async fn a_password_link_sets_the_password_and_ends_all_sessions(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let (admin, member) = (world.person(tenant, "admin@example.jp", TenantAdmin).await, world.person(tenant, "member@example.jp", TenantMember).await);
    let made = world.users.password_reset_link_create(&world.ctx_of(&admin).await, member.id).await.unwrap();
    assert_eq!(made.expires_at, world.now() + TimeDelta::hours(24));
    world.sign_in.password_reset(&world.nobody(), &made.link, &"another fine password".into()).await.unwrap();
    assert!(matches!(world.caller(&member.signed_in.access_token).await, Err(AuthError::SessionEnded)));
    assert!(world.sign_in.sign_in(&world.nobody(), &member.email, &PASSWORD.into()).await.is_err());
    assert!(world.sign_in.sign_in(&world.nobody(), &member.email, &"another fine password".into()).await.is_ok());
    let again = world.sign_in.password_reset(&world.nobody(), &made.link, &"yet another password".into()).await;
    assert!(matches!(again, Err(SignInError::InvalidLink)));
    let late = world.users.password_reset_link_create(&world.ctx_of(&admin).await, member.id).await.unwrap();
    world.clock.advance(TimeDelta::hours(24));
    assert!(matches!(world.sign_in.password_reset(&world.nobody(), &late.link, &PASSWORD.into()).await, Err(SignInError::InvalidLink)));
}

#[rstest]
#[tokio::test]
async fn no_administrator_reaches_another_tenant_through_a_shared_user(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let admin = world.person(ours, "admin@example.jp", TenantAdmin).await;
    let shared = world.person(ours, "shared@example.jp", TenantMember).await;
    let before = world.users.password_reset_link_create(&world.ctx_of(&admin).await, shared.id).await.unwrap();
    let link = world.invited(theirs, &shared.email, TenantAdmin).await;
    assert!(world.users.password_reset_link_create(&world.ctx_of(&admin).await, shared.id).await.is_ok(), "a mere invitation takes nothing away");
    let before_acceptance = world.users.password_reset_link_create(&world.ctx_of(&admin).await, shared.id).await.unwrap();
    world.sign_in.invitation_accept(&world.nobody(), &link, password(PASSWORD), None).await.unwrap();

    let refused = world.users.password_reset_link_create(&world.ctx_of(&admin).await, shared.id).await;
    assert!(matches!(refused, Err(UserError::SharedUser)));
    for link in [before.link, before_acceptance.link] {
        let kept = world.sign_in.password_reset(&world.nobody(), &link, &"the admin's own password".into()).await;
        assert!(matches!(kept, Err(SignInError::InvalidLink)), "a link from before has lost its power");
    }
    let by_platform = world.users.password_reset_link_create(&world.system(), shared.id).await.unwrap();
    assert!(world.sign_in.password_reset(&world.nobody(), &by_platform.link, &"from the platform's admin".into()).await.is_ok());
}
