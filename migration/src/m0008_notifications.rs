//! Notifications: by which ways people are told, of what and when, and what they were told.

use sea_orm_migration::prelude::*;

use crate::dialect::{drop_tables, run};
use crate::tenancy::{open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 3] = ["notification_channels", "notification_settings", "notifications"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, NOTIFICATIONS).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        open_to_worker(manager, "notification_channels", "select").await?;
        open_to_worker(manager, "notification_settings", "select").await?;
        open_to_worker(manager, "notifications", "select, insert, update, delete").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await
    }
}

/// `feed_id` is the tenant's id, or nil above all tenants. A notification is written once for each event, channel, level and
/// recipient, however often the event is heard; of each kind of digest one at most is open for a channel and a recipient.
const NOTIFICATIONS: &[&str] = &[
    "create table notification_channels (
       id {uuid} not null primary key,
       tenant_id {uuid} references tenants (id),
       feed_id {uuid} not null,
       kind text not null,
       name text not null,
       status text not null,
       recipients {json} not null,
       url_sealed {bytes},
       url_hint text,
       next_slot_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       unique (tenant_id, id))",
    "create index notification_channels_by_created on notification_channels (tenant_id, created_at, id)",
    "create index notification_channels_by_feed on notification_channels (feed_id)",
    "create table notification_settings (
       feed_id {uuid} not null primary key,
       tenant_id {uuid} references tenants (id),
       rules {json},
       quiet_from integer,
       quiet_to integer,
       quiet_time_zone text,
       escalation {json} not null,
       created_at {instant} not null,
       updated_at {instant} not null)",
    "create table notifications (
       id {uuid} not null primary key,
       tenant_id {uuid} references tenants (id),
       feed_id {uuid} not null,
       event_id {uuid} not null,
       channel_id {uuid} not null,
       alert_id {uuid},
       store_id {uuid},
       kind text not null,
       level integer not null,
       severity text,
       recipient {key} not null,
       remaining {json},
       refused {json},
       status text not null,
       attempts integer not null,
       unknown_attempts integer not null,
       error_message text,
       provider_message_id text,
       digest_id {uuid},
       slot_at {instant},
       due_at {instant},
       last_attempt_at {instant},
       sent_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       unique (event_id, channel_id, level, recipient),
       foreign key (channel_id) references notification_channels (id),
       foreign key (tenant_id, channel_id) references notification_channels (tenant_id, id))",
    "create unique index notifications_open_digest on notifications (channel_id, recipient, level) where kind = 'DIGEST' and status = 'PENDING' and attempts = 0",
    "create index notifications_by_created on notifications (tenant_id, created_at, id)",
    "create index notifications_by_channel on notifications (tenant_id, channel_id, created_at, id)",
    "create index notifications_by_alert on notifications (alert_id, created_at)",
    "create index notifications_by_slot on notifications (channel_id, slot_at)",
    "create index notifications_by_digest on notifications (digest_id) where digest_id is not null",
    "create index notifications_by_age on notifications (created_at)",
];
