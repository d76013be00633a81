//! Activity: what went on between the program and stores' shops by the hour, what is stored of each store, and which versions of a
//! provider's API answer and deliver.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, is_postgres, run};
use crate::tenancy::{APP_ROLE, PLATFORM_ROLE, WORKER_ROLE, grant, open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 5] = ["store_calls", "store_deliveries", "store_sizes", "delivery_marks", "api_version_watch"];
const WORKER: &str = "select, insert, update, delete";
const APPS: &str = "select (api_version, provider)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, ACTIVITY).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        for table in ["store_calls", "store_deliveries", "delivery_marks", "api_version_watch"] {
            open_to_worker(manager, table, WORKER).await?;
        }
        // What is asked for, compared with what answers.
        grant(manager, "connections", APPS, &[WORKER_ROLE]).await?;
        if is_postgres(manager) {
            // Statistics are the program's own: callers read them, and what erases a store takes them along.
            for (tables, rights) in [("store_calls, store_deliveries", "insert, update"), ("delivery_marks, api_version_watch", "insert, update, delete")] {
                let revoke = format!("revoke {rights} on {tables} from {APP_ROLE}, {PLATFORM_ROLE}");
                manager.get_connection().execute_unprepared(&revoke).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            manager.get_connection().execute_unprepared(&format!("revoke {APPS} on connections from {WORKER_ROLE}")).await?;
        }
        run(manager, &["drop index webhook_events_failed"]).await?;
        drop_tables(manager, &TABLES).await
    }
}

/// `store_calls` has a row for each hour, outcome and pair of versions: replicas add to it. `store_deliveries` is counted from
/// `webhook_events`, up to the tenant's mark; whoever reads counts what came later from there. `api_version_watch` has a row for as long as
/// another version answers or delivers than is asked for; stores without an app have the nil connection.
const ACTIVITY: &[&str] = &[
    "create table store_calls (
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       hour {instant} not null,
       asked_version {key} not null,
       answered_version {key} not null,
       outcome {key} not null,
       calls bigint not null,
       answers bigint not null,
       response_ms bigint not null,
       points bigint not null,
       primary key (tenant_id, store_id, hour, asked_version, answered_version, outcome),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create index store_calls_by_hour on store_calls (hour)",
    "create index store_calls_otherwise on store_calls (hour) where answered_version <> asked_version and answered_version <> ''",
    "create table store_deliveries (
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       connection_id {uuid} not null,
       hour {instant} not null,
       api_version {key} not null,
       received bigint not null,
       primary key (tenant_id, store_id, hour, connection_id, api_version),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create index store_deliveries_by_hour on store_deliveries (hour)",
    "create table store_sizes (
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       orders bigint not null,
       items bigint not null,
       customers bigint not null,
       products bigint not null,
       variants bigint not null,
       payload_bytes bigint not null,
       counted_at {instant} not null,
       primary key (tenant_id, store_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create table delivery_marks (
       tenant_id {uuid} not null primary key references tenants (id),
       counted_until {instant} not null)",
    "create table api_version_watch (
       tenant_id {uuid} not null references tenants (id),
       connection_id {uuid} not null,
       channel text not null,
       asked text not null,
       seen text not null,
       since_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, connection_id, channel))",
    "create index webhook_events_failed on webhook_events (tenant_id, store_id, received_at) where status = 'FAILED'",
];
