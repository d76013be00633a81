//! Deletions that shops told, and when customers and products were last told: what comes late or twice changes nothing.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, run};
use crate::tenancy::protect;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Orders have had the column from the beginning.
const TOLD: [&str; 2] = ["customers", "products"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, &[DELETIONS]).await?;
        protect(manager, "deletions").await?;
        for table in TOLD {
            run(manager, &[&format!("alter table {table} add column told_at {{instant}}")]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TOLD {
            manager.get_connection().execute_unprepared(&format!("alter table {table} drop column told_at")).await?;
        }
        drop_tables(manager, &["deletions"]).await
    }
}

/// What a shop said was deleted, known or not. A provider gives no id twice: what is here never comes back.
const DELETIONS: &str = "create table deletions (
       id {uuid} not null,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       kind text not null,
       external_id {key} not null,
       deleted_at {instant} not null,
       created_at {instant} not null,
       primary key (tenant_id, id),
       unique (tenant_id, store_id, kind, external_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))";
