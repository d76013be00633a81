//! Runs of imports and their staging area: rows as read from a file, before anything of them is visible.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, is_postgres, run};
use crate::tenancy::{APP_ROLE, CURRENT_TENANT, IMPORT_ROLE, act_as, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const STAGED: [&str; 6] = ["staged_customers", "staged_products", "staged_product_variants", "staged_orders", "staged_order_items", "staged_rejections"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, RUNS).await?;
        protect(manager, "import_runs").await?;
        // Staged rows can be read from the file again: PostgreSQL need not log them.
        let create = if is_postgres(manager) { "create unlogged table" } else { "create table" };
        for statement in STAGING {
            run(manager, &[&statement.replacen("create table", create, 1)]).await?;
        }
        for table in STAGED {
            run(manager, &[&format!("create index {table}_by_line on {table} (run_id, line)")]).await?;
        }
        if !is_postgres(manager) {
            run(manager, SQLITE_SLICES).await?;
        }
        give_to_import_role(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !is_postgres(manager) {
            drop_tables(manager, &["staged_changes"]).await?;
        }
        drop_tables(manager, &STAGED).await?;
        drop_tables(manager, &["import_runs"]).await
    }
}

/// COPY refuses tables under row-level security, so the loading role owns the staging tables, and nothing else;
/// whoever merges reads them under the tenant's policy.
async fn give_to_import_role(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let db = manager.get_connection();
    act_as(manager, IMPORT_ROLE).await?;
    db.execute_unprepared(&format!("grant create on schema public to {IMPORT_ROLE}")).await?;
    for table in STAGED {
        for statement in [
            format!("alter table {table} enable row level security"),
            format!("create policy tenant on {table} for all to {APP_ROLE} using (tenant_id = {CURRENT_TENANT})"),
            format!("grant select, delete on {table} to {APP_ROLE}"),
            format!("alter table {table} owner to {IMPORT_ROLE}"),
        ] {
            db.execute_unprepared(&statement).await?;
        }
    }
    db.execute_unprepared(&format!("revoke create on schema public from {IMPORT_ROLE}")).await?;
    Ok(())
}

const RUNS: &[&str] = &[
    "create table import_runs (
       id {uuid} not null,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       provider text not null,
       source text not null,
       status text not null,
       keep_going boolean not null,
       lease_until {instant} not null,
       receipt {json},
       created_at {instant} not null,
       finished_at {instant},
       cleaned boolean not null,
       primary key (tenant_id, id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create unique index import_runs_one_at_a_time on import_runs (tenant_id, store_id) where status in ('STAGING', 'MERGING')",
    "create index import_runs_by_store on import_runs (tenant_id, store_id, created_at)",
    // Runs whose staged rows, or rows not shown yet, are still to be taken away.
    "create index import_runs_not_clean on import_runs (tenant_id, store_id) where not cleaned",
];

/// SQLite merges in slices: it looks rows up one by one where PostgreSQL joins whole tables, and remembers what is to be changed.
const SQLITE_SLICES: &[&str] = &[
    "create index staged_customers_by_external on staged_customers (run_id, external_id, line)",
    "create index staged_products_by_external on staged_products (run_id, external_id, line)",
    "create index staged_product_variants_by_external on staged_product_variants (run_id, external_id, line)",
    "create index staged_orders_by_external on staged_orders (run_id, external_id, line)",
    "create index staged_orders_by_customer on staged_orders (run_id, external_customer_id, created_at)",
    "create index staged_order_items_by_external on staged_order_items (run_id, external_id, line)",
    "create index staged_rejections_by_external on staged_rejections (run_id, external_id)",
    "create table staged_changes (
       run_id blob not null,
       kind text not null,
       line bigint not null,
       primary key (run_id, kind, line)) without rowid",
];

const STAGING: &[&str] = &[
    "create table staged_customers (
       run_id {uuid} not null,
       tenant_id {uuid} not null,
       line bigint not null,
       id {uuid} not null,
       external_id {key} not null,
       first_name text,
       last_name text,
       email text,
       email_key {key},
       phone text,
       company text,
       city text,
       province_code text,
       country_code text,
       address_phone text,
       accepts_email_marketing boolean,
       email_marketing_updated_at {instant},
       accepts_sms_marketing boolean,
       sms_marketing_updated_at {instant},
       total_spent_minor bigint,
       currency_code text,
       total_orders bigint,
       tax_exempt boolean,
       tags {json},
       search_text text not null,
       created_at {instant},
       updated_at {instant},
       carried bigint not null)",
    "create table staged_products (
       run_id {uuid} not null,
       tenant_id {uuid} not null,
       line bigint not null,
       id {uuid} not null,
       external_id {key} not null,
       title text not null,
       title_key {key} not null,
       handle text,
       description text,
       category text,
       vendor text,
       product_type text,
       inventory_quantity bigint,
       search_text text not null,
       created_at {instant},
       updated_at {instant},
       carried bigint not null)",
    "create table staged_product_variants (
       run_id {uuid} not null,
       tenant_id {uuid} not null,
       line bigint not null,
       id {uuid} not null,
       external_id {key} not null,
       parent_external_id {key} not null,
       title text,
       sku text,
       price_minor bigint not null,
       compare_at_price_minor bigint,
       currency_code text not null,
       inventory_quantity bigint,
       options {json},
       barcode text,
       weight_thousandths bigint,
       weight_unit text,
       requires_shipping boolean,
       taxable boolean,
       created_at {instant},
       updated_at {instant},
       carried bigint not null)",
    "create table staged_orders (
       run_id {uuid} not null,
       tenant_id {uuid} not null,
       line bigint not null,
       id {uuid} not null,
       external_id {key} not null,
       external_customer_id {key},
       number {key} not null,
       email text,
       email_key {key},
       total_price_minor bigint not null,
       subtotal_price_minor bigint,
       tax_price_minor bigint,
       currency_code text not null,
       status text not null,
       financial_status text,
       fulfillment_status text,
       test boolean not null,
       search_text text not null,
       processed_at {instant} not null,
       cancelled_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       carried bigint not null)",
    "create table staged_order_items (
       run_id {uuid} not null,
       tenant_id {uuid} not null,
       line bigint not null,
       id {uuid} not null,
       external_id {key} not null,
       parent_external_id {key} not null,
       external_product_id text,
       external_variant_id text,
       position bigint not null,
       product_title text not null,
       product_handle text,
       product_vendor text,
       product_type text,
       sku text,
       variant_title text,
       price_minor bigint not null,
       compare_at_price_minor bigint,
       quantity bigint not null,
       total_price_minor bigint not null,
       currency_code text not null,
       options {json},
       requires_shipping boolean not null,
       taxable boolean not null,
       carried bigint not null)",
    "create table staged_rejections (
       run_id {uuid} not null,
       tenant_id {uuid} not null,
       line bigint not null,
       kind text not null,
       external_id {key},
       reason text not null)",
];
