//! The first start: an administrator, the master key, and connections that stay in the serving role.

use std::sync::Arc;

use people::bootstrap::ensure_platform_admin;
use platform::callers::Standing;
use platform::crypto::{MasterKey, MasterKeyCheckError, MasterKeyState, ensure_master_key, master_key_state};
use platform::db::{Access, check_role};
use platform::{Clock, Database};
use rstest::rstest;
use tests::harness::Backend;

use crate::support::World;

#[rstest]
#[tokio::test]
async fn an_empty_database_gets_one_administrator(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let replica = Database::connect(world.database.settings()).await.unwrap();
    let clock: Arc<dyn Clock> = world.clock.clone();
    let starts = futures::future::join_all([&world.db, &replica, &world.db, &replica].map(|db| ensure_platform_admin(db, &clock))).await;
    let mut secrets: Vec<_> = starts.into_iter().filter_map(|start| start.unwrap()).collect();
    assert_eq!(secrets.len(), 1);
    let ctx = world.ctx(world.caller(&secrets.pop().unwrap()).await.unwrap());
    assert!(matches!(ctx.standing(), Standing::Platform));
    assert!(ensure_platform_admin(&world.db, &clock).await.unwrap().is_none());
}

#[rstest]
#[tokio::test]
async fn a_wrong_master_key_is_noticed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let other = MasterKey::random();
    assert_eq!(master_key_state(&world.db, &world.master).await.unwrap(), MasterKeyState::Unset);
    ensure_master_key(&world.db, &world.master, world.now()).await.unwrap();
    ensure_master_key(&world.db, &world.master, world.now()).await.unwrap();
    assert_eq!(master_key_state(&world.db, &world.master).await.unwrap(), MasterKeyState::Matches);
    assert_eq!(master_key_state(&world.db, &other).await.unwrap(), MasterKeyState::Differs);
    assert!(matches!(ensure_master_key(&world.db, &other, world.now()).await, Err(MasterKeyCheckError::Differs)));
}

#[tokio::test]
async fn a_transaction_that_moves_leaves_no_power_behind() {
    let world = World::new(Backend::Postgres).await;
    let tenant = world.tenant("Noren").await;
    for commits in [true, false] {
        let tx = world.db.write(Access::Identity).await.unwrap();
        tx.switch(Access::Tenant(tenant)).await.unwrap();
        tx.switch(Access::Platform).await.unwrap();
        if commits {
            tx.commit().await.unwrap();
        }
    }
    let mut held = Vec::new();
    for _ in 0..world.database.settings().max_connections {
        held.push(world.db.read(Access::Nobody).await.unwrap());
    }
    for tx in &held {
        use sea_orm::ConnectionTrait;
        let sql = "select current_user::text, coalesce(current_setting('noren.tenant_id', true), ''), (select count(*) from tenants)";
        let row = tx.query_one_raw(world.db.statement(sql, [])).await.unwrap().unwrap();
        let seen: (String, String, i64) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), row.try_get_by_index(2).unwrap());
        assert_eq!(seen, ("noren_app".to_owned(), String::new(), 0));
    }
    drop(held);
    assert_eq!(check_role(&world.db).await.unwrap(), []);
}

#[tokio::test]
async fn a_tenants_role_reads_no_passwords_and_writes_no_accounts() {
    use sea_orm::ConnectionTrait;
    let world = World::new(Backend::Postgres).await;
    let tenant = world.tenant("Noren").await;
    world.person(tenant, "admin@example.jp", entities::MembershipRole::TenantAdmin).await;
    for (sql, allowed) in [
        ("select email from users", true),
        ("select password_hash from users", false),
        ("update users set platform_admin = true", false),
        ("select 1 from sessions", false),
        ("select 1 from one_time_links", false),
        ("select 1 from user_identities", false),
    ] {
        let tx = world.db.write(Access::Tenant(tenant)).await.unwrap();
        assert_eq!(tx.execute_unprepared(sql).await.is_ok(), allowed, "{sql}");
    }
}
