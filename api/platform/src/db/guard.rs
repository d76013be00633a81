//! Whether the serving role could see past row-level security. If it could, the program does not serve.

use migration::{IMPORT_ROLE, PLATFORM_ROLE};
use sea_orm::DbErr;

use super::Database;

/// A way in which the serving role is too strong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleProblem {
    /// Superusers pass every policy.
    #[error("role `{0}` is a superuser, which passes row-level security; serve as `noren_app` (database_role) or another plain role")]
    Superuser(String),
    /// BYPASSRLS passes every policy.
    #[error("role `{0}` has BYPASSRLS, which passes row-level security; run `alter role {0} nobypassrls` or serve as `noren_app`")]
    BypassesRls(String),
    /// Owners may switch row-level security off.
    #[error("role `{role}` owns {tables}, and could switch row-level security off; serve as `noren_app`, migrate as the owner (DATABASE_OWNER_URL)")]
    Owner {
        /// The role.
        role: String,
        /// What it owns.
        tables: String,
    },
    /// Rights of the platform role must be taken for a transaction, never be inherited.
    #[error("role `{0}` inherits `{1}`, which sees more than one tenant; run `revoke {1} from {0}`")]
    Inherits(String, &'static str),
    /// A policy that opens what the migrations lock.
    #[error("table `{table}` has a policy `{policy}` of somebody else's, which lets `{role}` see more; run `drop policy {policy} on {table}`")]
    ForeignPolicy {
        /// The table.
        table: String,
        /// The policy.
        policy: String,
        /// The role that it is for.
        role: String,
    },
    /// A table without its lock.
    #[error("table `{0}` has no forced row-level security; run `noren migrate`")]
    Unprotected(String),
}

/// Everything that is wrong with the serving role and the tables. Always empty on SQLite, which has neither.
pub async fn check_role(db: &Database) -> Result<Vec<RoleProblem>, DbErr> {
    if super::is_sqlite(db.backend()) {
        return Ok(Vec::new());
    }
    let sql = "select current_user::text, r.rolsuper, r.rolbypassrls,
                 (select string_agg(c.relname, ', ' order by c.relname) from pg_class c where c.relkind = 'r' and c.relowner = r.oid and c.relnamespace = 'public'::regnamespace)
               from pg_roles r where r.rolname = current_user";
    let row = db.query_one(sql, []).await?.ok_or_else(|| DbErr::Custom("the serving role is not in pg_roles".into()))?;
    let role: String = row.try_get_by_index(0)?;
    let mut problems = Vec::new();
    if row.try_get_by_index::<bool>(1)? {
        return Ok(vec![RoleProblem::Superuser(role)]);
    }
    if row.try_get_by_index::<bool>(2)? {
        problems.push(RoleProblem::BypassesRls(role.clone()));
    }
    if let Some(tables) = row.try_get_by_index::<Option<String>>(3)? {
        problems.push(RoleProblem::Owner { role: role.clone(), tables });
    }
    for strong in [PLATFORM_ROLE, migration::IDENTITY_ROLE, IMPORT_ROLE, migration::WORKER_ROLE] {
        let sql = "select coalesce((select pg_has_role(current_user, oid, 'usage') from pg_roles where rolname = $1), false)";
        let inherits = match db.query_one(sql, [strong.into()]).await? {
            Some(row) => row.try_get_by_index::<bool>(0)?,
            None => false,
        };
        if inherits {
            problems.push(RoleProblem::Inherits(role.clone(), strong));
        }
    }
    problems.extend(foreign_policies(db, &role).await?);
    problems.extend(unprotected_tables(db).await?.into_iter().map(RoleProblem::Unprotected));
    Ok(problems)
}

/// Policies for the serving role that are not the migrations' own, or are not held to the tenant's setting.
async fn foreign_policies(db: &Database, role: &str) -> Result<Vec<RoleProblem>, DbErr> {
    let sql = "select tablename::text, policyname::text from pg_policies
               where schemaname = 'public' and permissive = 'PERMISSIVE' and roles && array[$1::name, 'public'::name]
                 and not (policyname = 'tenant' and (qual like '%noren.tenant_id%' or qual like '%tenant_memberships%'))
               order by 1, 2";
    let rows = db.query_all(sql, [role.into()]).await?;
    let problem = |row: &sea_orm::QueryResult| {
        Ok(RoleProblem::ForeignPolicy { table: row.try_get_by_index(0)?, policy: row.try_get_by_index(1)?, role: role.to_owned() })
    };
    rows.iter().map(problem).collect()
}

/// The tables with a `tenant_id` whose row-level security is not forced. Staging tables belong to the import role, see `migration`.
pub async fn unprotected_tables(db: &Database) -> Result<Vec<String>, DbErr> {
    let sql = "select c.relname::text from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
               join pg_roles o on o.oid = c.relowner
               where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname <> 'one_time_links'
                 and not (c.relrowsecurity and (c.relforcerowsecurity or o.rolname = $1))
               order by 1";
    let rows = db.query_all(sql, [IMPORT_ROLE.into()]).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
