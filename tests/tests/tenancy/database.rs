//! The second lock: PostgreSQL answers a tenant's transaction with the tenant's rows alone, whatever it is asked.

use std::collections::BTreeMap;

use entities::TenantId;
use platform::db::Access;
use platform::{Database, DbErr};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sqlx::{AssertSqlSafe, PgPool};
use tests::harness::{Backend, Side, Town};
use uuid::Uuid;

/// Tables whose rows nobody but the identity room may read.
const CLOSED: [&str; 1] = ["one_time_links"];

type Columns = BTreeMap<String, Vec<(String, String)>>;

/// Every table that bears `tenant_id`, with its columns and their types.
async fn tables(owner: &PgPool) -> Columns {
    let sql = "select table_name::text, column_name::text, data_type::text from information_schema.columns c
               where table_schema = 'public' and is_identity = 'NO' and (is_nullable = 'NO' or column_name = 'tenant_id') order by 1, 2";
    let mut found = Columns::new();
    for (table, column, kind) in sqlx::query_as::<_, (String, String, String)>(sql).fetch_all(owner).await.unwrap() {
        found.entry(table).or_default().push((column, kind));
    }
    found.retain(|_, columns| columns.iter().any(|(name, _)| name == "tenant_id"));
    found
}

/// Tables whose rows others refer to, by the column that does: their row of a side has an id that can be told.
const REFERRED: [(&str, &str); 2] = [("connections", "connection_id"), ("webhook_endpoints", "endpoint_id")];

/// The id of a side's row in a table of [`REFERRED`].
fn told(table: &str, side: &Side) -> Uuid {
    Uuid::from_u128(side.tenant.uuid().as_u128() ^ table.len() as u128)
}

/// A row of a tenant in any table: references are its own, everything else is the least that the column takes.
fn row(table: &str, columns: &[(String, String)], side: &Side) -> String {
    let own = |name: &str| match name {
        "tenant_id" => side.tenant.uuid(),
        "store_id" => side.store(0).uuid(),
        "user_id" => side.spare.id.uuid(),
        "product_id" => side.stores[0].products[0].id.uuid(),
        "order_id" => side.stores[0].orders[0].id.uuid(),
        "run_id" => side.sync_runs[0].uuid(),
        "id" if REFERRED.iter().any(|(referred, _)| *referred == table) => told(table, side),
        name if REFERRED.iter().any(|(_, column)| *column == name) => {
            REFERRED.iter().find(|(_, column)| *column == name).map(|(table, _)| told(table, side)).unwrap()
        }
        _ => Uuid::from_u128(rand::random()),
    };
    let value = |(name, kind): &(String, String)| match kind.as_str() {
        "uuid" => format!("'{}'::uuid", own(name)),
        "boolean" => "false".to_owned(),
        "bigint" | "integer" => "1".to_owned(),
        "jsonb" | "json" => "'[]'::jsonb".to_owned(),
        "bytea" => format!("'\\x{:032x}'::bytea", rand::random::<u128>()),
        "timestamp with time zone" => "now()".to_owned(),
        // The words that a status may be differ from table to table; text is free in the database.
        _ => format!("'{:x}'", rand::random::<u64>()),
    };
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<String> = columns.iter().map(value).collect();
    format!("insert into {table} ({}) values ({})", names.join(", "), values.join(", "))
}

async fn count(db: &Database, access: Access, sql: &str) -> Result<i64, DbErr> {
    let tx = db.read(access).await?;
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?.expect("a count");
    row.try_get_by_index(0)
}

async fn execute(db: &Database, tenant: TenantId, sql: &str) -> Result<u64, DbErr> {
    let tx = db.write(Access::Tenant(tenant)).await?;
    let done = tx.execute_unprepared(sql).await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}

/// Refused by a policy or for want of a grant.
fn is_refused<T>(result: &Result<T, DbErr>) -> bool {
    let words = ["row-level security", "permission denied", "is append-only"];
    matches!(result, Err(error) if words.iter().any(|word| error.to_string().contains(word)))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_filter_postgresql_shows_and_takes_a_tenants_rows_alone() {
    let town = Town::new(Backend::Postgres, 2).await;
    let owner = PgPool::connect(&town.server.database.settings().url).await.unwrap();
    let tables = tables(&owner).await;
    assert!(tables.len() >= 17, "{:?}", tables.keys());
    let (ours, theirs) = (town.ours.tenant, town.theirs.tenant);
    let db = town.server.db();
    // What refers to others comes after them.
    let mut ordered: Vec<_> = tables.iter().collect();
    ordered.sort_by_key(|(table, _)| *table == "webhook_deliveries");
    for (table, columns) in ordered {
        for side in [&town.ours, &town.theirs] {
            let there = format!("select count(*) from {table} where tenant_id = '{}'", side.tenant.uuid());
            if sqlx::query_scalar::<_, i64>(AssertSqlSafe(there)).fetch_one(&owner).await.unwrap() == 0 {
                sqlx::query(AssertSqlSafe(row(table, columns, side))).execute(&owner).await.unwrap_or_else(|error| panic!("{table}: {error}"));
            }
        }
        let foreign = format!("select count(*) from {table} where tenant_id = '{}'", theirs.uuid());
        assert!(sqlx::query_scalar::<_, i64>(AssertSqlSafe(foreign)).fetch_one(&owner).await.unwrap() > 0, "{table}");

        let own = format!("select count(*) from {table} where tenant_id = '{}'", ours.uuid());
        let all = format!("select count(*) from {table}");
        let seen = count(db, Access::Tenant(ours), &all).await;
        if CLOSED.contains(&table.as_str()) {
            assert!(is_refused(&seen), "{table}: {seen:?}");
        } else {
            assert!(seen.as_ref().is_ok_and(|seen| *seen > 0), "{table}: {seen:?}");
            assert_eq!(seen.ok(), count(db, Access::Tenant(ours), &own).await.ok(), "{table} shows rows of others");
            assert_eq!(count(db, Access::Nobody, &all).await.ok(), Some(0), "{table} shows rows to nobody");
        }

        let slipped_in = execute(db, ours, &row(table, columns, &town.theirs)).await;
        assert!(is_refused(&slipped_in), "{table} takes a row for another tenant: {slipped_in:?}");
        for change in [format!("update {table} set tenant_id = tenant_id"), format!("delete from {table}")] {
            let reached = execute(db, ours, &format!("{change} where tenant_id = '{}'", theirs.uuid())).await;
            assert!(is_refused(&reached) || matches!(reached, Ok(0)), "{change}: {reached:?}");
        }
        let given_away = execute(db, ours, &format!("update {table} set tenant_id = '{}'", theirs.uuid())).await;
        assert!(is_refused(&given_away), "{table} lets a row move to another tenant: {given_away:?}");
    }
    assert_eq!(count(db, Access::Tenant(ours), "select count(*) from tenants").await.ok(), Some(1));
    assert_eq!(count(db, Access::Nobody, "select count(*) from tenants").await.ok(), Some(0));
    let strangers = "select count(id) from users where id not in (select user_id from tenant_memberships)";
    assert_eq!(count(db, Access::Tenant(ours), strangers).await.ok(), Some(0));
    assert_eq!(count(db, Access::Nobody, "select count(id) from users").await.ok(), Some(0));
    let password = count(db, Access::Tenant(ours), "select count(password_hash) from users").await;
    assert!(is_refused(&password), "a tenant reads its users' passwords: {password:?}");
}
