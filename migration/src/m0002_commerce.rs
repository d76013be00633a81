//! Stores, customers, products, variants, orders and their items (appendix A of seed 004).
//!
//! Money is minor units beside `currency_code`. `external_id` is the provider's id. Rows of a running import on SQLite
//! bear `pending_import_id` and are invisible until the run is done.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::ConnectionTrait;

use crate::dialect::{drop_tables, is_postgres, run};
use crate::tenancy::{lookup_function, open_to_identity, protect};

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: [&str; 7] = ["stores", "membership_stores", "customers", "products", "product_variants", "orders", "order_items"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, STATEMENTS).await?;
        for table in TABLES {
            protect(manager, table).await?;
        }
        open_to_identity(manager, "membership_stores", "select, insert, delete").await?;
        open_to_identity(manager, "stores", "select").await?;
        user_caller_function(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if is_postgres(manager) {
            manager.get_connection().execute_unprepared(&format!("drop function {USER_CALLER}")).await?;
        }
        drop_tables(manager, &TABLES).await
    }
}

const USER_CALLER: &str = "noren_user_caller(uuid, uuid)";

/// A user, the session, and the memberships with the stores that they are limited to, in one statement.
async fn user_caller_function(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if !is_postgres(manager) {
        return Ok(());
    }
    let create = "create function noren_user_caller(the_user uuid, the_session uuid) returns table (
        user_status text, platform_admin boolean, locale text, session_revoked_at timestamptz, session_expires_at timestamptz,
        membership_id uuid, tenant_id uuid, role text, all_stores boolean, tenant_status text, store_ids text)
      language sql stable security definer set search_path = public, pg_temp as $$
        select u.status, u.platform_admin, u.locale, s.revoked_at, s.expires_at, m.id, m.tenant_id, m.role, m.all_stores, n.status,
          (select string_agg(replace(ms.store_id::text, '-', ''), ',') from membership_stores ms where ms.tenant_id = m.tenant_id and ms.membership_id = m.id)
        from users u
        left join sessions s on s.id = the_session and s.user_id = u.id
        left join tenant_memberships m on m.user_id = u.id and m.accepted_at is not null and m.disabled_at is null
        left join tenants n on n.id = m.tenant_id
        where u.id = the_user order by m.created_at, m.id $$";
    manager.get_connection().execute_unprepared(create).await?;
    lookup_function(manager, USER_CALLER).await
}

const STATEMENTS: &[&str] = &[
    "create table stores (
       id {uuid} not null,
       tenant_id {uuid} not null references tenants (id),
       provider text not null,
       name text not null,
       name_key {key} not null,
       domain text not null,
       external_shop_id text,
       description text,
       data_kind text not null,
       status text not null,
       settings {json} not null,
       api_key text,
       api_secret_sealed {bytes},
       access_token_sealed {bytes},
       scopes {json} not null,
       time_zone text not null,
       currency_code text not null,
       search_text text not null,
       initial_setup_completed boolean not null,
       last_sync_at {instant},
       installed_at {instant},
       uninstalled_at {instant},
       data_deletion_scheduled_at {instant},
       data_deletion_completed_at {instant},
       created_at {instant} not null,
       updated_at {instant} not null,
       primary key (tenant_id, id),
       unique (id),
       unique (tenant_id, provider, domain))",
    "create index stores_by_name on stores (tenant_id, name_key, id)",
    "create index stores_by_created on stores (tenant_id, created_at, id)",
    "create table membership_stores (
       tenant_id {uuid} not null,
       membership_id {uuid} not null,
       store_id {uuid} not null,
       primary key (tenant_id, membership_id, store_id),
       foreign key (tenant_id, membership_id) references tenant_memberships (tenant_id, id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create table customers (
       id {uuid} not null,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
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
       accepts_email_marketing boolean not null,
       email_marketing_updated_at {instant},
       accepts_sms_marketing boolean not null,
       sms_marketing_updated_at {instant},
       total_spent_minor bigint not null,
       currency_code text not null,
       total_orders bigint not null,
       tax_exempt boolean not null,
       tags {json} not null,
       company_store_name text,
       industry text,
       segment text,
       is_active boolean not null,
       search_text text not null,
       created_at {instant} not null,
       updated_at {instant} not null,
       synced_at {instant} not null,
       pending_import_id {uuid},
       primary key (tenant_id, id),
       unique (tenant_id, store_id, external_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create index customers_by_created on customers (tenant_id, created_at, id)",
    "create index customers_by_updated on customers (tenant_id, updated_at, id)",
    "create index customers_by_spent on customers (tenant_id, total_spent_minor, id)",
    "create index customers_by_store_created on customers (tenant_id, store_id, created_at, id)",
    "create index customers_by_store_updated on customers (tenant_id, store_id, updated_at, id)",
    "create index customers_by_store_spent on customers (tenant_id, store_id, total_spent_minor, id)",
    "create index customers_by_email on customers (tenant_id, email_key)",
    "create table products (
       id {uuid} not null,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       external_id {key} not null,
       title text not null,
       title_key {key} not null,
       handle text,
       description text,
       category text,
       vendor text,
       product_type text,
       inventory_quantity bigint not null,
       search_text text not null,
       created_at {instant} not null,
       updated_at {instant} not null,
       synced_at {instant} not null,
       pending_import_id {uuid},
       primary key (tenant_id, id),
       unique (tenant_id, store_id, external_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id))",
    "create index products_by_title on products (tenant_id, title_key, id)",
    "create index products_by_created on products (tenant_id, created_at, id)",
    "create index products_by_updated on products (tenant_id, updated_at, id)",
    "create index products_by_store_title on products (tenant_id, store_id, title_key, id)",
    "create index products_by_store_created on products (tenant_id, store_id, created_at, id)",
    "create index products_by_store_updated on products (tenant_id, store_id, updated_at, id)",
    "create table product_variants (
       id {uuid} not null,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       product_id {uuid} not null,
       external_id {key} not null,
       title text,
       sku text,
       price_minor bigint not null,
       compare_at_price_minor bigint,
       currency_code text not null,
       inventory_quantity bigint not null,
       options {json} not null,
       barcode text,
       weight_thousandths bigint,
       weight_unit text,
       requires_shipping boolean not null,
       taxable boolean not null,
       created_at {instant} not null,
       updated_at {instant} not null,
       synced_at {instant} not null,
       pending_import_id {uuid},
       primary key (tenant_id, id),
       unique (tenant_id, store_id, external_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id),
       foreign key (tenant_id, product_id) references products (tenant_id, id))",
    "create index product_variants_by_product on product_variants (tenant_id, product_id, created_at, id)",
    "create index product_variants_by_sku on product_variants (tenant_id, sku)",
    "create table orders (
       id {uuid} not null,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       customer_id {uuid},
       external_id {key} not null,
       external_customer_id text,
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
       synced_at {instant} not null,
       pending_import_id {uuid},
       primary key (tenant_id, id),
       unique (tenant_id, store_id, external_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id),
       foreign key (tenant_id, customer_id) references customers (tenant_id, id))",
    "create index orders_by_processed on orders (tenant_id, processed_at, id)",
    "create index orders_by_updated on orders (tenant_id, updated_at, id)",
    "create index orders_by_total on orders (tenant_id, total_price_minor, id)",
    "create index orders_by_store_processed on orders (tenant_id, store_id, processed_at, id)",
    "create index orders_by_store_updated on orders (tenant_id, store_id, updated_at, id)",
    "create index orders_by_store_total on orders (tenant_id, store_id, total_price_minor, id)",
    "create index orders_by_customer_processed on orders (tenant_id, customer_id, processed_at, id)",
    "create index orders_by_number on orders (tenant_id, number)",
    "create index orders_by_email on orders (tenant_id, email_key)",
    // Orders that know their customer by the provider's id alone, until the customer comes.
    "create index orders_unlinked on orders (tenant_id, store_id, external_customer_id) where customer_id is null and external_customer_id is not null",
    "create table order_items (
       id {uuid} not null,
       tenant_id {uuid} not null,
       store_id {uuid} not null,
       order_id {uuid} not null,
       external_id {key} not null,
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
       options {json} not null,
       requires_shipping boolean not null,
       taxable boolean not null,
       created_at {instant} not null,
       updated_at {instant} not null,
       pending_import_id {uuid},
       primary key (tenant_id, id),
       unique (tenant_id, store_id, external_id),
       foreign key (tenant_id, store_id) references stores (tenant_id, id),
       foreign key (tenant_id, order_id) references orders (tenant_id, id))",
    "create index order_items_by_order on order_items (tenant_id, order_id, position, id)",
];
