//! The doctor says how long the versions are kept that the program and its connections speak.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeDelta};
use entities::TenantId;
use integrations::shopify::API_VERSION;
use people::connections::{Connections, NewConnection};
use people::tenants::{NewTenant, TenantKeys, Tenants};
use platform::callers::Origin;
use platform::crypto::{MasterKey, ensure_master_key};
use platform::{Caller, Clock, Database, OpCtx, SystemClock};
use rstest::rstest;
use tests::harness::replicas::MASTER_KEY;
use tests::harness::{Backend, TestDatabase, program};

fn doctor(database: &TestDatabase) -> (Vec<String>, bool) {
    let mut command = program::command(database.folder());
    command.arg("doctor").env("DATABASE_URL", &database.settings().url).env("NOREN_DATABASE_ROLE", "noren_app").env("NOREN_MASTER_KEY", MASTER_KEY);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (said.lines().filter(|line| line[7..].starts_with("API versions:")).map(str::to_owned).collect(), output.status.success())
}

fn version(released: NaiveDate) -> String {
    released.format("%Y-%m").to_string()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_ends_soon_or_has_ended_is_told_with_what_to_do(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::migrated(backend).await;
    let (db, master) = (Database::connect(database.settings()).await.unwrap(), MasterKey::parse(&MASTER_KEY.into()).unwrap());
    ensure_master_key(&db, &master, SystemClock.now()).await.unwrap();
    let ctx = || OpCtx::new(db.clone(), Arc::new(SystemClock), Caller::System, None, Origin::default()).unwrap();
    let input = NewTenant { company_name: "Noren Tea".to_owned(), contact_email: "info@example.jp".to_owned(), ..NewTenant::default() };
    let tenant: TenantId = Tenants::new(TenantKeys::new(master.clone())).create(&ctx(), input, None).await.unwrap().id;
    let connect = async |version: String| {
        let input = NewConnection {
            tenant: Some(tenant),
            provider: "shopify".to_owned(),
            name: version.clone(),
            account: None,
            webhook_secret: "hush".into(),
            scopes: Vec::new(),
            api_version: Some(version),
        };
        Connections::new(TenantKeys::new(master.clone())).create(&ctx(), input, None).await.unwrap().id
    };
    let (well, fine) = doctor(&database);
    assert!(fine && well.len() == 1 && well[0].contains(&format!("the program speaks {API_VERSION} of shopify")), "{well:?}");

    let month = SystemClock.now().date_naive().with_day(1).unwrap();
    let soon = month.with_year(month.year() - 1).unwrap() + TimeDelta::days(62);
    let soon = soon.with_day(1).unwrap();
    let near = connect(version(soon)).await;
    let later = connect(version(month)).await;
    let (said, fine) = doctor(&database);
    assert!(fine, "what is well for now is no fault: {said:?}");
    let line = |said: &[String], of: &str| said.iter().find(|line| line.contains(of)).unwrap().clone();
    let told = line(&said, &near.to_string());
    let end = soon.with_year(soon.year() + 1).unwrap();
    assert!(told.starts_with("soon ") && told.contains(&format!("kept until {end} at least")) && told.contains("connectionUpdate"), "{told}");
    assert!(line(&said, &later.to_string()).starts_with("ok "), "{said:?}");

    let ended = connect("2025-01".to_owned()).await;
    let (said, fine) = doctor(&database);
    let told = line(&said, &ended.to_string());
    assert!(!fine && told.starts_with("WRONG") && told.contains("since 2026-01-01") && told.contains("another one answers instead"), "{told}");
}
