//! The one transaction type. It is opened, with its tenant, in a single round trip; dropped, it rolls back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use async_trait::async_trait;
use entities::TenantId;
use futures::lock::Mutex;
use migration::{IDENTITY_ROLE, IMPORT_ROLE, PLATFORM_ROLE, WORKER_ROLE};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::budget::Budget;
use super::signals::{Marks, Signals, Wake};

/// What the rows of a transaction are for; on PostgreSQL row-level security holds it to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// One tenant's rows.
    Tenant(TenantId),
    /// Every tenant's rows, for a platform administrator.
    Platform,
    /// Who is calling: users, sessions, links, tokens; no commerce.
    Identity,
    /// Writing the staging tables of imports.
    Import,
    /// What is done for all tenants: relay, jobs, sealer, usage; no commerce.
    Worker,
    /// Nothing that belongs to a tenant.
    Nobody,
}

impl Access {
    fn settings(self) -> String {
        match self {
            Self::Tenant(tenant) => format!("select set_config('noren.tenant_id', '{}', true)", tenant.uuid()),
            Self::Platform => format!("set local role {PLATFORM_ROLE}"),
            Self::Identity => format!("set local role {IDENTITY_ROLE}"),
            Self::Import => format!("set local role {IMPORT_ROLE}"),
            Self::Worker => format!("set local role {WORKER_ROLE}"),
            Self::Nobody => String::new(),
        }
    }
}

enum Inner {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

/// A transaction on one connection. Statements that are sent at once wait for each other.
pub struct Tx {
    inner: Mutex<Inner>,
    backend: DbBackend,
    statements: Arc<AtomicU64>,
    budget: Option<Arc<Budget>>,
    signals: Arc<Signals>,
    marks: Marks,
}

/// What all transactions of a database share.
#[derive(Clone, Default)]
pub(super) struct Shared {
    pub(super) statements: Arc<AtomicU64>,
    pub(super) signals: Arc<Signals>,
    /// The pool for what goes on beside requests.
    pub(super) background: Arc<std::sync::Mutex<Option<PgPool>>>,
    /// Connections that listen.
    pub(super) listening: Arc<AtomicU32>,
}

/// Why rows could not be copied in.
#[derive(Debug, thiserror::Error)]
#[error("cannot copy rows in: {0}")]
pub struct CopyError(#[from] sqlx::Error);

pub(super) fn storage(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn values(statement: &Statement) -> SqlxValues {
    SqlxValues(statement.values.clone().unwrap_or(Values(Vec::new())))
}

impl Tx {
    pub(super) async fn begin_postgres(pool: &PgPool, access: Access, read_only: bool, shared: Shared) -> Result<Self, DbErr> {
        let mode = if read_only { "begin isolation level repeatable read, read only" } else { "begin" };
        let (pool, begin) = (pool.clone(), AssertSqlSafe(format!("{mode};{}", access.settings())));
        // Whoever waits may be cancelled, BEGIN may not: it would leave an open transaction to the next user of the connection.
        let tx = tokio::spawn(async move { pool.begin_with(begin).await }).await.map_err(|error| DbErr::Custom(error.to_string()))?.map_err(storage)?;
        Ok(Self::new(Inner::Postgres(tx), DbBackend::Postgres, shared))
    }

    pub(super) async fn begin_sqlite(pool: &SqlitePool, read_only: bool, shared: Shared) -> Result<Self, DbErr> {
        // Deferred transactions that come to write lose against each other: writers say so at once.
        let mode = if read_only { "begin" } else { "begin immediate" };
        let tx = pool.begin_with(mode).await.map_err(storage)?;
        Ok(Self::new(Inner::Sqlite(tx), DbBackend::Sqlite, shared))
    }

    fn new(inner: Inner, backend: DbBackend, shared: Shared) -> Self {
        let Shared { statements, signals, .. } = shared;
        Self { inner: Mutex::new(inner), backend, statements, budget: None, signals, marks: Marks::default() }
    }

    /// Makes it so.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self.inner.into_inner() {
            Inner::Postgres(tx) => tx.commit().await,
            Inner::Sqlite(tx) => tx.commit().await,
        }
        .map_err(storage)?;
        self.signals.committed(&self.marks);
        Ok(())
    }

    /// Once it is committed, those who wait for work of this kind are woken.
    pub fn will_wake(&self, wake: Wake) {
        self.marks.set(wake);
    }

    /// Holds a lock of the whole database until the transaction ends; false when somebody else holds it. On SQLite whoever
    /// writes is alone.
    pub async fn try_lock(&self, key: i64) -> Result<bool, DbErr> {
        if self.backend == DbBackend::Sqlite {
            return Ok(true);
        }
        let statement = Statement::from_sql_and_values(self.backend, "select pg_try_advisory_xact_lock($1)", [key.into()]);
        self.query_one_raw(statement).await?.map_or(Ok(false), |row| row.try_get_by_index(0))
    }

    /// Narrows or moves what the rest of the transaction is for.
    pub async fn switch(&self, access: Access) -> Result<(), DbErr> {
        if self.backend == DbBackend::Postgres {
            // Never RESET ROLE: it would outlive the transaction, and hand the login role to whoever gets the connection next.
            self.execute_unprepared(&format!("set local role {}; set local noren.tenant_id = ''; {}", migration::APP_ROLE, access.settings())).await?;
        }
        Ok(())
    }

    /// Streams rows in with COPY (PostgreSQL only): `data` is in COPY's text format.
    pub async fn copy_in(&self, statement: &str, data: &[u8]) -> Result<u64, CopyError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        match &mut *self.inner.lock().await {
            Inner::Postgres(tx) => {
                let mut copy = tx.copy_in_raw(statement).await?;
                copy.send(data).await?;
                Ok(copy.finish().await?)
            }
            Inner::Sqlite(_) => Err(CopyError(sqlx::Error::Configuration("SQLite has no COPY".into()))),
        }
    }

    /// Holds the transaction to what is left of an operation's budget.
    pub(super) fn within(self, budget: Arc<Budget>) -> Self {
        Self { budget: Some(budget), ..self }
    }

    fn count(&self) -> Result<(), DbErr> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.budget.as_ref().map_or(Ok(()), |budget| budget.spend())
    }
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.count()?;
        let (sql, values) = (statement.sql.clone(), values(&statement));
        match &mut *self.inner.lock().await {
            Inner::Postgres(tx) => tx.execute(sqlx::query_with(AssertSqlSafe(sql), values)).await.map(Into::into),
            Inner::Sqlite(tx) => tx.execute(sqlx::query_with(AssertSqlSafe(sql), values)).await.map(Into::into),
        }
        .map_err(storage)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.count()?;
        match &mut *self.inner.lock().await {
            Inner::Postgres(tx) => tx.execute(AssertSqlSafe(sql)).await.map(Into::into),
            Inner::Sqlite(tx) => tx.execute(AssertSqlSafe(sql)).await.map(Into::into),
        }
        .map_err(storage)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.count()?;
        let (sql, values) = (statement.sql.clone(), values(&statement));
        match &mut *self.inner.lock().await {
            Inner::Postgres(tx) => tx.fetch_optional(sqlx::query_with(AssertSqlSafe(sql), values)).await.map(|row| row.map(Into::into)),
            Inner::Sqlite(tx) => tx.fetch_optional(sqlx::query_with(AssertSqlSafe(sql), values)).await.map(|row| row.map(Into::into)),
        }
        .map_err(storage)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.count()?;
        let (sql, values) = (statement.sql.clone(), values(&statement));
        match &mut *self.inner.lock().await {
            Inner::Postgres(tx) => tx.fetch_all(sqlx::query_with(AssertSqlSafe(sql), values)).await.map(|rows| rows.into_iter().map(Into::into).collect()),
            Inner::Sqlite(tx) => tx.fetch_all(sqlx::query_with(AssertSqlSafe(sql), values)).await.map(|rows| rows.into_iter().map(Into::into).collect()),
        }
        .map_err(storage)
    }
}
