//! Syncs: runs with their slices, up to when increments have come, and each store's settings (the sync tables of seed 004 in one
//! family); and the marks of what a shop has deleted.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, run};
use crate::tenancy::{open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 5] = ["sync_runs", "sync_slices", "sync_seen", "sync_checkpoints", "sync_settings"];
const DELETABLE: [&str; 5] = ["customers", "products", "product_variants", "orders", "order_items"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, SYNCS).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        for table in ["sync_runs", "sync_checkpoints", "sync_settings"] {
            open_to_worker(manager, table, "select").await?;
        }
        for table in DELETABLE {
            run(manager, &[&format!("alter table {table} add column deleted_at {{instant}}")]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in DELETABLE {
            manager.get_connection().execute_unprepared(&format!("alter table {table} drop column deleted_at")).await?;
        }
        drop_tables(manager, &TABLES).await
    }
}

/// Of each kind one run of a store is under way. A slice is a part of a run that is done whole or not at all. `sync_seen` holds the ids
/// that the shop named while they are compared with what is known here.
const SYNCS: &[&str] = &[
    "create table sync_runs (
       id {uuid} not null unique,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       kind text not null,
       status text not null,
       phase text not null,
       range_from {instant},
       range_until {instant},
       archived boolean not null,
       asked bigint not null,
       received bigint not null,
       created bigint not null,
       updated bigint not null,
       unchanged bigint not null,
       deleted bigint not null,
       rejected bigint not null,
       failures integer not null,
       error_message text,
       warnings {json} not null,
       rejections {json} not null,
       read_at {instant},
       created_at {instant} not null,
       started_at {instant},
       finished_at {instant},
       updated_at {instant} not null,
       primary key (tenant_id, id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create unique index sync_runs_one_at_a_time on sync_runs (tenant_id, store_id, kind) where status in ('QUEUED', 'RUNNING')",
    "create index sync_runs_by_store on sync_runs (tenant_id, store_id, created_at, id)",
    "create index sync_runs_by_created on sync_runs (tenant_id, created_at, id)",
    "create index sync_runs_under_way on sync_runs (updated_at) where status in ('QUEUED', 'RUNNING')",
    "create table sync_slices (
       id {uuid} not null,
       tenant_id {uuid} not null,
       run_id {uuid} not null,
       position integer not null,
       stage text not null,
       kind text not null,
       range_from {instant},
       range_until {instant},
       status text not null,
       export_id text,
       tried {json} not null,
       asked_at {instant},
       attempts integer not null,
       objects bigint not null,
       roots bigint not null,
       received bigint not null,
       place text,
       error_message text,
       updated_at {instant} not null,
       primary key (tenant_id, id),
       unique (tenant_id, run_id, position),
       foreign key (tenant_id, run_id) references sync_runs (tenant_id, id))",
    "create table sync_seen (
       tenant_id {uuid} not null,
       run_id {uuid} not null,
       kind text not null,
       external_id {key} not null,
       primary key (tenant_id, run_id, kind, external_id),
       foreign key (tenant_id, run_id) references sync_runs (tenant_id, id))",
    "create table sync_checkpoints (
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       kind text not null,
       up_to {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, store_id, kind),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create table sync_settings (
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       years_back integer,
       archived boolean not null,
       interval_minutes integer not null,
       reconciled_days integer not null,
       updated_at {instant} not null,
       primary key (tenant_id, store_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
];
