//! Privacy: what people and shops ask about their data (`GDPRComplianceLog` of seed 004), and who must not come back.

use sea_orm_migration::prelude::*;

use crate::dialect::{drop_tables, run};
use crate::tenancy::{open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 2] = ["privacy_requests", "privacy_erasures"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, PRIVACY).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        open_to_worker(manager, "privacy_requests", "select, update").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await
    }
}

/// A request is written once for each delivery, and once for each id that the provider gives it; of a store that is deleted by its
/// schedule there is one at a time. Who it is about stands in it until it is done: after that a digest is left. `privacy_erasures` has
/// digests alone.
const PRIVACY: &[&str] = &[
    "create table privacy_requests (
       id {uuid} not null unique,
       tenant_id {uuid} not null references tenants (id),
       store_id {uuid},
       webhook_event_id {uuid},
       provider text not null,
       shop_domain text not null,
       provider_request_id text,
       kind text not null,
       status text not null,
       outcome text,
       external_customer_id text,
       external_order_ids {json} not null,
       contact {json},
       subject_digest {key},
       evidence {json} not null,
       error_message text,
       warned_days integer not null,
       bundle_sealed {bytes},
       bundle_bytes bigint,
       bundle_fetched_at {instant},
       bundle_deletion_at {instant},
       requested_at {instant} not null,
       received_at {instant} not null,
       due_at {instant} not null,
       completed_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, id),
       unique (tenant_id, webhook_event_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id),
       foreign key (tenant_id, webhook_event_id) references webhook_events (tenant_id, id))",
    "create unique index privacy_requests_once on privacy_requests (tenant_id, provider, shop_domain, kind, provider_request_id)
       where provider_request_id is not null",
    "create unique index privacy_requests_one_deletion on privacy_requests (tenant_id, store_id)
       where kind = 'STORE_DELETION' and status <> 'COMPLETED'",
    "create index privacy_requests_by_received on privacy_requests (tenant_id, received_at, id)",
    "create index privacy_requests_by_due on privacy_requests (tenant_id, due_at, id)",
    "create index privacy_requests_by_subject on privacy_requests (tenant_id, subject_digest) where subject_digest is not null",
    "create index privacy_requests_open on privacy_requests (received_at) where status <> 'COMPLETED'",
    "create index privacy_requests_with_bundle on privacy_requests (bundle_deletion_at) where bundle_sealed is not null",
    "create table privacy_erasures (
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       digest {key} not null,
       created_at {instant} not null,
       primary key (tenant_id, store_id, digest),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
];
