//! Installs: what an app asks of shops, how each store came by its tokens and keeps them, its history, and whether its shop answers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, is_postgres, run};
use crate::tenancy::{APP_ROLE, PLATFORM_ROLE, open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 3] = ["installations", "installation_events", "store_health"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, APPS).await?;
        run(manager, INSTALLS).await?;
        history_is_append_only(manager).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        if is_postgres(manager) {
            let revoke = format!("revoke update, delete on installation_events from {APP_ROLE}, {PLATFORM_ROLE}");
            manager.get_connection().execute_unprepared(&revoke).await?;
        }
        // Whoever looks for what is due looks over all tenants, and reads no secret on the way.
        let due = "select (tenant_id, id, connection_id, refresh_token_expires_at, authorization_lost_at, set_up_at)";
        open_to_worker(manager, "installations", due).await?;
        open_to_worker(manager, "connections", "select (tenant_id, id, updated_at)").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await?;
        if is_postgres(manager) {
            manager.get_connection().execute_unprepared("drop policy worker on connections").await?;
        }
        let columns = [
            "alter table stores drop column embedded_settings",
            "alter table connections drop column api_version",
            "alter table connections drop column scopes",
        ];
        run(manager, &columns).await
    }
}

/// What an app asks merchants for, and the version of the API that it speaks; none is the program's own.
const APPS: &[&str] = &[
    "alter table connections add column scopes {json} not null default '[]'",
    "alter table connections add column api_version text",
    "alter table stores add column embedded_settings {json} not null default '{}'",
];

/// `installations` and `store_health` have one row for a store, whose id is theirs. `generation` counts the tokens: who renews them
/// holds the lease, and writes nothing when others have come since. `InstallationHistory` of seed 004 keeps no tokens here.
const INSTALLS: &[&str] = &[
    "create table installations (
       id {uuid} not null,
       tenant_id {uuid} not null,
       connection_id {uuid},
       missing_scopes {json} not null,
       refused_topics {json} not null,
       scopes_at {instant},
       refresh_token_sealed {bytes},
       access_token_expires_at {instant},
       refresh_token_expires_at {instant},
       generation bigint not null,
       refresh_lease {uuid},
       refresh_lease_until {instant},
       authorization_lost_at {instant},
       set_up_at {instant},
       set_up_error text,
       created_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, id),
       foreign key (tenant_id, id) references stores (tenant_id, id),
       foreign key (tenant_id, connection_id) references connections (tenant_id, id))",
    "create index installations_by_refresh on installations (refresh_token_expires_at) where refresh_token_expires_at is not null",
    "create table installation_events (
       id {uuid} not null unique,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       connection_id {uuid},
       action text not null,
       scopes {json},
       message text,
       occurred_at {instant} not null,
       created_at {instant} not null,
       primary key (tenant_id, id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id),
       foreign key (tenant_id, connection_id) references connections (tenant_id, id))",
    "create index installation_events_by_store on installation_events (tenant_id, store_id, occurred_at, id)",
    "create table store_health (
       id {uuid} not null,
       tenant_id {uuid} not null,
       status text not null,
       consecutive_failures bigint not null,
       error_message text,
       response_ms bigint,
       checked_at {instant} not null,
       healthy_at {instant},
       unhealthy_since_at {instant},
       updated_at {instant} not null,
       primary key (tenant_id, id),
       foreign key (tenant_id, id) references stores (tenant_id, id))",
];

async fn history_is_append_only(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if is_postgres(manager) {
        let trigger =
            "create trigger installation_events_kept before update or delete on installation_events for each row execute function noren_refuse_change()";
        return db.execute_unprepared(trigger).await.map(drop);
    }
    let refuse = "begin select raise(abort, 'installation_events is append-only'); end";
    for statement in [
        format!("create trigger installation_events_unchanged before update on installation_events {refuse}"),
        format!("create trigger installation_events_kept before delete on installation_events {refuse}"),
        // INSERT OR REPLACE deletes without asking the triggers of deletions.
        format!(
            "create trigger installation_events_not_replaced before insert on installation_events
               when exists (select 1 from installation_events e where e.id = new.id) {refuse}"
        ),
    ] {
        db.execute_unprepared(&statement).await?;
    }
    Ok(())
}
