//! The demo's data: two tenants, four stores, and a believable year that ends now. The same seed gives the same rows.
//!
//! May touch every table of commerce, and the rows of its own tenants; users and tokens are made elsewhere.

mod dice;
mod shop;
mod table;
mod words;
mod year;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entities::{Currency, StoreId, TenantId};
use platform::crypto::{MasterKey, TenantKey};
use platform::db::Access;
use platform::text::{fold, search_text};
use platform::{Database, DbErr, Tx};
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;
use uuid::Uuid;

use dice::Dice;
use shop::Place;
use table::Table;
use words::{StorePlan, TENANTS, TenantPlan};

const SEED: u64 = 20_261_121;

/// What the demo consists of.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Its tenants.
    pub tenants: Vec<DemoTenant>,
}

/// A tenant of the demo.
#[derive(Clone, Debug)]
pub struct DemoTenant {
    /// Its id.
    pub id: TenantId,
    /// Its company name.
    pub company_name: &'static str,
    /// Its stores.
    pub stores: Vec<DemoStore>,
}

/// A store of the demo.
#[derive(Clone, Debug)]
pub struct DemoStore {
    /// Its id.
    pub id: StoreId,
    /// Its name.
    pub name: &'static str,
    /// Its domain.
    pub domain: &'static str,
    /// The currency of its amounts.
    pub currency: Currency,
}

/// Fills an empty database with the year that ends at `now`.
pub async fn fill(db: &Database, master: &MasterKey, now: DateTime<Utc>) -> Result<Demo, DbErr> {
    let now = now.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(now);
    let mut dice = Dice::new(SEED);
    let mut demo = Demo { tenants: Vec::new() };
    let mut index = 0;
    for plan in TENANTS {
        let tenant = dice.id(now - TimeDelta::days(700));
        let tx = db.write(Access::Tenant(TenantId::from(tenant))).await?;
        add_tenant(db, &tx, master, plan, tenant, now).await?;
        let mut stores = Vec::new();
        for store_plan in plan.stores {
            let store = dice.id(now - TimeDelta::days(690 - index));
            let currency: Currency = store_plan.currency.parse().map_err(|error| DbErr::Custom(format!("{error}")))?;
            add_store(db, &tx, store_plan, tenant, store, now).await?;
            shop::fill(db, &tx, Place { tenant, store, currency, now, index }, store_plan, &mut dice).await?;
            stores.push(DemoStore { id: StoreId::from(store), name: store_plan.name, domain: store_plan.domain, currency });
            index += 1;
        }
        tx.commit().await?;
        demo.tenants.push(DemoTenant { id: TenantId::from(tenant), company_name: plan.company, stores });
    }
    Ok(demo)
}

async fn add_tenant(db: &Database, tx: &Tx, master: &MasterKey, plan: &TenantPlan, tenant: Uuid, now: DateTime<Utc>) -> Result<(), DbErr> {
    let created_at = now - TimeDelta::days(700);
    let mut tenants = Table::new(
        "tenants",
        &[
            "id",
            "company_name",
            "company_name_key",
            "search_text",
            "contact_email",
            "contact_phone",
            "billing_address",
            "billing_email",
            "status",
            "time_zone",
            "locale",
            "last_activity_at",
            "created_at",
            "updated_at",
        ],
    );
    tenants.row([
        tenant.into(),
        plan.company.into(),
        fold(plan.company).into(),
        search_text(&[Some(plan.company), Some(plan.email)]).into(),
        plan.email.into(),
        plan.phone.into(),
        plan.address.into(),
        plan.email.into(),
        "ACTIVE".into(),
        "Asia/Tokyo".into(),
        "ja".into(),
        now.into(),
        created_at.into(),
        created_at.into(),
    ]);
    tenants.insert(db, tx).await?;
    let key = TenantKey::random(1);
    let wrapped = key.wrap(master, tenant).map_err(|error| DbErr::Custom(error.to_string()))?;
    let sql = "insert into tenant_keys (tenant_id, key_id, wrapped, created_at) values ($1, 1, $2, $3)";
    let values: [Value; 3] = [tenant.into(), wrapped.into(), created_at.into()];
    tx.execute_raw(db.statement(sql, values)).await?;
    Ok(())
}

async fn add_store(db: &Database, tx: &Tx, plan: &StorePlan, tenant: Uuid, store: Uuid, now: DateTime<Utc>) -> Result<(), DbErr> {
    let installed_at = now - TimeDelta::days(690);
    let mut stores = Table::new(
        "stores",
        &[
            "id",
            "tenant_id",
            "provider",
            "name",
            "name_key",
            "domain",
            "description",
            "data_kind",
            "status",
            "settings",
            "scopes",
            "time_zone",
            "currency_code",
            "search_text",
            "initial_setup_completed",
            "last_sync_at",
            "installed_at",
            "created_at",
            "updated_at",
        ],
    );
    stores.row([
        store.into(),
        tenant.into(),
        "shopify".into(),
        plan.name.into(),
        fold(plan.name).into(),
        plan.domain.into(),
        plan.description.into(),
        "DEMO".into(),
        "ACTIVE".into(),
        json!({}).into(),
        json!(["read_orders", "read_all_orders", "read_products", "read_customers"]).into(),
        plan.time_zone.into(),
        plan.currency.into(),
        search_text(&[Some(plan.name), Some(plan.domain)]).into(),
        true.into(),
        now.into(),
        installed_at.into(),
        installed_at.into(),
        installed_at.into(),
    ]);
    stores.insert(db, tx).await
}
