//! A new database for each test; it goes when the test ends.

use std::sync::atomic::{AtomicU32, Ordering};

use platform::db::DatabaseSettings;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// The server that tests make their databases on, as a role that may make them.
pub fn postgres_url() -> String {
    std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

/// A database of one test's own.
pub struct TestDatabase {
    settings: DatabaseSettings,
    name: Option<String>,
    _folder: tempfile::TempDir,
}

impl TestDatabase {
    /// An empty database.
    pub async fn empty(backend: Backend) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        if backend == Backend::Sqlite {
            let settings = DatabaseSettings::new(format!("sqlite:{}", folder.path().join("noren.db").display()));
            return Self { settings, name: None, _folder: folder };
        }
        let name = format!("noren_test_{}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed), rand::random::<u32>());
        admin(&format!("create database {name}")).await;
        let mut url = url::Url::parse(&postgres_url()).expect("TEST_POSTGRES_URL is a URL");
        url.set_path(&name);
        Self { settings: DatabaseSettings { max_connections: 5, ..DatabaseSettings::new(url) }, name: Some(name), _folder: folder }
    }

    /// A database in the program's shape.
    pub async fn migrated(backend: Backend) -> Self {
        let database = Self::empty(backend).await;
        platform::db::migrate(&database.settings).await.expect("migrations run");
        database
    }

    /// How to reach it.
    pub fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }

    /// The folder of the test, beside the database file on SQLite.
    pub fn folder(&self) -> &std::path::Path {
        self._folder.path()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            // Tests run in runtimes of their own; a thread of its own can wait.
            let drop = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(admin(&format!("drop database if exists {name} with (force)")));
            });
            let _ = drop.join();
        }
    }
}

/// Attempts, a tenth of a second apart, while others are in the way.
const ATTEMPTS: u32 = 100;
/// Another session copies the template.
const IN_USE: &str = "55006";
/// Every connection that the server has is taken.
const NO_CONNECTION_LEFT: &str = "53300";

async fn admin(sql: &str) {
    for _ in 0..ATTEMPTS {
        let failed = match PgConnection::connect(&postgres_url()).await {
            Ok(mut connection) => connection.execute(AssertSqlSafe(sql.to_owned())).await.map(drop),
            Err(error) => Err(error),
        };
        match failed {
            Ok(()) => return,
            Err(error) if error.as_database_error().and_then(|error| error.code()).is_some_and(|code| [IN_USE, NO_CONNECTION_LEFT].contains(&&*code)) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{sql}: {error}; TEST_POSTGRES_URL names the PostgreSQL server for the tests"),
        }
    }
    panic!("{sql}: the PostgreSQL server is too busy");
}
