//! A database to measure on, always with the same rows.

use std::process::Command;

use entities::TenantId;
use platform::db::DatabaseSettings;
use sqlx::{Executor, PgPool};
use uuid::Uuid;

use super::Outcome;
use super::cases::{Ask, Case};
use super::child::noren;
use crate::harness::{Backend, TestDatabase};

/// A tenant that has nothing.
const TENANT: &str = "insert into tenants (id, company_name, company_name_key, search_text, contact_email, status, time_zone, locale, created_at, updated_at) \
     values (gen_random_uuid(), 'Tenant', 'tenant', 'tenant', 'owner@example.com', 'ACTIVE', 'Asia/Tokyo', 'ja', now(), now())";
/// How many different requests a case has.
const ASKS: i64 = 100;

/// The database, and who asks it.
pub struct Data {
    database: TestDatabase,
    master_key: String,
    /// The tenant whose administrator asks.
    pub tenant: TenantId,
    /// The administrator's token.
    pub token: String,
    pool: PgPool,
}

impl Data {
    /// Makes and fills a database; it goes when this is dropped.
    pub async fn new() -> Outcome<Self> {
        Self::with(include_str!("data.sql")).await
    }

    /// A database with a tenant and nothing else.
    pub async fn bare() -> Outcome<Self> {
        Self::with(TENANT).await
    }

    async fn with(rows: &'static str) -> Outcome<Self> {
        let database = TestDatabase::migrated(Backend::Postgres).await;
        let DatabaseSettings { url, .. } = database.settings();
        let pool = PgPool::connect(url).await?;
        pool.execute(rows).await?;
        pool.execute("vacuum analyze").await?;
        let tenant: Uuid = sqlx::query_scalar("select id from tenants order by company_name limit 1").fetch_one(&pool).await?;
        let master_key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, rand::random::<[u8; 32]>());
        let mut data = Self { database, master_key, tenant: tenant.into(), token: String::new(), pool };
        let tenant = data.tenant.to_string();
        let made = data.noren()?.args(["token", "create", "--role", "tenant-admin", "--tenant", &tenant]).output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned().into());
        }
        data.token = String::from_utf8(made.stdout)?.trim().to_owned();
        Ok(data)
    }

    /// The product on this database.
    pub fn noren(&self) -> Outcome<Command> {
        let mut command = Command::new(noren()?);
        command.env("DATABASE_URL", self.url()).env("NOREN_MASTER_KEY", &self.master_key).current_dir(self.database.folder());
        Ok(command)
    }

    /// The address of the database, for a role that no policy holds.
    pub fn url(&self) -> &str {
        &self.database.settings().url
    }

    /// Connections to it, of the same role.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A folder that goes with the database.
    pub fn folder(&self) -> &std::path::Path {
        self.database.folder()
    }

    /// The requests of a case.
    pub async fn asks(&self, case: Case) -> Outcome<Vec<Ask>> {
        let tenant = self.tenant.uuid();
        Ok(match case {
            Case::Order => {
                let ids = sqlx::query_scalar("select id from orders where tenant_id = $1 order by md5(id::text) limit $2");
                ids.bind(tenant).bind(ASKS).fetch_all(&self.pool).await?.into_iter().map(Ask::Order).collect()
            }
            Case::Page => {
                let instants = sqlx::query_scalar(
                    "select processed_at from orders where tenant_id = $1 and processed_at > (select min(processed_at) from orders) + interval '7 days'
                     order by md5(id::text) limit $2",
                );
                instants.bind(tenant).bind(ASKS).fetch_all(&self.pool).await?.into_iter().map(Ask::Page).collect()
            }
            Case::Store => {
                let ids = sqlx::query_scalar("select id from stores where tenant_id = $1");
                ids.bind(tenant).fetch_all(&self.pool).await?.into_iter().map(Ask::Store).collect()
            }
        })
    }

    /// Lets go of the database.
    pub async fn close(self) {
        self.pool.close().await;
    }
}
