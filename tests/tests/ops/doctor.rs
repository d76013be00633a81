//! The doctor follows every chain and names the first broken link.

use std::sync::Arc;

use entities::TenantId;
use people::tenants::{NewTenant, TenantKeys, Tenants};
use platform::audit::Sealer;
use platform::callers::Origin;
use platform::crypto::{MasterKey, ensure_master_key};
use platform::db::Access;
use platform::{Caller, Change, Clock, Database, OpCtx, SystemClock, Trace};
use rstest::rstest;
use tests::harness::{Backend, TestDatabase, program};

use crate::log::Owner;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What the doctor says of the audit log, and whether all is well.
fn doctor(database: &TestDatabase) -> (Vec<String>, bool) {
    let mut command = program::command(database.folder());
    command.arg("doctor").env("DATABASE_URL", &database.settings().url).env("NOREN_DATABASE_ROLE", "noren_app").env("NOREN_MASTER_KEY", KEY);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (said.lines().filter(|line| line[7..].starts_with("audit:")).map(str::to_owned).collect(), output.status.success())
}

async fn changes(db: &Database, tenant: TenantId, number: usize) {
    let trace = Trace::system("a test", Arc::new(SystemClock));
    let tx = db.write(Access::Tenant(tenant)).await.unwrap();
    for _ in 0..number {
        Change::new("storeUpdate", tenant).subject(tenant).write(&tx, &trace).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_the_first_broken_link(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::migrated(backend).await;
    let (db, master) = (Database::connect(database.settings()).await.unwrap(), MasterKey::parse(&KEY.into()).unwrap());
    ensure_master_key(&db, &master, SystemClock.now()).await.unwrap();
    let ctx = OpCtx::new(db.clone(), Arc::new(SystemClock), Caller::System, None, Origin::default()).unwrap();
    let input = NewTenant { company_name: "Healthy K.K.".to_owned(), contact_email: "info@example.jp".to_owned(), ..NewTenant::default() };
    let tenant = Tenants::new(TenantKeys::new(master.clone())).create(&ctx, input, None).await.unwrap().id;
    // More than are read at once.
    changes(&db, tenant, 2_499).await;
    Sealer::new(db.clone(), &master).seal_all().await.unwrap();
    changes(&db, tenant, 2).await;
    let well = "ok     audit: 2500 entries in 1 chains sealed, 0 with their detail erased, 2 wait for their seal".to_owned();
    assert_eq!(doctor(&database), (vec![well], true));

    let owner = Owner::at(database.settings()).await;
    owner.without_triggers().await;
    owner.run("update audit_events set actor = 'somebody else' where position = 2001").await;
    let (said, well) = doctor(&database);
    assert!(!well && said.len() == 1, "{said:?}");
    let expected = format!("WRONG  audit: somebody changed the log of {tenant} behind the program's back: at position 2001 of 2500, auditevent_");
    assert!(said[0].starts_with(&expected) && said[0].contains("the entry is not what was sealed"), "{said:?}");

    owner.run("update audit_events set actor = 'a test' where position = 2001").await;
    changes(&db, tenant, 1_000).await;
    let (said, well) = doctor(&database);
    assert!(!well && said[0].contains("1002 entries wait for their seal"), "{said:?}");
}
