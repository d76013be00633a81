//! Whoever changes the log behind the program's back is found, whatever they own but the master key.

use entities::{AuditEventId, TenantId};
use platform::audit::{Sealer, verify};
use platform::crypto::MasterKey;
use platform::db::Access;
use platform::{Change, Database, Trace};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::json;
use tests::harness::{Backend, People, Server};

use crate::log::{Owner, broken, sealed};

/// Entries of the tenant's log, the one of its creation included.
const ENTRIES: i64 = 10;

async fn change(db: &Database, trace: &Trace, tenant: TenantId, number: i64) {
    let tx = db.write(Access::Tenant(tenant)).await.unwrap();
    Change::new("storeUpdate", tenant).subject(tenant).after(&json!({ "number": number })).write(&tx, trace).await.unwrap();
    tx.commit().await.unwrap();
}

/// A tenant with a sealed log, and a neighbour.
async fn chained(backend: Backend) -> (Server, TenantId) {
    let server = Server::start(backend).await;
    let people = People::of(&server);
    let tenant = people.tenant("Chained K.K.").await;
    people.tenant("Next door K.K.").await;
    let trace = Trace::system("a test", server.clock());
    for number in 2..=ENTRIES {
        change(server.db(), &trace, tenant, number).await;
    }
    let reports = sealed(&server).await;
    let report = reports.iter().find(|report| report.chain == tenant.uuid()).unwrap();
    assert_eq!((report.sealed, report.unsealed, &report.broken), (ENTRIES, 0, &None));
    (server, tenant)
}

async fn entry_at(server: &Server, tenant: TenantId, position: i64) -> AuditEventId {
    let (db, tx) = (server.db(), server.db().read(Access::Platform).await.unwrap());
    let sql = "select id from audit_events where chain_id = $1 and position = $2";
    tx.query_one_raw(db.statement(sql, [tenant.uuid().into(), position.into()])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// `CHAIN` and `FIFTH` stand for the tenant's chain and its fifth entry.
#[rstest]
#[case::changed_actor("update audit_events set actor = 'somebody else' where id = FIFTH", 5, true, "the entry is not what was sealed")]
#[case::changed_outcome("update audit_events set outcome = 'REFUSED' where id = FIFTH", 5, true, "the entry is not what was sealed")]
#[case::moved_in_time("update audit_events set occurred_at = '2020-01-01T00:00:00+00:00' where id = FIFTH", 5, true, "the entry is not what was sealed")]
#[case::given_to_the_platform("update audit_events set tenant_id = null where id = FIFTH", 5, true, "the entry is not what was sealed")]
#[case::unsealed("update audit_events set seal = null where id = FIFTH", 5, true, "the entry is not what was sealed")]
#[case::deleted_in_the_middle("delete from audit_details where audit_id = FIFTH; delete from audit_events where id = FIFTH", 5, false, "the entry is missing")]
#[case::deleted_and_closed_up(
    "delete from audit_details where audit_id = FIFTH; delete from audit_events where id = FIFTH;
     update audit_events set position = -position where chain_id = CHAIN and position > 5;
     update audit_events set position = -position - 1 where chain_id = CHAIN and position < 0;
     update audit_chains set position = position - 1 where chain_id = CHAIN",
    5,
    true,
    "the entry is not what was sealed"
)]
#[case::deleted_at_the_end(
    "delete from audit_details where audit_id in (select id from audit_events where chain_id = CHAIN and position > 8);
     delete from audit_events where chain_id = CHAIN and position > 8",
    9,
    false,
    "entries are missing from here on"
)]
#[case::deleted_whole(
    "delete from audit_details where audit_id in (select id from audit_events where chain_id = CHAIN); delete from audit_events where chain_id = CHAIN",
    1,
    false,
    "entries are missing from here on"
)]
#[case::changed_detail("update audit_details set detail = '{}' where audit_id = FIFTH", 5, true, "its detail is not what was written")]
#[case::emptied_detail("update audit_details set detail = null where audit_id = FIFTH", 5, true, "its detail is not what was written")]
#[case::deleted_detail("delete from audit_details where audit_id = FIFTH", 5, true, "its detail is gone without having been erased")]
#[case::moved_end(
    "update audit_chains set seal = (select seal from audit_events where id = FIFTH) where chain_id = CHAIN",
    10,
    false,
    "the chain does not end as it was left"
)]
#[tokio::test(flavor = "multi_thread")]
async fn the_first_broken_link_is_named(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
    #[case] tampering: &str,
    #[case] position: i64,
    #[case] names_entry: bool,
    #[case] what: &str,
) {
    let (server, tenant) = chained(backend).await;
    assert_eq!(broken(&server, tenant).await, None);
    let owner = Owner::of(&server).await;
    let fifth = entry_at(&server, tenant, 5).await;
    // Where the fifth was taken out and the rest moved up, the sixth stands in its place.
    let standing = if tampering.contains("- 1 where") { entry_at(&server, tenant, 6).await } else { fifth };
    owner.without_triggers().await;
    owner.run(&tampering.replace("FIFTH", &owner.id(fifth.uuid())).replace("CHAIN", &owner.id(tenant.uuid()))).await;
    let found = broken(&server, tenant).await.expect("a broken link");
    assert_eq!((found.position, found.entry, found.what), (position, names_entry.then(|| standing.uuid()), what));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_seal_cannot_be_forged_without_the_master_key(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (server, tenant) = chained(backend).await;
    let (owner, chain) = (Owner::of(&server).await, tenant.uuid());
    owner.without_triggers().await;
    // The last three entries are written anew, and chained as the program would, but with another key.
    let chain = owner.id(chain);
    owner.run(&format!("update audit_events set actor = 'forged', position = null, seal = null where chain_id = {chain} and position > 7")).await;
    owner
        .run(&format!(
            "update audit_chains set position = 7, seal = (select seal from audit_events where chain_id = {chain} and position = 7) where chain_id = {chain}"
        ))
        .await;
    Sealer::new(server.db().clone(), &MasterKey::random()).seal_all().await.unwrap();
    let found = broken(&server, tenant).await.expect("a broken link");
    assert_eq!((found.position, found.entry), (8, Some(entry_at(&server, tenant, 8).await.uuid())));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_programs_own_roles_can_neither_change_nor_delete(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (server, tenant) = chained(backend).await;
    change(server.db(), &Trace::system("a test", server.clock()), tenant, 11).await;
    for access in [Access::Tenant(tenant), Access::Platform, Access::Identity, Access::Worker] {
        for sql in [
            "update audit_events set actor = 'x'",
            "update audit_events set position = position + 100",
            "update audit_events set outcome = 'REFUSED' where position is null",
            "delete from audit_events",
            "delete from audit_details",
            "update audit_details set detail = '{}'",
            "update audit_details set erased_at = null, detail = '{}', salt = null",
        ] {
            let tx = server.db().write(access).await.unwrap();
            let done = tx.execute_unprepared(sql).await;
            assert!(done.is_err(), "{access:?}: {sql}: {done:?}");
        }
    }
    if backend == Backend::Postgres {
        for sql in ["truncate audit_events cascade", "delete from audit_chains", "update audit_chains set position = 1"] {
            for access in [Access::Tenant(tenant), Access::Platform, Access::Identity] {
                let tx = server.db().write(access).await.unwrap();
                assert!(tx.execute_unprepared(sql).await.is_err(), "{access:?}: {sql}");
            }
        }
    }
    assert_eq!(broken(&server, tenant).await, None);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_writers_and_two_sealers_keep_one_chain(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 25;
    let server = Server::start(backend).await;
    let people = People::of(&server);
    let tenants = [people.tenant("One K.K.").await, people.tenant("Two K.K.").await];
    let replica = Database::connect(server.database.settings()).await.unwrap();
    let sealers: Vec<_> = [server.db(), &replica]
        .map(|db| {
            let sealer = Sealer::new(db.clone(), &server.master);
            tokio::spawn(async move { sealer.run().await })
        })
        .into();
    let writers = (0..WRITERS).map(|writer| {
        let (db, trace, tenant) = (if writer % 2 == 0 { server.db() } else { &replica }, Trace::system("a test", server.clock()), tenants[writer as usize / 4]);
        async move {
            for number in 0..EACH {
                change(db, &trace, tenant, number).await;
                if number % 5 == 0 {
                    // Some are slow to commit: they are written early and sealed late.
                    let tx = db.write(Access::Tenant(tenant)).await.unwrap();
                    Change::new("storeUpdate", tenant).subject(tenant).write(&tx, &trace).await.unwrap();
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    tx.commit().await.unwrap();
                }
            }
        }
    });
    futures::future::join_all(writers).await;
    sealers.iter().for_each(tokio::task::JoinHandle::abort);
    for report in sealed(&server).await {
        let expected = if report.chain.is_nil() { report.sealed } else { 1 + WRITERS / 2 * (EACH + EACH / 5) };
        assert_eq!((report.sealed, report.unsealed, report.broken), (expected, 0, None));
    }
    // Whoever has another key sees nothing but strangers' seals.
    assert!(verify(&replica, &MasterKey::random()).await.unwrap().iter().all(|report| report.broken.as_ref().is_some_and(|broken| broken.position == 1)));
}
