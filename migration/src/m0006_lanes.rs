//! Whose turn it is, and whose something is: jobs wait in lanes, and webhook endpoints know who made them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{is_postgres, run};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, LANES).await?;
        sort_into_lanes(manager).await?;
        run(manager, MAKERS).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = [
            "drop index jobs_by_lane",
            "alter table jobs drop column lane",
            "alter table webhook_endpoints drop column created_by",
            "alter table webhook_endpoints drop column scopes",
        ];
        run(manager, &statements).await
    }
}

/// Within a queue, jobs that must not keep those of others waiting: each lane has its own order.
const LANES: &[&str] =
    &["alter table jobs add column lane {key} not null default ''", "create index jobs_by_lane on jobs (queue, lane, run_at, id) where status = 'QUEUED'"];

/// The scopes are those of the API token that made the endpoint; none for what administrators made.
const MAKERS: &[&str] = &["alter table webhook_endpoints add column created_by text", "alter table webhook_endpoints add column scopes {json}"];

/// What waits already keeps its place among its like.
async fn sort_into_lanes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let (endpoint, tenant) = match is_postgres(manager) {
        true => ("payload ->> 'endpointId'", "replace(tenant_id::text, '-', '')"),
        false => ("json_extract(payload, '$.endpointId')", "lower(hex(tenant_id))"),
    };
    let sort = format!(
        "update jobs set lane = case when kind = 'webhook.deliver' then coalesce({endpoint}, kind) when tenant_id is null then kind else {tenant} end
         where status not in ('DONE', 'CANCELLED')"
    );
    if is_postgres(manager) {
        // The owner sees the rows of all tenants for the length of this statement.
        db.execute_unprepared("alter table jobs no force row level security").await?;
    }
    db.execute_unprepared(&sort).await?;
    if is_postgres(manager) {
        db.execute_unprepared("alter table jobs force row level security").await?;
    }
    Ok(())
}
