//! The one transaction type. It is opened, with its tenant, in a single round trip; dropped, it rolls back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use entities::TenantId;
use futures::lock::Mutex;
use migration::{IDENTITY_ROLE, IMPORT_ROLE, PLATFORM_ROLE};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use super::budget::Budget;

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
    pub(super) async fn begin_postgres(pool: &PgPool, access: Access, read_only: bool, statements: Arc<AtomicU64>) -> Result<Self, DbErr> {
        let mode = if read_only { "begin isolation level repeatable read, read only" } else { "begin" };
        let tx = pool.begin_with(AssertSqlSafe(format!("{mode};{}", access.settings()))).await.map_err(storage)?;
        Ok(Self { inner: Mutex::new(Inner::Postgres(tx)), backend: DbBackend::Postgres, statements, budget: None })
    }

    pub(super) async fn begin_sqlite(pool: &SqlitePool, read_only: bool, statements: Arc<AtomicU64>) -> Result<Self, DbErr> {
        // Deferred transactions that come to write lose against each other: writers say so at once.
        let mode = if read_only { "begin" } else { "begin immediate" };
        let tx = pool.begin_with(mode).await.map_err(storage)?;
        Ok(Self { inner: Mutex::new(Inner::Sqlite(tx)), backend: DbBackend::Sqlite, statements, budget: None })
    }

    /// Makes it so.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self.inner.into_inner() {
            Inner::Postgres(tx) => tx.commit().await,
            Inner::Sqlite(tx) => tx.commit().await,
        }
        .map_err(storage)
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
