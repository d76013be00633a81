//! Stores with something in them: rows of every shape, with ties in what lists are sorted by, always the same.

use chrono::{DateTime, TimeDelta, Utc};
use entities::tables::{customers, order_items, orders, product_variants, products, stores};
use entities::{FinancialStatus, FulfillmentStatus, OrderStatus, StoreDataKind, StoreId, StoreStatus, TenantId};
use platform::db::Access;
use platform::text::{fold, search_text};
use platform::{Database, Ids, Tx};
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

/// Everything of one store, as it was written.
pub struct StoreData {
    /// The store.
    pub store: StoreId,
    /// Its row.
    pub row: stores::Model,
    /// Its customers.
    pub customers: Vec<customers::Model>,
    /// Its products.
    pub products: Vec<products::Model>,
    /// Their variants, two each.
    pub variants: Vec<product_variants::Model>,
    /// Its orders.
    pub orders: Vec<orders::Model>,
    /// Their items, two each.
    pub items: Vec<order_items::Model>,
}

/// Names that a search has to take literally, and in every width.
pub const NAMES: [&str; 6] = ["山田", "Ｔａｎａｋａ", "50%", "under_score", "back\\slash", "Ｍｉｘ５０"];
const FRACTIONS: [i64; 7] = [0, 500_000, 500_001, 120_000, 999_999, 1, 100_000];

/// The same number for the same row, another for another.
fn pick(row: usize, salt: usize) -> usize {
    let mixed = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) as usize >> 7
}

/// True for one row in `of`.
fn one_in(of: usize, row: usize, salt: usize) -> bool {
    pick(row, salt).is_multiple_of(of)
}

fn one_of<T: Copy>(of: &[T], row: usize, salt: usize) -> T {
    of[pick(row, salt) % of.len()]
}

/// Instants within three seconds, many of them the same, with fractions of all lengths.
fn instant(row: usize, salt: usize) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().expect("an instant");
    start + TimeDelta::seconds((pick(row, salt) % 3) as i64) + TimeDelta::microseconds(one_of(&FRACTIONS, row, salt + 1))
}

fn id<T: From<uuid::Uuid>>() -> T {
    T::from(Ids::at("2026-03-01T00:00:00Z".parse().expect("an instant")))
}

/// A store without anything in it.
pub fn store_row(tenant: TenantId, marker: &str) -> stores::Model {
    let domain = format!("{marker}.myshopify.com");
    stores::Model {
        id: id(),
        tenant_id: tenant,
        provider: "shopify".to_owned(),
        name: format!("{marker} shop"),
        name_key: fold(&format!("{marker} shop")),
        search_text: search_text(&[Some(&format!("{marker} shop")), Some(&domain)]),
        domain,
        external_shop_id: Some(format!("gid://{marker}/Shop/1")),
        description: Some(format!("{marker} sells")),
        data_kind: StoreDataKind::Production,
        status: StoreStatus::Active,
        settings: json!({ "of": marker }),
        embedded_settings: json!({ "of": marker }),
        api_key: None,
        api_secret_sealed: None,
        access_token_sealed: None,
        scopes: json!(["read_orders"]),
        time_zone: "Asia/Tokyo".to_owned(),
        currency_code: "JPY".to_owned(),
        initial_setup_completed: true,
        last_sync_at: None,
        paused_at: None,
        installed_at: None,
        uninstalled_at: None,
        data_deletion_scheduled_at: None,
        data_deletion_completed_at: None,
        created_at: instant(marker.len(), 1),
        updated_at: instant(marker.len(), 2),
    }
}

fn customer(of: &stores::Model, marker: &str, row: usize) -> customers::Model {
    let (first, last) = (format!("{marker} {row}"), one_of(&NAMES, row, 10).to_owned());
    let email = (!one_in(5, row, 11)).then(|| format!("Buyer{row}@{marker}.example.com"));
    customers::Model {
        id: id(),
        tenant_id: of.tenant_id,
        store_id: of.id,
        external_id: format!("gid://{marker}/Customer/{row}"),
        search_text: search_text(&[Some(&first), Some(&last), email.as_deref()]),
        first_name: Some(first),
        last_name: Some(last),
        email_key: email.as_deref().map(fold),
        email,
        phone: None,
        company: None,
        city: Some("東京".to_owned()),
        province_code: None,
        country_code: Some("JP".to_owned()),
        address_phone: None,
        accepts_email_marketing: one_in(2, row, 12),
        email_marketing_updated_at: None,
        accepts_sms_marketing: false,
        sms_marketing_updated_at: None,
        total_spent_minor: (pick(row, 13) % 4) as i64 * 1_000,
        currency_code: one_of(&["JPY", "JPY", "USD"], row, 14).to_owned(),
        total_orders: 1,
        tax_exempt: false,
        tags: json!([marker]),
        company_store_name: None,
        industry: None,
        segment: None,
        is_active: !one_in(3, row, 15),
        created_at: instant(row, 16),
        updated_at: instant(row, 18),
        synced_at: instant(row, 20),
        pending_import_id: None,
    }
}

fn product(of: &stores::Model, marker: &str, row: usize) -> products::Model {
    let title = format!("{} {marker}", one_of(&NAMES, row, 30));
    let vendor = one_of(&[None, Some("Kyoto Works"), Some("kyoto works"), Some("100%")], row, 31).map(str::to_owned);
    products::Model {
        id: id(),
        tenant_id: of.tenant_id,
        store_id: of.id,
        external_id: format!("gid://{marker}/Product/{row}"),
        title_key: fold(&title),
        search_text: search_text(&[Some(&title), vendor.as_deref()]),
        title,
        handle: Some(format!("{marker}-{row}")),
        description: Some(format!("by {marker}")),
        category: one_of(&[None, Some("Cups"), Some("Plates")], row, 32).map(str::to_owned),
        vendor,
        product_type: one_of(&[None, Some("Ware"), Some("Art")], row, 33).map(str::to_owned),
        inventory_quantity: 7,
        created_at: instant(row, 34),
        updated_at: instant(row, 36),
        synced_at: instant(row, 38),
        pending_import_id: None,
    }
}

fn variant(of: &products::Model, marker: &str, row: usize) -> product_variants::Model {
    product_variants::Model {
        id: id(),
        tenant_id: of.tenant_id,
        store_id: of.store_id,
        product_id: of.id,
        external_id: format!("gid://{marker}/ProductVariant/{row}"),
        title: Some(format!("{marker} variant")),
        sku: Some(format!("{marker}-{row}")),
        price_minor: 1_200,
        compare_at_price_minor: None,
        currency_code: "JPY".to_owned(),
        inventory_quantity: 3,
        options: json!([]),
        barcode: None,
        weight_thousandths: Some(1_500),
        weight_unit: Some("GRAMS".to_owned()),
        requires_shipping: true,
        taxable: true,
        created_at: instant(row, 40),
        updated_at: instant(row, 42),
        synced_at: instant(row, 44),
        pending_import_id: None,
    }
}

fn order(of: &stores::Model, buyer: Option<&customers::Model>, marker: &str, row: usize) -> orders::Model {
    use FinancialStatus::{Paid, Pending, Refunded};
    use FulfillmentStatus::{Fulfilled, OnHold, Unfulfilled};
    let number = format!("#{}", 1_001 + row % 50);
    let email = (!one_in(5, row, 50)).then(|| format!("Order{row}@{marker}.example.com"));
    let name = buyer.and_then(|buyer| buyer.last_name.as_deref());
    orders::Model {
        id: id(),
        tenant_id: of.tenant_id,
        store_id: of.id,
        customer_id: buyer.map(|buyer| buyer.id),
        external_id: format!("gid://{marker}/Order/{row}"),
        external_customer_id: buyer.map(|buyer| buyer.external_id.clone()),
        search_text: search_text(&[Some(&number), email.as_deref(), name]),
        number,
        email_key: email.as_deref().map(fold),
        email,
        total_price_minor: (pick(row, 51) % 4) as i64 * 1_000,
        subtotal_price_minor: None,
        tax_price_minor: None,
        currency_code: one_of(&["JPY", "JPY", "USD"], row, 52).to_owned(),
        status: one_of(&[OrderStatus::Open, OrderStatus::Closed, OrderStatus::Cancelled], row, 53),
        financial_status: one_of(&[None, Some(Paid), Some(Pending), Some(Refunded)], row, 54),
        fulfillment_status: one_of(&[None, Some(Fulfilled), Some(OnHold), Some(Unfulfilled)], row, 55),
        test: one_in(4, row, 56),
        processed_at: instant(row, 57),
        cancelled_at: None,
        created_at: instant(row, 59),
        updated_at: instant(row, 61),
        synced_at: instant(row, 63),
        pending_import_id: None,
    }
}

fn item(of: &orders::Model, variant: Option<&product_variants::Model>, product: Option<&products::Model>, marker: &str, row: usize) -> order_items::Model {
    order_items::Model {
        id: id(),
        tenant_id: of.tenant_id,
        store_id: of.store_id,
        order_id: of.id,
        external_id: format!("gid://{marker}/LineItem/{row}"),
        external_product_id: product.map(|product| product.external_id.clone()),
        external_variant_id: variant.map(|variant| variant.external_id.clone()),
        position: (row % 2) as i64,
        product_title: format!("{marker} cup"),
        product_handle: None,
        product_vendor: None,
        product_type: None,
        sku: None,
        variant_title: None,
        price_minor: 500,
        compare_at_price_minor: None,
        quantity: 2,
        total_price_minor: 1_000,
        currency_code: "JPY".to_owned(),
        options: json!([]),
        requires_shipping: true,
        taxable: true,
        created_at: instant(row, 70),
        updated_at: instant(row, 72),
        pending_import_id: None,
    }
}

/// A store with `rows` customers, products and orders; every eighth order has no customer.
pub async fn store(db: &Database, tenant: TenantId, marker: &str, rows: usize) -> StoreData {
    let row = store_row(tenant, marker);
    let customers: Vec<_> = (0..rows).map(|n| customer(&row, marker, n)).collect();
    let products: Vec<_> = (0..rows).map(|n| product(&row, marker, n)).collect();
    let variants: Vec<_> = (0..rows * 2).map(|n| variant(&products[n / 2], marker, n)).collect();
    let buyer = |n: usize| (n % 8 != 7).then(|| &customers[pick(n, 80) % rows]);
    let orders: Vec<_> = (0..rows).map(|n| order(&row, buyer(n), marker, n)).collect();
    let items = (0..rows * 2).map(|n| {
        let bought = pick(n, 81) % (rows * 2);
        item(&orders[n / 2], variants.get(bought), products.get(bought / 2), marker, n)
    });
    let items: Vec<_> = items.collect();
    let tx = db.write(Access::Platform).await.expect("a transaction");
    insert::<stores::Entity, stores::ActiveModel>(&tx, std::slice::from_ref(&row)).await;
    insert::<customers::Entity, customers::ActiveModel>(&tx, &customers).await;
    insert::<products::Entity, products::ActiveModel>(&tx, &products).await;
    insert::<product_variants::Entity, product_variants::ActiveModel>(&tx, &variants).await;
    insert::<orders::Entity, orders::ActiveModel>(&tx, &orders).await;
    insert::<order_items::Entity, order_items::ActiveModel>(&tx, &items).await;
    tx.commit().await.expect("committed");
    StoreData { store: row.id, row, customers, products, variants, orders, items }
}

/// Writes rows as they are, in sets.
pub async fn insert<E, A>(tx: &Tx, rows: &[E::Model])
where
    E: EntityTrait,
    E::Model: IntoActiveModel<A> + Clone + Sync,
    A: ActiveModelTrait<Entity = E> + Send,
{
    for some in rows.chunks(200) {
        E::insert_many(some.iter().cloned().map(IntoActiveModel::into_active_model)).exec_without_returning(tx).await.expect("rows");
    }
}
