//! Webhooks in and out: connections to providers and what they deliver, endpoints of integrations and what they are sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, is_postgres, run};
use crate::tenancy::{lookup_function, open_to_identity, open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 4] = ["connections", "webhook_events", "webhook_endpoints", "webhook_deliveries"];
const CONNECTION: &str = "noren_webhook_connection(uuid)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, INBOX).await?;
        run(manager, OUTGOING).await?;
        // When the provider told what an order is now.
        run(manager, &["alter table orders add column told_at {instant}"]).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        open_to_identity(manager, "connections", "select").await?;
        open_to_identity(manager, "tenant_keys", "select").await?;
        for (table, rights) in [("webhook_events", "select, update"), ("webhook_endpoints", "select"), ("webhook_deliveries", "select, insert, update, delete")]
        {
            open_to_worker(manager, table, rights).await?;
        }
        connection_function(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            let db = manager.get_connection();
            db.execute_unprepared(&format!("drop function {CONNECTION}")).await?;
            db.execute_unprepared("drop policy identity on tenant_keys").await?;
        }
        manager.get_connection().execute_unprepared("alter table orders drop column told_at").await?;
        drop_tables(manager, &TABLES).await
    }
}

/// `WebhookEvents` of seed 004, with attempts; the raw body goes after a while, the record stays.
const INBOX: &[&str] = &[
    "create table connections (
       id {uuid} not null unique,
       tenant_id {uuid} not null references tenants (id),
       provider text not null,
       name text not null,
       account text,
       status text not null,
       webhook_secret_sealed {bytes},
       previous_webhook_secret_sealed {bytes},
       previous_webhook_secret_until {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, id))",
    "create index connections_by_created on connections (tenant_id, created_at, id)",
    "create table webhook_events (
       id {uuid} not null unique,
       tenant_id {uuid} not null,
       connection_id {uuid} not null,
       store_id {uuid},
       provider text not null,
       topic text not null,
       account text,
       event_id {key} not null,
       provider_event_id text,
       api_version text,
       headers {json} not null,
       payload {bytes},
       payload_bytes bigint not null,
       status text not null,
       attempts integer not null,
       error_message text,
       triggered_at {instant},
       received_at {instant} not null,
       processed_at {instant},
       payload_deletion_at {instant},
       payload_deleted_at {instant},
       updated_at {instant} not null,
       primary key (tenant_id, id),
       unique (connection_id, event_id),
       foreign key (tenant_id, connection_id) references connections (tenant_id, id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create index webhook_events_by_time on webhook_events (tenant_id, received_at, id)",
    "create index webhook_events_by_store on webhook_events (tenant_id, store_id, received_at, id)",
    "create index webhook_events_by_status on webhook_events (tenant_id, status, received_at, id)",
    "create index webhook_events_to_empty on webhook_events (payload_deletion_at) where payload is not null",
];

const OUTGOING: &[&str] = &[
    "create table webhook_endpoints (
       id {uuid} not null unique,
       tenant_id {uuid} not null references tenants (id),
       url text not null,
       description text,
       event_types {json} not null,
       status text not null,
       disabled_reason text,
       secret_sealed {bytes} not null,
       previous_secret_sealed {bytes},
       previous_secret_until {instant},
       failing_since_at {instant},
       last_success_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, id))",
    "create index webhook_endpoints_by_created on webhook_endpoints (tenant_id, created_at, id)",
    "create table webhook_deliveries (
       id {uuid} not null unique,
       tenant_id {uuid} not null,
       endpoint_id {uuid} not null,
       event_id {uuid} not null,
       event_type text not null,
       body text not null,
       status text not null,
       attempts integer not null,
       response_status integer,
       response_body text,
       error_message text,
       duration_ms bigint,
       last_attempt_at {instant},
       next_attempt_at {instant},
       delivered_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, id),
       unique (endpoint_id, event_id),
       foreign key (tenant_id, endpoint_id) references webhook_endpoints (tenant_id, id))",
    "create index webhook_deliveries_by_endpoint on webhook_deliveries (tenant_id, endpoint_id, created_at, id)",
    "create index webhook_deliveries_by_created on webhook_deliveries (tenant_id, created_at, id)",
    "create index webhook_deliveries_pending on webhook_deliveries (tenant_id, endpoint_id) where status = 'PENDING'",
    "create index webhook_deliveries_by_age on webhook_deliveries (created_at)",
];

/// A connection and what opens its secrets, in one statement and before a tenant is known.
async fn connection_function(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let create = "create function noren_webhook_connection(the_id uuid) returns table (
        tenant_id uuid, provider text, status text, tenant_status text, webhook_secret_sealed bytea, previous_webhook_secret_sealed bytea,
        previous_webhook_secret_until timestamptz, key_id integer, wrapped bytea)
      language sql stable security definer set search_path = public, pg_temp as $$
        select c.tenant_id, c.provider, c.status, n.status, c.webhook_secret_sealed, c.previous_webhook_secret_sealed,
          c.previous_webhook_secret_until, k.key_id, k.wrapped
        from connections c join tenants n on n.id = c.tenant_id left join tenant_keys k on k.tenant_id = c.tenant_id
        where c.id = the_id $$";
    manager.get_connection().execute_unprepared(create).await?;
    lookup_function(manager, CONNECTION).await
}
