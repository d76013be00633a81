//! Tenants: their life, their lists, their keys, and retries.

use chrono::TimeDelta;
use entities::MembershipRole::TenantAdmin;
use entities::{TenantId, TenantStatus};
use people::tenants::{NewTenant, TenantChanges, TenantError, TenantFilter, TenantKeyError, TenantKeys, TenantReading, TenantSort};
use platform::Denied;
use platform::callers::actions::{ManageStores, UpdateTenant};
use platform::crypto::{MasterKey, Where};
use platform::db::PageRequest;
use rstest::rstest;
use secrecy::ExposeSecret;
use tests::harness::Backend;

use crate::support::World;

fn noren() -> NewTenant {
    NewTenant { company_name: " 株式会社暖簾 ".to_owned(), contact_email: "info@noren.example".to_owned(), ..NewTenant::default() }
}

#[rstest]
#[tokio::test]
async fn a_tenant_lives_and_is_deleted_softly(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let system = world.system();
    let tenant = world.tenants.create(&system, noren(), None).await.unwrap();
    assert_eq!((tenant.company_name.as_str(), tenant.time_zone.as_str(), tenant.locale.as_str()), ("株式会社暖簾", "Asia/Tokyo", "ja"));
    let admin = world.person(tenant.id, "admin@example.jp", TenantAdmin).await;

    assert!(matches!(world.tenants.reactivate(&system, tenant.id).await, Err(TenantError::Transition(_))));
    assert_eq!(world.tenants.suspend(&system, tenant.id, "  ").await.unwrap_err().code(), "BLANK");
    let suspended = world.tenants.suspend(&system, tenant.id, "unpaid").await.unwrap();
    assert_eq!(
        (suspended.status, suspended.suspension_reason.as_deref(), suspended.suspended_at),
        (TenantStatus::Suspended, Some("unpaid"), Some(world.now()))
    );
    assert_eq!(world.tenants.suspend(&system, tenant.id, "again").await.unwrap_err().to_string(), "a tenant that is SUSPENDED cannot be suspended");

    // Its callers read, and write nothing.
    let ctx = world.ctx_of(&admin).await;
    assert!(TenantReading.find(&ctx, tenant.id).await.unwrap().is_some());
    assert_eq!(ctx.authorize::<UpdateTenant>().unwrap_err(), Denied::Suspended);
    let back = world.tenants.reactivate(&system, tenant.id).await.unwrap();
    assert_eq!((back.status, back.suspension_reason, back.suspended_at), (TenantStatus::Active, None, None));

    assert_eq!(world.tenants.delete(&system, tenant.id, "暖簾").await.unwrap_err().code(), "MISMATCH");
    assert_eq!(world.tenants.delete(&system, tenant.id, "株式会社暖簾").await.unwrap().status, TenantStatus::Deleted);
    assert!(matches!(world.tenants.update(&system, tenant.id, TenantChanges::default()).await, Err(TenantError::Deleted)));
    assert_eq!(world.tenants.reactivate(&system, tenant.id).await.unwrap_err().code(), "INVALID_TRANSITION");
    let ctx = world.ctx_of(&admin).await;
    assert!(ctx.authorize::<UpdateTenant>().is_err() && TenantReading.find(&ctx, tenant.id).await.is_err());
}

#[rstest]
#[tokio::test]
async fn a_tenant_is_changed_field_by_field(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tenant = world.tenants.create(&world.system(), noren(), None).await.unwrap();
    let admin = world.person(tenant.id, "admin@example.jp", TenantAdmin).await;
    let ctx = world.ctx_of(&admin).await;
    world.clock.advance(TimeDelta::minutes(1));
    let phone = TenantChanges { contact_phone: Some(Some("03-1234-5678".to_owned())), locale: Some("en".to_owned()), ..TenantChanges::default() };
    let changed = world.tenants.update(&ctx, tenant.id, phone).await.unwrap();
    assert_eq!((changed.contact_phone.as_deref(), changed.locale.as_str(), changed.updated_at), (Some("03-1234-5678"), "en", world.now()));
    let renamed = TenantChanges { company_name: Some("Ｎｏｒｅｎ".to_owned()), contact_phone: Some(None), ..TenantChanges::default() };
    let renamed = world.tenants.update(&ctx, tenant.id, renamed).await.unwrap();
    assert_eq!((renamed.company_name_key.as_str(), renamed.contact_phone, renamed.created_at), ("noren", None, tenant.created_at));
    let code = async |changes| world.tenants.update(&ctx, tenant.id, changes).await.unwrap_err().code();
    assert_eq!(code(TenantChanges { contact_email: Some("nobody".to_owned()), ..TenantChanges::default() }).await, "INVALID_EMAIL");
    assert_eq!(code(TenantChanges { time_zone: Some("Tokyo".to_owned()), ..TenantChanges::default() }).await, "INVALID_TIME_ZONE");
    assert_eq!(code(TenantChanges { locale: Some("fr".to_owned()), ..TenantChanges::default() }).await, "INVALID_LOCALE");
    assert_eq!(code(TenantChanges { company_name: Some("x".repeat(256)), ..TenantChanges::default() }).await, "TOO_LONG");
}

#[rstest]
#[tokio::test]
async fn another_tenant_is_as_a_missing_one(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let admin = world.person(ours, "admin@example.jp", TenantAdmin).await;
    let ctx = world.ctx_of(&admin).await;
    for id in [theirs, TenantId::from(uuid::Uuid::from_u128(7))] {
        assert_eq!(TenantReading.find(&ctx, id).await.unwrap(), None);
        assert_eq!(TenantReading.summaries(&ctx, &[id]).await.unwrap(), []);
        assert_eq!(world.tenants.update(&ctx, id, TenantChanges::default()).await.unwrap_err().to_string(), "no such tenant");
        assert!(matches!(world.tenants.suspend(&ctx, id, "spite").await, Err(TenantError::Denied(Denied::Forbidden { .. }))));
    }
    assert!(matches!(world.tenants.suspend(&world.system(), uuid::Uuid::from_u128(7).into(), "x").await, Err(TenantError::NotFound)));
    let all = TenantFilter::default();
    assert_eq!(TenantReading.count(&ctx, &all).await.unwrap(), 1);
    assert_eq!(TenantReading.count(&world.system(), &all).await.unwrap(), 2);
}

#[rstest]
#[tokio::test]
async fn creating_is_safe_to_repeat(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let contexts: Vec<_> = (0..6).map(|_| world.system()).collect();
    let made = futures::future::join_all(contexts.iter().map(|ctx| world.tenants.create(ctx, noren(), Some("key-1")))).await;
    let mut ids: Vec<_> = made.into_iter().map(|tenant| tenant.unwrap().id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let system = world.system();
    assert_eq!(TenantReading.count(&system, &TenantFilter::default()).await.unwrap(), 1);
    let other = NewTenant { company_name: "Other".to_owned(), ..noren() };
    assert_eq!(world.tenants.create(&system, other.clone(), Some("key-1")).await.unwrap_err().code(), "CONFLICT");
    // A failure is not remembered.
    let wrong = NewTenant { time_zone: Some("Mars".to_owned()), ..other.clone() };
    assert!(world.tenants.create(&system, wrong, Some("key-2")).await.is_err());
    assert!(world.tenants.create(&system, other, Some("key-2")).await.is_ok());
    assert!(matches!(world.tenants.create(&system, noren(), Some("")).await, Err(TenantError::Idempotency(_))));
    world.clock.advance(TimeDelta::days(1) + TimeDelta::seconds(1));
    assert_ne!(world.tenants.create(&system, noren(), Some("key-1")).await.unwrap().id, ids[0], "a key is forgotten after a day");
}

#[rstest]
#[tokio::test]
async fn tenants_are_listed_with_their_stores(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let mut ids = Vec::new();
    for name in ["beta", "Ａlpha", "Gamma", "ALPHA 50%"] {
        ids.push(world.tenant(name).await);
        world.clock.advance(TimeDelta::microseconds(1));
    }
    let system = world.system();
    world.store(ids[0], "a.example", "ACTIVE").await;
    world.store(ids[0], "b.example", "INACTIVE").await;
    world.store(ids[1], "c.example", "UNINSTALLED").await;
    let summaries = TenantReading.summaries(&system, &ids).await.unwrap();
    let of = |id| summaries.iter().find(|one| one.tenant == id).map(|one| (one.total_stores, one.active_stores));
    assert_eq!([of(ids[0]), of(ids[1]), of(ids[2])], [Some((2, 1)), Some((1, 0)), Some((0, 0))]);

    let (mut names, mut request) = (Vec::new(), PageRequest::first(1));
    loop {
        let page = TenantReading.page(&system, &TenantFilter::default(), TenantSort::CompanyName, &request).await.unwrap();
        names.extend(page.rows.iter().map(|tenant| tenant.company_name.clone()));
        request.cursor = page.rows.last().map(|last| last.cursor(TenantSort::CompanyName));
        if !page.has_next {
            break;
        }
    }
    assert_eq!(names, ["Ａlpha", "ALPHA 50%", "beta", "Gamma"]);

    world.tenants.delete(&system, ids[0], "beta").await.unwrap();
    let newest = PageRequest { reverse: true, ..PageRequest::first(10) };
    let list = async |filter: TenantFilter| -> Vec<TenantId> {
        let page = TenantReading.page(&world.system(), &filter, TenantSort::CreatedAt, &newest).await.unwrap();
        page.rows.into_iter().map(|tenant| tenant.id).collect()
    };
    assert_eq!(list(TenantFilter::default()).await, [ids[3], ids[2], ids[1]]);
    assert_eq!(list(TenantFilter { statuses: Some(vec![TenantStatus::Deleted]), text: None }).await, [ids[0]]);
    assert_eq!(list(TenantFilter { statuses: None, text: Some("alpha".to_owned()) }).await, [ids[3], ids[1]]);
    assert_eq!(list(TenantFilter { statuses: None, text: Some("0%".to_owned()) }).await, [ids[3]]);
}

#[rstest]
#[tokio::test]
async fn a_tenants_secrets_open_for_it_alone(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let (ours, theirs) = (world.tenant("Ours").await, world.tenant("Theirs").await);
    let keys = TenantKeys::new(world.master.clone());
    let ctx = world.ctx_in(platform::Caller::System, Some(ours));
    let permit = ctx.authorize::<ManageStores>().unwrap();
    let tx = ctx.writer().await.unwrap();
    let place = Where { tenant: ours.uuid(), table: "stores", row: uuid::Uuid::from_u128(1), column: "access_token_sealed" };
    let sealed = keys.seal(&tx, &permit, place, &"shpat_1".into(), world.now()).await.unwrap();
    assert_eq!(keys.open(&tx, &permit, place, &sealed).await.unwrap().expose_secret(), "shpat_1");
    let elsewhere = Where { tenant: theirs.uuid(), ..place };
    assert!(matches!(keys.open(&tx, &permit, elsewhere, &sealed).await, Err(TenantKeyError::Missing(1))));
    assert!(keys.seal(&tx, &permit, elsewhere, &"shpat_2".into(), world.now()).await.is_err());
    let wrong = TenantKeys::new(MasterKey::random());
    assert!(matches!(wrong.open(&tx, &permit, place, &sealed).await, Err(TenantKeyError::Seal(_))));
}
