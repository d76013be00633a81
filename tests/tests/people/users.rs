//! Users of tenants: who sees them, who changes them, and that nobody reaches over the wall.

use entities::MembershipRole::{TenantAdmin, TenantMember};
use entities::{MembershipRole, UserId};
use people::users::{Invitation, UserError, UserSort};
use platform::db::PageRequest;
use platform::{Caller, Denied};
use rstest::rstest;
use tests::harness::Backend;

use crate::support::{World, invitation};

#[rstest]
#[tokio::test]
async fn another_tenants_users_are_as_missing_ones(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let admin = world.person(ours, "admin@example.jp", TenantAdmin).await;
    let stranger = world.person(theirs, "stranger@example.jp", TenantAdmin).await;
    let ctx = world.ctx_of(&admin).await;
    let missing = UserId::from(uuid::Uuid::from_u128(7));
    for id in [stranger.id, missing] {
        assert_eq!(world.users.find(&ctx, id).await.unwrap(), None);
        assert_eq!(world.users.memberships_of(&ctx, &[id]).await.unwrap(), []);
        let answers = [
            world.users.change_role(&ctx, id, None, TenantMember, None).await.unwrap_err(),
            world.users.disable(&ctx, id, None).await.unwrap_err(),
            world.users.password_reset_link_create(&ctx, id).await.unwrap_err(),
        ];
        assert!(answers.iter().all(|error| error.to_string() == "no such user"), "{answers:?}");
    }
    assert!(world.users.page(&ctx, theirs, &PageRequest::first(10)).await.unwrap().rows.is_empty());
    assert_eq!(world.users.count(&ctx, theirs).await.unwrap(), 0);
    let named = world.users.invite(&ctx, invitation(Some(theirs), "new@example.jp", TenantMember)).await.unwrap_err();
    assert!(matches!(named, UserError::NotFound("tenant")));
    assert!(matches!(world.users.disable(&ctx, stranger.id, Some(theirs)).await, Err(UserError::NotFound("tenant"))));
    assert!(world.caller(&stranger.signed_in.access_token).await.is_ok());

    assert_eq!(world.users.load_many(&ctx, &[admin.id, stranger.id, missing]).await.unwrap().len(), 1);
    assert_eq!(world.users.load_many(&world.system(), &[admin.id, stranger.id, missing]).await.unwrap().len(), 2);
    assert!(matches!(world.users.find(&world.nobody(), admin.id).await, Err(UserError::Denied(Denied::Unauthenticated))));
}

#[rstest]
#[tokio::test]
async fn users_are_listed_page_by_page(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    for number in 0..5 {
        world.clock.advance(chrono::TimeDelta::milliseconds(number));
        world.invited(tenant, &format!("user{number}@example.jp"), TenantMember).await;
    }
    let ctx = world.system();
    let (mut seen, mut request) = (Vec::new(), PageRequest::first(2));
    loop {
        let page = world.users.page(&ctx, tenant, &request).await.unwrap();
        seen.extend(page.rows.iter().map(|member| member.user.email.clone()));
        request.cursor = page.rows.last().map(|last| last.cursor(UserSort::CreatedAt));
        if !page.has_next {
            break;
        }
    }
    assert_eq!(seen, (0..5).map(|n| format!("user{n}@example.jp")).collect::<Vec<_>>());
    assert_eq!(world.users.count(&ctx, tenant).await.unwrap(), 5);
}

#[rstest]
#[tokio::test]
async fn invitations_follow_the_rules(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let (mine, foreign) = (world.store(ours, "mine.example", "ACTIVE").await, world.store(theirs, "foreign.example", "ACTIVE").await);
    let admin = world.person(ours, "admin@example.jp", TenantAdmin).await;
    let member = world.person(ours, "member@example.jp", TenantMember).await;
    let ctx = world.ctx_of(&admin).await;
    let with = |email: &str, role: MembershipRole, stores| Invitation { stores, ..invitation(None, email, role) };

    let code = async |input| world.users.invite(&ctx, input).await.map(|_| "").unwrap_or_else(|error| error.code());
    assert_eq!(code(with("no address", TenantMember, None)).await, "INVALID_EMAIL");
    assert_eq!(code(with("a@example.jp", TenantAdmin, Some(vec![mine]))).await, "NOT_ALLOWED");
    assert_eq!(code(with("a@example.jp", TenantMember, Some(vec![]))).await, "BLANK");
    assert_eq!(code(with("a@example.jp", TenantMember, Some(vec![mine, foreign]))).await, "NOT_FOUND");
    assert_eq!(code(with("MEMBER@example.jp", TenantMember, None)).await, "ALREADY_MEMBER");
    let invited = world.users.invite(&ctx, with("clerk@example.jp", TenantMember, Some(vec![mine, mine]))).await.unwrap();
    assert_eq!(invited.member.membership.stores, Some(vec![mine]));
    let accepted = world.sign_in.invitation_accept(&world.nobody(), &invited.link, crate::support::password(crate::support::PASSWORD), None).await.unwrap();
    let Caller::User(clerk) = world.caller(&accepted.signed_in.unwrap().access_token).await.unwrap() else { panic!("a user") };
    assert_eq!(clerk.memberships[0].stores.as_deref(), Some(&[mine][..]));

    let refused = world.users.invite(&world.ctx_of(&member).await, invitation(None, "a@example.jp", TenantMember)).await;
    assert!(matches!(refused, Err(UserError::Denied(Denied::Forbidden { .. }))));
    assert!(matches!(world.users.invite(&world.system(), invitation(None, "a@example.jp", TenantMember)).await, Err(UserError::TenantRequired)));

    // Who was shut out can be invited again, and has nothing until accepting.
    world.users.disable(&ctx, member.id, None).await.unwrap();
    world.users.disable(&ctx, member.id, None).await.unwrap();
    assert!(world.caller(&member.signed_in.access_token).await.is_err());
    let again = world.users.invite(&ctx, invitation(None, &member.email, TenantMember)).await.unwrap();
    let back = world.sign_in.invitation_accept(&world.nobody(), &again.link, crate::support::password(crate::support::PASSWORD), None).await.unwrap();
    assert_eq!(back.user.id, member.id);
}

#[rstest]
#[tokio::test]
async fn a_tenant_keeps_an_administrator(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenant("Noren").await;
    let (first, second) = (world.person(tenant, "first@example.jp", TenantAdmin).await, world.person(tenant, "second@example.jp", TenantAdmin).await);
    world.invited(tenant, "pending@example.jp", TenantAdmin).await;
    let (one, two) = (world.ctx_of(&first).await, world.ctx_of(&second).await);
    assert!(matches!(world.users.change_role(&one, first.id, None, TenantMember, None).await, Err(UserError::OwnAccount)));
    assert!(matches!(world.users.disable(&one, first.id, None).await, Err(UserError::OwnAccount)));
    // Each takes the other's role at the same moment.
    let both = futures::future::join(
        world.users.change_role(&one, second.id, None, TenantMember, None),
        world.users.change_role(&two, first.id, None, TenantMember, None),
    )
    .await;
    let refused = [both.0.err(), both.1.err()].into_iter().flatten().collect::<Vec<_>>();
    assert!(matches!(refused[..], [UserError::LastAdmin]), "{refused:?}");
    let system = world.system();
    for user in [first.id, second.id] {
        let _ = world.users.disable(&system, user, Some(tenant)).await;
    }
    let admins = world.users.page(&system, tenant, &PageRequest::first(10)).await.unwrap().rows.into_iter().filter(|member| {
        let row = &member.membership.row;
        row.role == TenantAdmin && row.disabled_at.is_none() && row.accepted_at.is_some()
    });
    assert_eq!(admins.count(), 1);
}

#[rstest]
#[tokio::test]
async fn a_tenants_administrator_does_not_sign_a_shared_user_out_elsewhere(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let admin = world.person(ours, "admin@example.jp", TenantAdmin).await;
    let shared = world.person(theirs, "shared@example.jp", TenantMember).await;
    let link = world.invited(ours, &shared.email, TenantMember).await;
    world.sign_in.invitation_accept(&world.nobody(), &link, crate::support::password(crate::support::PASSWORD), None).await.unwrap();
    world.users.disable(&world.ctx_of(&admin).await, shared.id, None).await.unwrap();
    let Caller::User(caller) = world.caller(&shared.signed_in.access_token).await.unwrap() else { panic!("a user") };
    assert_eq!(caller.memberships.iter().map(|m| m.tenant).collect::<Vec<_>>(), [theirs]);
}
