//! Alerts: what goes wrong, who looks after it, and what nobody wants to hear of for a while.

use sea_orm_migration::prelude::*;

use crate::dialect::{drop_tables, run};
use crate::tenancy::{open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 2] = ["alerts", "alert_silences"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, ALERTS).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        open_to_worker(manager, "alerts", "select, insert, update, delete").await?;
        open_to_worker(manager, "alert_silences", "select, delete").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await
    }
}

/// One alert that is not resolved for each fingerprint of a feed and a store: `feed_id` is the tenant's id, or nil above all tenants;
/// `about_id` is the store's, or nil.
const ALERTS: &[&str] = &[
    "create table alerts (
       id {uuid} not null primary key,
       tenant_id {uuid} references tenants (id),
       feed_id {uuid} not null,
       store_id {uuid},
       about_id {uuid} not null,
       type text not null,
       severity text not null,
       source text not null,
       message text not null,
       data {json} not null,
       fingerprint {key} not null,
       status text not null,
       count bigint not null,
       escalation_level integer not null,
       silenced_until {instant},
       previous_alert_id {uuid},
       first_seen_at {instant} not null,
       last_seen_at {instant} not null,
       acknowledged_at {instant},
       acknowledged_by text,
       acknowledgement_note text,
       resolved_at {instant},
       resolved_by text,
       resolution_notes text,
       created_at {instant} not null,
       updated_at {instant} not null,
       unique (tenant_id, id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id),
       foreign key (tenant_id, previous_alert_id) references alerts (tenant_id, id))",
    "create unique index alerts_unresolved on alerts (feed_id, about_id, fingerprint) where status <> 'RESOLVED'",
    "create index alerts_by_fingerprint on alerts (feed_id, about_id, fingerprint, created_at)",
    "create index alerts_by_created on alerts (tenant_id, created_at, id)",
    "create index alerts_by_last_seen on alerts (tenant_id, last_seen_at, id)",
    // A platform administrator looks over all tenants.
    "create index alerts_of_all_by_created on alerts (created_at, id)",
    "create index alerts_of_all_by_last_seen on alerts (last_seen_at, id)",
    "create index alerts_by_previous on alerts (tenant_id, previous_alert_id) where previous_alert_id is not null",
    "create index alerts_silenced on alerts (silenced_until) where silenced_until is not null and status <> 'RESOLVED'",
    "create index alerts_by_status on alerts (tenant_id, status, severity)",
    "create index alerts_by_age on alerts (resolved_at) where status = 'RESOLVED'",
    "create table alert_silences (
       id {uuid} not null primary key,
       tenant_id {uuid} references tenants (id),
       feed_id {uuid} not null,
       store_id {uuid},
       type text,
       severity text,
       source text,
       fingerprint {key},
       reason text not null,
       created_by text not null,
       starts_at {instant} not null,
       ends_at {instant} not null,
       created_at {instant} not null,
       updated_at {instant} not null,
       unique (tenant_id, id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create index alert_silences_by_end on alert_silences (feed_id, ends_at)",
    "create index alert_silences_by_created on alert_silences (tenant_id, created_at, id)",
];
