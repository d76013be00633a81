//! Tenants, users, memberships, sessions, links, API tokens; what keeps retries safe and secrets sealed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, is_postgres, run};
use crate::tenancy::{
    APP_ROLE, CURRENT_TENANT, IDENTITY_ROLE, PLATFORM_ROLE, act_as, create_roles, grant, lookup_function, open_to_identity, protect, protect_where,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 11] = [
    "platform_settings",
    "tenants",
    "tenant_keys",
    "users",
    "user_identities",
    "tenant_memberships",
    "sessions",
    "refresh_tokens",
    "one_time_links",
    "api_tokens",
    "sign_in_attempts",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_roles(manager).await?;
        run(manager, STATEMENTS).await?;
        run(manager, IDEMPOTENCY).await?;
        protect_tables(manager).await?;
        caller_functions(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            for function in CALLER_FUNCTIONS {
                manager.get_connection().execute_unprepared(&format!("drop function {function}")).await?;
            }
            manager.get_connection().execute_unprepared("drop policy tenant on users").await?;
            // Roles stay: they belong to the cluster, and other databases may use them.
        }
        drop_tables(manager, &["idempotency_keys"]).await?;
        drop_tables(manager, &TABLES).await
    }
}

const CALLER_FUNCTIONS: [&str; 3] = ["noren_token_caller(bytea)", "noren_identity_user(text, text)", "noren_touch_caller(uuid, uuid, timestamptz)"];

/// What a tenant may read of its users.
const USER_FACTS: &str = "id, email, email_key, name, status, platform_admin, locale, last_sign_in_at, created_at, updated_at";

const STATEMENTS: &[&str] = &[
    "create table platform_settings (
       name text primary key,
       value {bytes} not null,
       updated_at {instant} not null)",
    "create table tenants (
       id {uuid} primary key,
       company_name text not null,
       company_name_key {key} not null,
       search_text text not null,
       contact_email text not null,
       contact_phone text,
       billing_address text,
       billing_email text,
       status text not null,
       suspension_reason text,
       suspended_at {instant},
       deleted_at {instant},
       time_zone text not null,
       locale text not null,
       last_activity_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null)",
    "create index tenants_by_created on tenants (created_at, id)",
    "create index tenants_by_name on tenants (company_name_key, id)",
    "create table tenant_keys (
       tenant_id {uuid} not null references tenants (id),
       key_id integer not null,
       wrapped {bytes} not null,
       created_at {instant} not null,
       primary key (tenant_id, key_id))",
    "create table users (
       id {uuid} primary key,
       email text not null,
       email_key {key} not null unique,
       name text,
       password_hash text,
       status text not null,
       platform_admin boolean not null,
       locale text,
       last_sign_in_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null)",
    "create table user_identities (
       id {uuid} primary key,
       user_id {uuid} not null references users (id),
       issuer text not null,
       subject text not null,
       created_at {instant} not null,
       unique (issuer, subject))",
    "create table tenant_memberships (
       id {uuid} not null,
       tenant_id {uuid} not null references tenants (id),
       user_id {uuid} not null references users (id),
       role text not null,
       all_stores boolean not null,
       accepted_at {instant},
       disabled_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, id),
       unique (tenant_id, user_id))",
    "create index tenant_memberships_by_created on tenant_memberships (tenant_id, created_at, id)",
    "create index tenant_memberships_by_user on tenant_memberships (user_id)",
    "create table sessions (
       id {uuid} primary key,
       user_id {uuid} not null references users (id),
       client text,
       address text,
       revoked_at {instant},
       last_used_at {instant} not null,
       expires_at {instant} not null,
       created_at {instant} not null)",
    "create index sessions_by_user on sessions (user_id)",
    "create table refresh_tokens (
       secret_hash {bytes} primary key,
       session_id {uuid} not null references sessions (id),
       used_at {instant},
       created_at {instant} not null)",
    "create index refresh_tokens_by_session on refresh_tokens (session_id)",
    "create table one_time_links (
       id {uuid} primary key,
       kind text not null,
       user_id {uuid} not null references users (id),
       tenant_id {uuid} references tenants (id),
       secret_hash {bytes} not null unique,
       used_at {instant},
       expires_at {instant} not null,
       created_by text not null,
       created_at {instant} not null)",
    "create index one_time_links_by_user on one_time_links (user_id, kind)",
    "create table api_tokens (
       id {uuid} primary key,
       tenant_id {uuid} references tenants (id),
       name text not null,
       role text not null,
       scopes {json} not null,
       prefix text not null,
       secret_hash {bytes} not null unique,
       created_by text not null,
       expires_at {instant},
       last_used_at {instant},
       revoked_at {instant},
       created_at {instant} not null,
       unique (tenant_id, id))",
    "create table sign_in_attempts (
       attempt_key {bytes} primary key,
       failures integer not null,
       blocked_until {instant} not null,
       updated_at {instant} not null)",
    "create index sign_in_attempts_by_age on sign_in_attempts (updated_at)",
];

/// (caller, field, key) → what was asked for and what came of it; written with the work itself.
const IDEMPOTENCY: &[&str] = &[
    "create table idempotency_keys (
       tenant_id {uuid},
       caller {key} not null,
       field {key} not null,
       idempotency_key {key} not null,
       input_hash {bytes} not null,
       subject text not null,
       created_at {instant} not null,
       primary key (caller, field, idempotency_key))",
    "create index idempotency_keys_by_age on idempotency_keys (created_at)",
];

async fn protect_tables(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    protect_where(manager, "tenants", &format!("id = {CURRENT_TENANT}")).await?;
    for table in ["tenant_keys", "tenant_memberships", "api_tokens", "idempotency_keys"] {
        protect(manager, table).await?;
    }
    // A user is the tenant's while a membership (itself locked) says so.
    protect_where(manager, "users", "exists (select 1 from tenant_memberships m where m.user_id = users.id)").await?;
    for (table, rights) in [
        ("tenants", "select"),
        ("users", "select, insert, update"),
        ("tenant_memberships", "select, insert, update"),
        ("api_tokens", "select"),
        ("idempotency_keys", "select, insert, update, delete"),
    ] {
        open_to_identity(manager, table, rights).await?;
    }
    if is_postgres(manager) {
        // A tenant reads its users, without their passwords; only the identity role writes them.
        let db = manager.get_connection();
        db.execute_unprepared(&format!("revoke all on users from {APP_ROLE}")).await?;
        grant(manager, "users", &format!("select ({USER_FACTS})"), &[APP_ROLE]).await?;
        // The tables of signing in are nobody's but the identity role's.
        for table in ["user_identities", "sessions", "refresh_tokens", "one_time_links", "sign_in_attempts"] {
            grant(manager, table, "select, insert, update, delete", &[IDENTITY_ROLE]).await?;
        }
    }
    grant(manager, "platform_settings", "select", &[APP_ROLE]).await?;
    grant(manager, "platform_settings", "select, insert, update", &[PLATFORM_ROLE]).await?;
    grant(manager, "seaql_migrations", "select", &[APP_ROLE]).await
}

/// Who is calling, in one statement and before a tenant is known. Owned by the identity role, so they can reach nothing else.
async fn caller_functions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let db = manager.get_connection();
    for statement in [
        "create function noren_token_caller(hash bytea) returns table (
           id uuid, tenant_id uuid, role text, scopes jsonb, expires_at timestamptz, revoked_at timestamptz, tenant_status text)
         language sql stable security definer set search_path = public, pg_temp as $$
           select t.id, t.tenant_id, t.role, t.scopes, t.expires_at, t.revoked_at, n.status
           from api_tokens t left join tenants n on n.id = t.tenant_id where t.secret_hash = hash $$",
        "create function noren_identity_user(the_issuer text, the_subject text) returns uuid
         language sql stable security definer set search_path = public, pg_temp as $$
           select user_id from user_identities where issuer = the_issuer and subject = the_subject $$",
        "create function noren_touch_caller(the_token uuid, the_tenant uuid, at timestamptz) returns void
         language sql volatile security definer set search_path = public, pg_temp as $$
           update api_tokens set last_used_at = at where id = the_token and (last_used_at is null or last_used_at < at);
           update tenants set last_activity_at = at where id = the_tenant and (last_activity_at is null or last_activity_at < at) $$",
    ] {
        db.execute_unprepared(statement).await?;
    }
    act_as(manager, IDENTITY_ROLE).await?;
    for function in CALLER_FUNCTIONS {
        lookup_function(manager, function).await?;
    }
    db.execute_unprepared(&format!("grant update (last_used_at, revoked_at) on api_tokens to {IDENTITY_ROLE}")).await?;
    db.execute_unprepared(&format!("grant update (last_activity_at) on tenants to {IDENTITY_ROLE}")).await?;
    Ok(())
}
