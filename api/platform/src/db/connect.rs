//! Connecting: SQLite with one writer and several readers, PostgreSQL with one pool in the serving role.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use log::LevelFilter;
use migration::APP_ROLE;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, QueryResult, SqlxPostgresConnector, SqlxSqliteConnector, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgPool, SqlitePool};

use super::budget::Budget;
use super::signals::Signals;
use super::tx::{Access, Shared, Tx, storage};

/// Connections that are kept for single statements.
const LOOKUPS: u32 = 3;
/// Connections that listen to other replicas.
const LISTENERS: u32 = 1;
/// A connection that has been idle for longer is asked whether it lives.
const STILL: Duration = Duration::from_secs(1);

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// `sqlite:PATH` or `postgres://…`.
    pub url: String,
    /// Connections at most.
    pub max_connections: u32,
    /// The role to serve as on PostgreSQL; none means the URL's own.
    pub role: Option<String>,
    /// How long a statement may take on PostgreSQL; none means as long as it takes.
    pub statement_timeout: Option<Duration>,
    /// Whether PostgreSQL plans prepared statements each time: a queue that fills up from nothing would be read from its beginning to its end
    /// by plans that were made when it was empty.
    pub plans_anew: bool,
}

impl DatabaseSettings {
    /// Settings for a URL, with the serving role and a pool of ten.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), max_connections: 10, role: Some(APP_ROLE.to_owned()), statement_timeout: None, plans_anew: false }
    }

    /// The file of a SQLite database.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let rest = self.url.strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
    }

    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres://") || self.url.starts_with("postgresql://")
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Neither SQLite nor PostgreSQL.
    #[error("the database URL must begin with `sqlite:` or `postgres://`")]
    UnknownKind,
    /// The URL does not parse.
    #[error("the database URL is not valid: {0}")]
    Malformed(String),
    /// The serving role is not there: the database was never migrated.
    #[error("the database has no role `{0}` yet; run `noren migrate` (with DATABASE_OWNER_URL if the serving role may not create tables)")]
    RoleMissing(String),
    /// The login role may not become the serving role.
    #[error(
        "`{login}` may not serve as `{role}`: as a database administrator run `grant {role}, noren_platform, noren_identity, noren_import, noren_worker to {login}`"
    )]
    RoleForbidden {
        /// The role that logged in.
        login: String,
        /// The role to serve as.
        role: String,
    },
    /// The database does not answer, or refuses.
    #[error("cannot connect to the database: {0}")]
    Refused(String),
}

#[derive(Clone)]
enum Pools {
    Postgres { serving: PgPool, lookups: PgPool },
    Sqlite { writer: SqlitePool, readers: SqlitePool, lookups: SqlitePool },
}

/// What other replicas notify on one channel.
pub struct Notifications(PgListener, Arc<AtomicU32>);

impl Drop for Notifications {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Notifications {
    /// The next payload; none when the connection was lost and made again, and something may have been missed.
    pub async fn next(&mut self) -> Result<Option<String>, DbErr> {
        Ok(self.0.try_recv().await.map_err(storage)?.map(|notification| notification.payload().to_owned()))
    }
}

/// How busy a pool of connections is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolState {
    /// What it is for.
    pub name: &'static str,
    /// Connections that are open.
    pub open: u32,
    /// Open connections that nobody uses.
    pub idle: u32,
    /// Connections that it may open.
    pub most: u32,
}

fn pool_state<D: sqlx::Database>(name: &'static str, pool: &sqlx::Pool<D>) -> PoolState {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    PoolState { name, open: pool.size(), idle: idle.min(pool.size()), most: pool.options().get_max_connections() }
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pools: Pools,
    shared: Shared,
}

impl Database {
    /// Connects, and on PostgreSQL takes the serving role on every connection.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, ConnectError> {
        let pools = if settings.is_postgres() {
            let lookups = DatabaseSettings { max_connections: LOOKUPS, ..settings.clone() };
            Pools::Postgres { serving: connect_postgres(settings).await?, lookups: connect_postgres(&lookups).await? }
        } else if let Some(file) = settings.sqlite_file() {
            connect_sqlite(file, settings.max_connections).await?
        } else {
            return Err(ConnectError::UnknownKind);
        };
        Ok(Self { pools, shared: Shared::default() })
    }

    /// The same database for what goes on beside requests: on PostgreSQL with connections of its own, so that neither waits for
    /// the other's; what one leaves to be done wakes the other.
    pub async fn background(&self, settings: &DatabaseSettings) -> Result<Self, ConnectError> {
        let pools = match &self.pools {
            Pools::Postgres { lookups, .. } => {
                let serving = connect_postgres(settings).await?;
                *self.shared.background.lock().unwrap_or_else(PoisonError::into_inner) = Some(serving.clone());
                Pools::Postgres { serving, lookups: lookups.clone() }
            }
            Pools::Sqlite { .. } => self.pools.clone(),
        };
        Ok(Self { pools, shared: self.shared.clone() })
    }

    /// What commits wake in this process.
    pub fn signals(&self) -> &Signals {
        &self.shared.signals
    }

    /// Hears what other replicas notify (PostgreSQL only).
    pub async fn listen(&self, channel: &str) -> Result<Option<Notifications>, DbErr> {
        let Pools::Postgres { serving, .. } = &self.pools else { return Ok(None) };
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(serving.connect_options().as_ref().clone());
        let mut listener = PgListener::connect_with(&pool).await.map_err(storage)?;
        listener.listen(channel).await.map_err(storage)?;
        let listening = self.shared.listening.clone();
        listening.fetch_add(1, Ordering::Relaxed);
        Ok(Some(Notifications(listener, listening)))
    }

    /// Whether it is SQLite or PostgreSQL.
    pub fn backend(&self) -> DbBackend {
        match self.pools {
            Pools::Postgres { .. } => DbBackend::Postgres,
            Pools::Sqlite { .. } => DbBackend::Sqlite,
        }
    }

    /// A snapshot to read from: what one request sees is of one moment.
    pub async fn read(&self, access: Access) -> Result<Tx, DbErr> {
        match &self.pools {
            Pools::Postgres { serving, .. } => Tx::begin_postgres(serving, access, true, self.shared.clone()).await,
            Pools::Sqlite { readers, .. } => Tx::begin_sqlite(readers, true, self.shared.clone()).await,
        }
    }

    /// The same snapshot, held to what is left of an operation's budget.
    pub async fn read_within(&self, access: Access, budget: Arc<Budget>) -> Result<Tx, DbErr> {
        Ok(self.read(access).await?.within(budget))
    }

    /// A transaction that writes.
    pub async fn write(&self, access: Access) -> Result<Tx, DbErr> {
        match &self.pools {
            Pools::Postgres { serving, .. } => Tx::begin_postgres(serving, access, false, self.shared.clone()).await,
            Pools::Sqlite { writer, .. } => Tx::begin_sqlite(writer, false, self.shared.clone()).await,
        }
    }

    /// The pool as SeaORM sees it: for single statements that name no tenant, and for migrations. On SQLite, the writer.
    pub fn pool(&self) -> DatabaseConnection {
        match &self.pools {
            Pools::Postgres { serving, .. } => SqlxPostgresConnector::from_sqlx_postgres_pool(serving.clone()),
            Pools::Sqlite { writer, .. } => SqlxSqliteConnector::from_sqlx_sqlite_pool(writer.clone()),
        }
    }

    /// The pool for single statements that only read, such as who is calling: it answers while others hold all the rest.
    pub fn read_pool(&self) -> DatabaseConnection {
        match &self.pools {
            Pools::Postgres { lookups, .. } => SqlxPostgresConnector::from_sqlx_postgres_pool(lookups.clone()),
            Pools::Sqlite { lookups, .. } => SqlxSqliteConnector::from_sqlx_sqlite_pool(lookups.clone()),
        }
    }

    /// How busy each pool is, with what goes on beside requests.
    pub fn pools(&self) -> Vec<PoolState> {
        match &self.pools {
            Pools::Postgres { serving, lookups } => {
                let background = self.shared.background.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let listener = PoolState { name: "listener", open: self.shared.listening.load(Ordering::Relaxed), idle: 0, most: LISTENERS };
                let background = background.map(|background| [pool_state("background", &background), listener]);
                [pool_state("serving", serving), pool_state("lookups", lookups)].into_iter().chain(background.into_iter().flatten()).collect()
            }
            Pools::Sqlite { writer, readers, lookups } => {
                vec![pool_state("writer", writer), pool_state("readers", readers), pool_state("lookups", lookups)]
            }
        }
    }

    /// How many statements transactions have run since the start.
    pub fn statements(&self) -> u64 {
        self.shared.statements.load(Ordering::Relaxed)
    }

    /// Runs one statement of the product's own text.
    pub fn statement(&self, sql: impl Into<String>, values: impl IntoIterator<Item = sea_orm::Value>) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }

    /// Ends all connections, after what runs on them.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Postgres { serving, lookups } => {
                lookups.close().await;
                serving.close().await;
            }
            Pools::Sqlite { writer, readers, lookups } => {
                lookups.close().await;
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

async fn connect_postgres(settings: &DatabaseSettings) -> Result<PgPool, ConnectError> {
    let options = PgConnectOptions::from_str(&settings.url)
        .map_err(|error| ConnectError::Malformed(error.to_string()))?
        .application_name("noren")
        .log_slow_statements(LevelFilter::Warn, Duration::from_secs(1))
        // A client that hangs up in the middle of BEGIN must not leave a transaction behind for good.
        .options([("idle_in_transaction_session_timeout", 60_000), ("statement_timeout", settings.statement_timeout.map_or(0, |limit| limit.as_millis()))])
        .options([("plan_cache_mode", if settings.plans_anew { "force_custom_plan" } else { "auto" })]);
    let login = options.get_username().to_owned();
    // A pool would try again until its time is over, and then not say why.
    let first = options.clone().connect().await.map_err(|error| ConnectError::Refused(error.to_string()))?;
    let _ = sqlx::Connection::close(first).await;
    let take_role = settings.role.as_ref().map(|role| format!("set role {}", quoted(role)));
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        // A connection that has lain still may have died with the server; a busy one is not asked.
        .before_acquire(|connection, meta| Box::pin(async move { Ok(meta.idle_for < STILL || sqlx::Connection::ping(connection).await.is_ok()) }))
        .after_connect(move |connection, _| {
            let take_role = take_role.clone();
            Box::pin(async move {
                if let Some(sql) = take_role {
                    connection.execute(AssertSqlSafe(sql)).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .map_err(|error| role_error(settings, &login, error))?;
    Ok(pool)
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

fn role_error(settings: &DatabaseSettings, login: &str, error: sqlx::Error) -> ConnectError {
    let role = settings.role.clone().unwrap_or_default();
    match error.as_database_error().and_then(|e| e.code()).as_deref() {
        Some("22023") => ConnectError::RoleMissing(role),
        Some("42501") => ConnectError::RoleForbidden { login: login.to_owned(), role },
        _ => ConnectError::Refused(error.to_string()),
    }
}

async fn connect_sqlite(file: PathBuf, max_connections: u32) -> Result<Pools, ConnectError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was acknowledged survives a power cut as well: WAL alone would not promise it.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .log_slow_statements(LevelFilter::Warn, Duration::from_secs(1));
    let refused = |error: sqlx::Error| ConnectError::Refused(error.to_string());
    // Customers' data is for nobody else on the machine; SQLite gives the files beside it the same mode.
    let mut private = std::fs::OpenOptions::new();
    private.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
    private.open(options.get_filename()).map_err(|error| ConnectError::Refused(format!("{}: {error}", options.get_filename().display())))?;
    // The writer comes first: it makes the file and sets WAL.
    let writer = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(30)).connect_with(options.clone()).await.map_err(refused)?;
    let readers = SqlitePoolOptions::new().max_connections(max_connections).test_before_acquire(false).connect_with(options.clone()).await.map_err(refused)?;
    let lookups = SqlitePoolOptions::new().max_connections(LOOKUPS).test_before_acquire(false).connect_with(options).await.map_err(refused)?;
    Ok(Pools::Sqlite { writer, readers, lookups })
}

impl Database {
    /// One row of a single statement outside any transaction.
    pub async fn query_one(&self, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) -> Result<Option<QueryResult>, DbErr> {
        self.shared.statements.fetch_add(1, Ordering::Relaxed);
        let values = SqlxValues(Values(values.into_iter().collect()));
        let sql = AssertSqlSafe(sql.to_owned());
        match &self.pools {
            Pools::Postgres { lookups, .. } => lookups.fetch_optional(sqlx::query_with(sql, values)).await.map(|row| row.map(Into::into)),
            Pools::Sqlite { lookups, .. } => lookups.fetch_optional(sqlx::query_with(sql, values)).await.map(|row| row.map(Into::into)),
        }
        .map_err(storage)
    }

    /// All rows of a single statement outside any transaction.
    pub async fn query_all(&self, sql: &str, values: impl IntoIterator<Item = sea_orm::Value>) -> Result<Vec<QueryResult>, DbErr> {
        self.shared.statements.fetch_add(1, Ordering::Relaxed);
        self.read_pool().query_all_raw(self.statement(sql, values)).await
    }
}
