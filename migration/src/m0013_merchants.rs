//! Merchants as callers: where an app is installed, found by what a session token claims; and since when a store is paused.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{is_postgres, run};
use crate::tenancy::{IDENTITY_ROLE, lookup_function, open_to_identity};

#[derive(DeriveMigrationName)]
pub struct Migration;

const FUNCTION: &str = "noren_installed_app(text, text, text)";
/// What whoever finds out who is calling may read of installations: nothing that opens a shop.
const READ: &str = "select (tenant_id, id, connection_id)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = ["create index connections_by_account on connections (provider, account)", "alter table stores add column paused_at {instant}"];
        run(manager, &statements).await?;
        open_to_identity(manager, "installations", READ).await?;
        if !is_postgres(manager) {
            return Ok(());
        }
        let create = "create function noren_installed_app(the_provider text, the_account text, the_shop text) returns table (
            connection_id uuid, tenant_id uuid, tenant_status text, store_id uuid, webhook_secret_sealed bytea, previous_webhook_secret_sealed bytea,
            previous_webhook_secret_until timestamptz, key_id integer, wrapped bytea)
          language sql stable security definer set search_path = public, pg_temp as $$
            select c.id, c.tenant_id, n.status, s.id, c.webhook_secret_sealed, c.previous_webhook_secret_sealed,
              c.previous_webhook_secret_until, k.key_id, k.wrapped
            from connections c
            join tenants n on n.id = c.tenant_id and n.status <> 'DELETED'
            join stores s on s.tenant_id = c.tenant_id and s.provider = c.provider and s.domain = the_shop and s.status <> 'UNINSTALLED'
            join installations i on i.tenant_id = s.tenant_id and i.id = s.id and i.connection_id = c.id
            left join tenant_keys k on k.tenant_id = c.tenant_id
            where c.provider = the_provider and c.account = the_account and c.status = 'ACTIVE' $$";
        manager.get_connection().execute_unprepared(create).await?;
        lookup_function(manager, FUNCTION).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            let db = manager.get_connection();
            db.execute_unprepared(&format!("drop function {FUNCTION}")).await?;
            db.execute_unprepared("drop policy identity on installations").await?;
            db.execute_unprepared(&format!("revoke {READ} on installations from {IDENTITY_ROLE}")).await?;
        }
        run(manager, &["alter table stores drop column paused_at", "drop index connections_by_account"]).await
    }
}
