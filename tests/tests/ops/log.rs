//! The audit log as the database holds it, and whoever owns the database.

use entities::TenantId;
use platform::audit::{BrokenLink, ChainReport, Sealer, verify};
use platform::db::{Access, DatabaseSettings};
use sea_orm::ConnectionTrait;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tests::harness::Server;
use uuid::Uuid;

/// An entry with its detail.
#[derive(Debug)]
pub struct Entry {
    pub tenant: Option<TenantId>,
    pub actor: String,
    pub action: String,
    pub subject: Option<String>,
    pub outcome: String,
    pub request_id: Option<String>,
    pub detail: Option<String>,
}

impl Entry {
    /// The detail as JSON.
    pub fn told(&self) -> serde_json::Value {
        self.detail.as_deref().map_or(serde_json::Value::Null, |detail| serde_json::from_str(detail).unwrap())
    }
}

/// How many entries were ever written.
pub async fn written(server: &Server) -> i64 {
    let (db, tx) = (server.db(), server.db().read(Access::Platform).await.unwrap());
    tx.query_one_raw(db.statement("select coalesce(max(seq), 0) from audit_events", [])).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

/// The entries that were written since.
pub async fn since(server: &Server, seq: i64) -> Vec<Entry> {
    let (db, tx) = (server.db(), server.db().read(Access::Platform).await.unwrap());
    let sql = "select e.tenant_id, e.actor, e.action, e.subject, e.outcome, e.request_id, d.detail
               from audit_events e join audit_details d on d.audit_id = e.id where e.seq > $1 order by e.seq";
    let rows = tx.query_all_raw(db.statement(sql, [seq.into()])).await.unwrap();
    let entry = |row: &sea_orm::QueryResult| Entry {
        tenant: row.try_get_by_index(0).unwrap(),
        actor: row.try_get_by_index(1).unwrap(),
        action: row.try_get_by_index(2).unwrap(),
        subject: row.try_get_by_index(3).unwrap(),
        outcome: row.try_get_by_index(4).unwrap(),
        request_id: row.try_get_by_index(5).unwrap(),
        detail: row.try_get_by_index(6).unwrap(),
    };
    rows.iter().map(entry).collect()
}

/// Seals what waits, and follows all chains.
pub async fn sealed(server: &Server) -> Vec<ChainReport> {
    Sealer::new(server.db().clone(), &server.master).seal_all().await.unwrap();
    verify(server.db(), &server.master).await.unwrap()
}

/// The first broken link of a tenant's chain.
pub async fn broken(server: &Server, tenant: TenantId) -> Option<BrokenLink> {
    let reports = verify(server.db(), &server.master).await.unwrap();
    assert!(reports.iter().all(|report| report.broken.is_none() || report.chain == tenant.uuid()), "{reports:?}");
    reports.into_iter().find(|report| report.chain == tenant.uuid()).expect("the tenant's chain").broken
}

/// Whoever owns the database: no policy and no grant holds them, and they can take the triggers away.
pub enum Owner {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Owner {
    pub async fn of(server: &Server) -> Self {
        Self::at(server.database.settings()).await
    }

    pub async fn at(settings: &DatabaseSettings) -> Self {
        match settings.sqlite_file() {
            Some(file) if !settings.is_postgres() => Self::Sqlite(SqlitePool::connect(&format!("sqlite:{}", file.display())).await.unwrap()),
            _ => Self::Postgres(PgPool::connect(&settings.url).await.unwrap()),
        }
    }

    pub async fn run(&self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(pool) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
            Self::Sqlite(pool) => sqlx::raw_sql(sql).execute(pool).await.map(drop),
        }
        .unwrap();
    }

    /// An id as this database writes it.
    pub fn id(&self, id: Uuid) -> String {
        match self {
            Self::Postgres(_) => format!("'{id}'"),
            Self::Sqlite(_) => format!("x'{}'", id.simple()),
        }
    }

    /// Takes the triggers away.
    pub async fn without_triggers(&self) {
        match self {
            Self::Postgres(_) => self.run("alter table audit_events disable trigger user; alter table audit_details disable trigger user").await,
            Self::Sqlite(_) => {
                for name in ["audit_events_sealed", "audit_events_kept", "audit_details_erased", "audit_details_kept"] {
                    self.run(&format!("drop trigger {name}")).await;
                }
            }
        }
    }
}
