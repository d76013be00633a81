//! The machinery: events and their feeds, jobs and schedules, the audit chain, usage.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, is_postgres, run};
use crate::tenancy::{APP_ROLE, PLATFORM_ROLE, WORKER_ROLE, create_roles, grant, open_to_identity, open_to_worker, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 8] = ["events", "feeds", "jobs", "job_schedules", "audit_events", "audit_details", "audit_chains", "usage_days"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_roles(manager).await?;
        run(manager, EVENTS).await?;
        run(manager, JOBS).await?;
        run(manager, AUDIT).await?;
        run(manager, USAGE).await?;
        audit_is_append_only(manager).await?;
        for table in ["events", "feeds", "jobs", "audit_events", "audit_details", "audit_chains", "usage_days"] {
            protect(manager, table).await?;
        }
        share(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, &TABLES).await?;
        if is_postgres(manager) {
            manager.get_connection().execute_unprepared("drop function noren_refuse_change()").await?;
            for (table, _) in [("tenants", "select"), ("stores", "select")] {
                manager.get_connection().execute_unprepared(&format!("drop policy worker on {table}")).await?;
            }
        }
        Ok(())
    }
}

/// What happened, in its own words; the relay gives each event its place in the feed of its tenant, or of the platform
/// (a nil `feed_id`), once it is committed.
const EVENTS: &[&str] = &[
    "create table events (
       seq {serial},
       id {uuid} not null unique,
       tenant_id {uuid} references tenants (id),
       feed_id {uuid} not null,
       store_id {uuid},
       name text not null,
       version integer not null,
       subject text,
       data text not null,
       actor text not null,
       request_id text,
       occurred_at {instant} not null,
       position bigint)",
    "create unique index events_by_position on events (feed_id, position) where position is not null",
    "create index events_waiting on events (seq) where position is null",
    "create index events_by_age on events (occurred_at)",
    "create table feeds (
       feed_id {uuid} primary key,
       tenant_id {uuid} references tenants (id),
       position bigint not null)",
];

const JOBS: &[&str] = &[
    "create table jobs (
       id {uuid} primary key,
       tenant_id {uuid} references tenants (id),
       queue text not null,
       kind text not null,
       unique_key text,
       payload {json} not null,
       status text not null,
       attempts integer not null,
       max_attempts integer not null,
       lease {uuid},
       lease_until {instant},
       last_error text,
       run_at {instant} not null,
       started_at {instant},
       finished_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       unique (tenant_id, id))",
    "create index jobs_due on jobs (queue, run_at, id) where status = 'QUEUED'",
    "create index jobs_running on jobs (lease_until) where status = 'RUNNING'",
    "create unique index jobs_once on jobs (kind, unique_key) where unique_key is not null and status in ('QUEUED', 'RUNNING')",
    "create index jobs_by_created on jobs (tenant_id, created_at, id)",
    "create index jobs_by_age on jobs (created_at, id)",
    "create index jobs_by_status on jobs (status, tenant_id, created_at, id)",
    "create index jobs_finished on jobs (finished_at) where finished_at is not null",
    "create table job_schedules (
       name text primary key,
       last_tick_at {instant} not null)",
];

/// The chained part of an entry names nobody but by id; what it says of persons is in `audit_details`, which can be erased.
const AUDIT: &[&str] = &[
    "create table audit_events (
       seq {serial},
       id {uuid} not null unique,
       tenant_id {uuid} references tenants (id),
       chain_id {uuid} not null,
       actor_kind text not null,
       actor text not null,
       action text not null,
       subject text,
       outcome text not null,
       request_id text,
       detail_digest {bytes} not null,
       occurred_at {instant} not null,
       position bigint,
       seal {bytes})",
    "create unique index audit_events_by_position on audit_events (chain_id, position) where position is not null",
    "create index audit_events_waiting on audit_events (seq) where position is null",
    "create index audit_events_by_time on audit_events (tenant_id, occurred_at, id)",
    "create index audit_events_by_age on audit_events (occurred_at, id)",
    // The tenant comes second: a platform administrator looks for somebody over all tenants.
    "create index audit_events_by_subject on audit_events (subject, tenant_id, occurred_at, id)",
    "create index audit_events_by_actor on audit_events (actor, tenant_id, occurred_at, id)",
    "create index audit_events_by_action on audit_events (action, tenant_id, occurred_at, id)",
    "create index audit_events_by_actor_kind on audit_events (actor_kind, tenant_id, occurred_at, id)",
    "create index audit_events_by_outcome on audit_events (outcome, tenant_id, occurred_at, id)",
    "create table audit_details (
       audit_id {uuid} primary key references audit_events (id),
       tenant_id {uuid} references tenants (id),
       salt {bytes},
       detail text,
       erased_at {instant})",
    "create table audit_chains (
       chain_id {uuid} primary key,
       tenant_id {uuid} references tenants (id),
       position bigint not null,
       seal {bytes} not null)",
];

/// Counters for each tenant, store (nil: none) and day in the tenant's time zone.
const USAGE: &[&str] = &[
    "create table usage_days (
       tenant_id {uuid} not null references tenants (id),
       store_id {uuid} not null,
       day {key} not null,
       metric text not null,
       amount bigint not null,
       updated_at {instant} not null,
       primary key (tenant_id, day, store_id, metric))",
    "create index usage_days_by_day on usage_days (day, tenant_id)",
];

const STABLE: [&str; 10] = ["id", "tenant_id", "chain_id", "actor_kind", "actor", "action", "subject", "outcome", "request_id", "detail_digest"];

/// An entry gets its place and seal once and is never changed again; a detail can be erased, and nothing else.
async fn audit_is_append_only(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    if is_postgres(manager) {
        let row = |of: &str| STABLE.map(|column| format!("{of}.{column}")).join(", ");
        let sealed = format!("old.position is not null or old.occurred_at <> new.occurred_at or ({}) is distinct from ({})", row("old"), row("new"));
        for statement in [
            "create function noren_refuse_change() returns trigger language plpgsql as $$
               begin raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation'; end $$"
                .to_owned(),
            format!("create trigger audit_events_sealed before update on audit_events for each row when ({sealed}) execute function noren_refuse_change()"),
            "create trigger audit_events_kept before delete on audit_events for each row execute function noren_refuse_change()".to_owned(),
            "create trigger audit_events_not_emptied before truncate on audit_events execute function noren_refuse_change()".to_owned(),
            "create trigger audit_details_erased before update on audit_details for each row
               when (old.erased_at is not null or new.erased_at is null or new.detail is not null or new.salt is not null
                     or new.audit_id <> old.audit_id or new.tenant_id is distinct from old.tenant_id)
               execute function noren_refuse_change()"
                .to_owned(),
            "create trigger audit_details_kept before delete on audit_details for each row execute function noren_refuse_change()".to_owned(),
            "create trigger audit_details_not_emptied before truncate on audit_details execute function noren_refuse_change()".to_owned(),
        ] {
            db.execute_unprepared(&statement).await?;
        }
        return Ok(());
    }
    let changed = STABLE.map(|column| format!("old.{column} is not new.{column}")).join(" or ");
    for statement in [
        format!(
            "create trigger audit_events_sealed before update on audit_events when old.position is not null or old.occurred_at <> new.occurred_at or {changed}
             begin select raise(abort, 'audit_events is append-only'); end"
        ),
        "create trigger audit_events_kept before delete on audit_events begin select raise(abort, 'audit_events is append-only'); end".to_owned(),
        // INSERT OR REPLACE deletes without asking the triggers of deletions.
        "create trigger audit_events_not_replaced before insert on audit_events
           when exists (select 1 from audit_events e where e.id = new.id or e.seq = new.seq)
             or (new.position is not null and exists (select 1 from audit_events e where e.chain_id = new.chain_id and e.position = new.position))
           begin select raise(abort, 'audit_events is append-only'); end"
            .to_owned(),
        "create trigger audit_details_not_replaced before insert on audit_details
           when exists (select 1 from audit_details d where d.audit_id = new.audit_id) begin select raise(abort, 'audit_details is append-only'); end"
            .to_owned(),
        "create trigger audit_details_erased before update on audit_details
           when old.erased_at is not null or new.erased_at is null or new.detail is not null or new.salt is not null
             or new.audit_id is not old.audit_id or new.tenant_id is not old.tenant_id
           begin select raise(abort, 'audit_details is append-only'); end"
            .to_owned(),
        "create trigger audit_details_kept before delete on audit_details begin select raise(abort, 'audit_details is append-only'); end".to_owned(),
    ] {
        db.execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Everybody who writes announces, enqueues and is audited; nobody but the worker role orders, seals and claims.
async fn share(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for (table, rights) in [("events", "insert"), ("jobs", "insert"), ("audit_events", "insert"), ("audit_details", "insert")] {
        open_to_identity(manager, table, rights).await?;
    }
    for (table, rights) in [
        ("events", "select, insert, update, delete"),
        ("feeds", "select, insert, update"),
        ("jobs", "select, insert, update, delete"),
        ("audit_events", "select, update"),
        ("audit_details", "select"),
        ("audit_chains", "select, insert, update"),
        ("usage_days", "select, insert, update"),
        ("tenants", "select"),
        ("stores", "select"),
    ] {
        open_to_worker(manager, table, rights).await?;
    }
    grant(manager, "job_schedules", "select, insert, update", &[WORKER_ROLE]).await?;
    if is_postgres(manager) {
        let db = manager.get_connection();
        for role in [APP_ROLE, PLATFORM_ROLE] {
            for (table, rights) in [
                ("audit_events", "update, delete"),
                ("audit_chains", "insert, update, delete"),
                ("feeds", "insert, update, delete"),
                ("usage_days", "insert, update, delete"),
            ] {
                db.execute_unprepared(&format!("revoke {rights} on {table} from {role}")).await?;
            }
            db.execute_unprepared(&format!("revoke update, delete on events from {role}")).await?;
            db.execute_unprepared(&format!("revoke delete on audit_details from {role}")).await?;
        }
    }
    Ok(())
}
