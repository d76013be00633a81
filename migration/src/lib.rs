//! The database's shape, step by step, for SQLite and PostgreSQL. Imports no entity: a step stays what it was.

mod dialect;
mod m0001_people;
mod m0002_commerce;
mod m0003_imports;
mod m0004_machinery;
mod m0005_webhooks;
mod m0006_lanes;
mod m0007_alerts;
mod m0008_notifications;
mod m0009_installs;
mod m0010_syncs;
mod m0011_privacy;
mod m0012_activity;
mod m0013_merchants;
mod m0014_deletions;
mod tenancy;

pub use sea_orm_migration::prelude::{DbErr, MigratorTrait, SchemaManager};
pub use tenancy::{APP_ROLE, IDENTITY_ROLE, IMPORT_ROLE, PLATFORM_ROLE, WORKER_ROLE};

use sea_orm_migration::prelude::*;

/// Every step, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_people::Migration),
            Box::new(m0002_commerce::Migration),
            Box::new(m0003_imports::Migration),
            Box::new(m0004_machinery::Migration),
            Box::new(m0005_webhooks::Migration),
            Box::new(m0006_lanes::Migration),
            Box::new(m0007_alerts::Migration),
            Box::new(m0008_notifications::Migration),
            Box::new(m0009_installs::Migration),
            Box::new(m0010_syncs::Migration),
            Box::new(m0011_privacy::Migration),
            Box::new(m0012_activity::Migration),
            Box::new(m0013_merchants::Migration),
            Box::new(m0014_deletions::Migration),
        ]
    }
}
