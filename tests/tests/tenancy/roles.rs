//! The program does not serve in a role that could pass the second lock, and says what to do instead.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use sqlx::{AssertSqlSafe, PgPool};
use tests::harness::{Backend, TestDatabase, program};

/// Starts the program as a role, and gives back what it said and whether it serves.
fn start(database: &TestDatabase, url: &str, role: &str) -> (bool, String) {
    let mut child = program::command(database.folder())
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", url)
        .env("NOREN_DATABASE_ROLE", role)
        .env("NOREN_MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut output = BufReader::new(child.stderr.take().unwrap());
    while output.read_line(&mut said).unwrap() > 0 {
        if said.contains("listening") {
            child.kill().unwrap();
            child.wait().unwrap();
            return (true, said);
        }
    }
    output.read_to_string(&mut said).unwrap();
    assert!(!child.wait().unwrap().success(), "{said}");
    (false, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_could_pass_row_level_security_does_not_serve() {
    let database = TestDatabase::migrated(Backend::Postgres).await;
    let owner = PgPool::connect(&database.settings().url).await.unwrap();
    let run = async |sql: String| sqlx::raw_sql(AssertSqlSafe(sql)).execute(&owner).await.unwrap();
    let name = |kind: &str| format!("noren_test_{kind}_{:x}", rand::random::<u32>());
    let (plain, bypass, owns, inherits) = (name("plain"), name("bypass"), name("owns"), name("inherits"));
    for role in [&plain, &bypass, &owns, &inherits] {
        run(format!("create role {role} login; grant noren_app to {role}")).await;
    }
    run(format!("alter role {bypass} bypassrls; alter table customers owner to {owns}; grant noren_platform to {inherits}")).await;
    run(format!("grant noren_platform, noren_identity, noren_import, noren_worker to {plain}")).await;

    let as_role = |role: &str| {
        let mut url = url::Url::parse(&database.settings().url).unwrap();
        url.set_username(role).unwrap();
        url.to_string()
    };
    let superuser = start(&database, &database.settings().url, "none");
    let bypasses = start(&database, &as_role(&bypass), "none");
    let owned = start(&database, &as_role(&owns), "none");
    let inherited = start(&database, &as_role(&inherits), "none");
    let serves = start(&database, &as_role(&plain), "noren_app");
    let narrowed = start(&database, &database.settings().url, "noren_app");
    for role in [&plain, &bypass, &owns, &inherits] {
        run(format!("reassign owned by {role} to current_user; drop owned by {role}; drop role {role}")).await;
    }

    let refused = |(serves, said): &(bool, String), what: &[&str]| {
        assert!(!serves, "{said}");
        what.iter().for_each(|words| assert!(said.contains(words), "`{words}` is not in: {said}"));
    };
    refused(&superuser, &["is a superuser", "serve as `noren_app`"]);
    refused(&bypasses, &["has BYPASSRLS", &format!("alter role {bypass} nobypassrls")]);
    refused(&owned, &["owns customers", "DATABASE_OWNER_URL"]);
    refused(&inherited, &["inherits `noren_platform`", &format!("revoke noren_platform from {inherits}")]);
    assert!(serves.0 && narrowed.0, "whoever logs in, noren_app serves: {serves:?} {narrowed:?}");
}
