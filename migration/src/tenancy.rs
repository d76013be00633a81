//! The second lock of tenancy: PostgreSQL's row-level security, and the roles it is written for.
//!
//! Every connection serves as [`APP_ROLE`], which owns nothing and sees the rows of the tenant named by the setting
//! `noren.tenant_id` alone. A transaction takes [`PLATFORM_ROLE`] for a platform administrator, or [`IDENTITY_ROLE`]
//! for what must be found before a tenant is known (sign-in, links, tokens); neither is inherited by the first.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::is_postgres;

/// Serves tenants.
pub const APP_ROLE: &str = "noren_app";
/// Serves platform administrators.
pub const PLATFORM_ROLE: &str = "noren_platform";
/// Finds out who is calling; reads no commerce.
pub const IDENTITY_ROLE: &str = "noren_identity";

/// Loads files into the staging tables, which it owns; reads no commerce.
pub const IMPORT_ROLE: &str = "noren_import";
/// Runs the machinery that is above all tenants: relay, jobs, sealer, usage; reads no commerce but the names of stores.
pub const WORKER_ROLE: &str = "noren_worker";

/// The tenant that the transaction is for. The sub-select is evaluated once a statement, not once a row.
pub(crate) const CURRENT_TENANT: &str = "(select nullif(current_setting('noren.tenant_id', true), '')::uuid)";

/// Makes the roles where they are missing, and lets the migrating role grant them on.
pub(crate) async fn create_roles(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let db = manager.get_connection();
    for role in [APP_ROLE, PLATFORM_ROLE, IDENTITY_ROLE, IMPORT_ROLE, WORKER_ROLE] {
        // Roles belong to the cluster: several databases may be migrated at the same moment.
        db.execute_unprepared(&format!(
            "do $$ begin
               if not exists (select from pg_roles where rolname = '{role}') then create role {role} nologin; end if;
             exception when duplicate_object or unique_violation then null; end $$"
        ))
        .await?;
        db.execute_unprepared(&format!("grant usage on schema public to {role}")).await?;
    }
    Ok(())
}

/// Lets the migrating role hand things over to a role. Roles belong to the cluster, and another database may grant the same at
/// the same moment: who may act as the role already needs no grant.
pub(crate) async fn act_as(manager: &SchemaManager<'_>, role: &str) -> Result<(), DbErr> {
    let grant = format!("do $$ begin if not pg_has_role(current_user, '{role}', 'member') then grant {role} to current_user; end if; end $$");
    manager.get_connection().execute_unprepared(&grant).await.map(drop)
}

/// Locks a table: the tenant's rows for [`APP_ROLE`], all rows for [`PLATFORM_ROLE`], none for anybody else, its owner included.
/// `mine` is the condition under which a row is the current tenant's.
pub(crate) async fn protect_where(manager: &SchemaManager<'_>, table: &str, mine: &str) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let db = manager.get_connection();
    for statement in [
        format!("alter table {table} enable row level security"),
        format!("alter table {table} force row level security"),
        format!("create policy tenant on {table} for all to {APP_ROLE} using ({mine}) with check ({mine})"),
        format!("create policy platform on {table} for all to {PLATFORM_ROLE} using (true) with check (true)"),
        format!("grant select, insert, update, delete on {table} to {APP_ROLE}, {PLATFORM_ROLE}"),
    ] {
        db.execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Locks a table whose rows bear `tenant_id`.
pub(crate) async fn protect(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    protect_where(manager, table, &format!("tenant_id = {CURRENT_TENANT}")).await
}

/// Lets [`IDENTITY_ROLE`] use a protected table as well.
pub(crate) async fn open_to_identity(manager: &SchemaManager<'_>, table: &str, rights: &str) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let db = manager.get_connection();
    db.execute_unprepared(&format!("create policy identity on {table} for all to {IDENTITY_ROLE} using (true) with check (true)")).await?;
    db.execute_unprepared(&format!("grant {rights} on {table} to {IDENTITY_ROLE}")).await?;
    Ok(())
}

/// Lets [`WORKER_ROLE`] use a protected table as well.
pub(crate) async fn open_to_worker(manager: &SchemaManager<'_>, table: &str, rights: &str) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let db = manager.get_connection();
    db.execute_unprepared(&format!("create policy worker on {table} for all to {WORKER_ROLE} using (true) with check (true)")).await?;
    db.execute_unprepared(&format!("grant {rights} on {table} to {WORKER_ROLE}")).await?;
    Ok(())
}

/// Grants rights on a table that belongs to no tenant.
pub(crate) async fn grant(manager: &SchemaManager<'_>, table: &str, rights: &str, roles: &[&str]) -> Result<(), DbErr> {
    if is_postgres(manager) {
        manager.get_connection().execute_unprepared(&format!("grant {rights} on {table} to {}", roles.join(", "))).await?;
    }
    Ok(())
}

/// Hands a SECURITY DEFINER function to [`IDENTITY_ROLE`], so that it reaches what that role may see and nothing else.
pub(crate) async fn lookup_function(manager: &SchemaManager<'_>, signature: &str) -> Result<(), DbErr> {
    let db = manager.get_connection();
    for statement in [
        format!("grant create on schema public to {IDENTITY_ROLE}"),
        format!("alter function {signature} owner to {IDENTITY_ROLE}"),
        format!("revoke create on schema public from {IDENTITY_ROLE}"),
    ] {
        db.execute_unprepared(&statement).await?;
    }
    // Only its owner may grant it now.
    db.execute_unprepared(&format!("set local role {IDENTITY_ROLE}")).await?;
    db.execute_unprepared(&format!("revoke all on function {signature} from public")).await?;
    db.execute_unprepared(&format!("grant execute on function {signature} to {APP_ROLE}")).await?;
    db.execute_unprepared("reset role").await?;
    Ok(())
}
