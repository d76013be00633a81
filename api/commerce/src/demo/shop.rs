//! One store's catalogue, customers and orders.

use chrono::{DateTime, TimeDelta, Utc};
use entities::{Currency, FinancialStatus, FulfillmentStatus, OrderStatus};
use platform::text::{fold, search_text};
use platform::{Database, DbErr, Tx};
use sea_orm::Value;
use serde_json::json;
use uuid::Uuid;

use super::dice::Dice;
use super::table::{Table, id, instant, text};
use super::words::{ABROAD, CITIES, CITIES_ABROAD, FAMILY, GIVEN, StorePlan};
use super::year;
use crate::records::order_text;

const PRODUCTS: &[&str] = &[
    "id",
    "tenant_id",
    "store_id",
    "external_id",
    "title",
    "title_key",
    "handle",
    "description",
    "category",
    "vendor",
    "product_type",
    "inventory_quantity",
    "search_text",
    "created_at",
    "updated_at",
    "synced_at",
];
const VARIANTS: &[&str] = &[
    "id",
    "tenant_id",
    "store_id",
    "product_id",
    "external_id",
    "title",
    "sku",
    "price_minor",
    "compare_at_price_minor",
    "currency_code",
    "inventory_quantity",
    "options",
    "barcode",
    "weight_thousandths",
    "weight_unit",
    "requires_shipping",
    "taxable",
    "created_at",
    "updated_at",
    "synced_at",
];
const CUSTOMERS: &[&str] = &[
    "id",
    "tenant_id",
    "store_id",
    "external_id",
    "first_name",
    "last_name",
    "email",
    "email_key",
    "phone",
    "city",
    "province_code",
    "country_code",
    "accepts_email_marketing",
    "email_marketing_updated_at",
    "accepts_sms_marketing",
    "total_spent_minor",
    "currency_code",
    "total_orders",
    "tax_exempt",
    "tags",
    "is_active",
    "search_text",
    "created_at",
    "updated_at",
    "synced_at",
];
const ORDERS: &[&str] = &[
    "id",
    "tenant_id",
    "store_id",
    "customer_id",
    "external_id",
    "external_customer_id",
    "number",
    "email",
    "email_key",
    "total_price_minor",
    "subtotal_price_minor",
    "tax_price_minor",
    "currency_code",
    "status",
    "financial_status",
    "fulfillment_status",
    "test",
    "search_text",
    "processed_at",
    "cancelled_at",
    "created_at",
    "updated_at",
    "synced_at",
];
const ITEMS: &[&str] = &[
    "id",
    "tenant_id",
    "store_id",
    "order_id",
    "external_id",
    "external_product_id",
    "external_variant_id",
    "position",
    "product_title",
    "product_vendor",
    "product_type",
    "sku",
    "variant_title",
    "price_minor",
    "quantity",
    "total_price_minor",
    "currency_code",
    "options",
    "requires_shipping",
    "taxable",
    "created_at",
    "updated_at",
];

/// Whose rows they are.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub tenant: Uuid,
    pub store: Uuid,
    pub currency: Currency,
    pub now: DateTime<Utc>,
    /// Tells the stores' external ids apart.
    pub index: i64,
}

struct Variant {
    product: &'static super::words::ProductPlan,
    external_product: String,
    external: String,
    title: &'static str,
    sku: String,
    price: i64,
}

struct Customer {
    id: Uuid,
    external: String,
    first_name: Option<&'static str>,
    last_name: Option<&'static str>,
    email: Option<String>,
    city: (&'static str, &'static str, &'static str),
    created_at: DateTime<Utc>,
    last_order_at: DateTime<Utc>,
    orders: i64,
    spent: i64,
}

/// Fills a store.
pub(super) async fn fill(db: &Database, tx: &Tx, place: Place, plan: &'static StorePlan, dice: &mut Dice) -> Result<(), DbErr> {
    let variants = catalogue(db, tx, place, plan, dice).await?;
    let abroad = plan.currency != "JPY";
    let mut customers: Vec<Customer> = Vec::new();
    let (mut orders, mut items) = (Table::new("orders", ORDERS), Table::new("order_items", ITEMS));
    let mut serial = 0;
    for (index, at) in year::moments(dice, place.now, if abroad { -5 } else { 9 }, plan.orders).into_iter().enumerate() {
        let who = buyer(dice, &mut customers, place, at, abroad);
        let number = format!("{}{}", plan.number_prefix, 1_001 + index);
        order(dice, place, &mut orders, &mut items, &variants, &mut customers[who], (number, index as i64, &mut serial), at);
    }
    let mut rows = Table::new("customers", CUSTOMERS);
    for customer in &customers {
        rows.row(customer_row(dice, place, customer));
    }
    rows.insert(db, tx).await?;
    orders.insert(db, tx).await?;
    items.insert(db, tx).await
}

async fn catalogue(db: &Database, tx: &Tx, place: Place, plan: &'static StorePlan, dice: &mut Dice) -> Result<Vec<Variant>, DbErr> {
    let (mut products, mut rows, mut variants) = (Table::new("products", PRODUCTS), Table::new("product_variants", VARIANTS), Vec::new());
    for (index, product) in plan.products.iter().enumerate() {
        let at = place.now - TimeDelta::days(420 + dice.below(200) as i64);
        let (product_id, external_product) = (dice.id(at), (8_000_000_000 + place.index * 1_000_000 + index as i64).to_string());
        let handle = format!("item-{:02}", index + 1);
        let stock: Vec<i64> = product.4.iter().map(|_| dice.below(180) as i64).collect();
        products.row([
            product_id.into(),
            place.tenant.into(),
            place.store.into(),
            external_product.clone().into(),
            product.0.into(),
            fold(product.0).into(),
            handle.clone().into(),
            format!("<p>{}（{}）</p>", product.0, product.2).into(),
            product.1.into(),
            product.2.into(),
            product.1.into(),
            stock.iter().sum::<i64>().into(),
            search_text(&[Some(product.0), Some(&handle), Some(product.2), Some(product.1)]).into(),
            at.into(),
            at.into(),
            place.now.into(),
        ]);
        for (nth, (title, stock)) in product.4.iter().zip(stock).enumerate() {
            let external = (8_100_000_000 + place.index * 1_000_000 + (index * 10 + nth) as i64).to_string();
            let sku = format!("{}-{:02}-{}", plan.domain.chars().take(3).collect::<String>().to_uppercase(), index + 1, nth + 1);
            let price = product.3 + product.3 * nth as i64 * 3 / 4;
            rows.row([
                dice.id(at).into(),
                place.tenant.into(),
                place.store.into(),
                product_id.into(),
                external.clone().into(),
                (*title).into(),
                sku.clone().into(),
                price.into(),
                Value::from(dice.percent(15).then_some(price * 5 / 4)),
                place.currency.code().into(),
                stock.into(),
                options(title),
                format!("49{:011}", dice.below(100_000_000_000)).into(),
                Value::from(Some(50_i64 + dice.below(900) as i64)),
                text(Some("KILOGRAMS")),
                true.into(),
                true.into(),
                at.into(),
                at.into(),
                place.now.into(),
            ]);
            variants.push(Variant { product, external_product: external_product.clone(), external, title, sku, price });
        }
    }
    products.insert(db, tx).await?;
    rows.insert(db, tx).await?;
    Ok(variants)
}

fn options(title: &str) -> Value {
    if title == "Default Title" { json!([]).into() } else { json!([{"name": "種類", "value": title}]).into() }
}

/// Somebody who has bought before, or somebody new.
fn buyer(dice: &mut Dice, customers: &mut Vec<Customer>, place: Place, at: DateTime<Utc>, abroad: bool) -> usize {
    if !customers.is_empty() && dice.percent(58) {
        // Some come again and again.
        let regulars = (customers.len() as u64).div_ceil(5);
        let among = if dice.percent(45) { regulars } else { customers.len() as u64 };
        return dice.below(among) as usize;
    }
    let serial = customers.len() as i64;
    let (family, given) = (dice.pick(FAMILY), dice.pick(GIVEN));
    let stranger = dice.pick(ABROAD);
    let (first_name, last_name, mail_name) = if abroad {
        (stranger.0, stranger.1, format!("{}.{}", stranger.0, stranger.1).to_lowercase())
    } else {
        (given.0, family.0, format!("{}.{}", given.1, family.1))
    };
    // Shopify sends null where an app may not see personal data.
    let (nameless, silent) = (dice.percent(8), dice.percent(12));
    let created_at = at - TimeDelta::minutes(3 + dice.below(40) as i64);
    customers.push(Customer {
        id: dice.id(created_at),
        external: (7_000_000_000 + place.index * 1_000_000 + serial).to_string(),
        first_name: (!nameless).then_some(first_name),
        last_name: (!nameless).then_some(last_name),
        email: (!silent).then(|| format!("{mail_name}{}@example.{}", serial % 900 + 1, if abroad { "com" } else { "jp" })),
        city: *dice.pick(if abroad { CITIES_ABROAD } else { CITIES }),
        created_at,
        last_order_at: at,
        orders: 0,
        spent: 0,
    });
    customers.len() - 1
}

fn customer_row(dice: &mut Dice, place: Place, customer: &Customer) -> [Value; CUSTOMERS.len()] {
    let agrees = customer.email.is_some() && dice.percent(38);
    let phone = dice.percent(30).then(|| format!("+8190{:08}", dice.below(100_000_000)));
    let tags = if customer.orders >= 6 { json!(["常連"]) } else { json!([]) };
    let email = customer.email.as_deref();
    [
        customer.id.into(),
        place.tenant.into(),
        place.store.into(),
        customer.external.clone().into(),
        text(customer.first_name),
        text(customer.last_name),
        text(email),
        text(email.map(fold).as_deref()),
        text(phone.as_deref()),
        customer.city.0.into(),
        customer.city.1.into(),
        customer.city.2.into(),
        agrees.into(),
        instant(agrees.then_some(customer.created_at)),
        false.into(),
        customer.spent.into(),
        place.currency.code().into(),
        customer.orders.into(),
        false.into(),
        tags.into(),
        true.into(),
        search_text(&[customer.first_name, customer.last_name, email, phone.as_deref()]).into(),
        customer.created_at.into(),
        customer.last_order_at.into(),
        place.now.into(),
    ]
}

/// How an order has gone since it came.
struct Fate {
    status: OrderStatus,
    financial: FinancialStatus,
    fulfillment: FulfillmentStatus,
    cancelled_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

fn fate(dice: &mut Dice, at: DateTime<Utc>, now: DateTime<Utc>) -> Fate {
    use FinancialStatus::{Paid, PartiallyRefunded, Pending, Refunded, Voided};
    use FulfillmentStatus::{Fulfilled, PartiallyFulfilled, Restocked, Unfulfilled};
    let later = |hours: u64| (at + TimeDelta::hours(hours as i64)).min(now);
    let age = now - at;
    let chance = dice.below(1_000);
    let hours = 2 + dice.below(60);
    let (status, financial, fulfillment, cancelled_at, updated_at) = match chance {
        0..24 => (OrderStatus::Cancelled, Refunded, Restocked, Some(later(hours)), later(hours)),
        24..34 => (OrderStatus::Cancelled, Voided, Unfulfilled, Some(later(hours)), later(hours)),
        _ if age < TimeDelta::days(1) => (OrderStatus::Open, if dice.percent(20) { Pending } else { Paid }, Unfulfilled, None, at),
        _ if age < TimeDelta::days(4) && dice.percent(60) => {
            (OrderStatus::Open, Paid, if dice.percent(15) { PartiallyFulfilled } else { Unfulfilled }, None, later(hours))
        }
        34..52 => (OrderStatus::Closed, PartiallyRefunded, Fulfilled, None, later(hours + 200)),
        52..64 => (OrderStatus::Closed, Refunded, Fulfilled, None, later(hours + 240)),
        64..70 if age < TimeDelta::days(30) => (OrderStatus::Open, Pending, Unfulfilled, None, at),
        _ => (OrderStatus::Closed, Paid, Fulfilled, None, later(hours + 24)),
    };
    Fate { status, financial, fulfillment, cancelled_at, updated_at }
}

#[expect(clippy::too_many_arguments, reason = "the two tables that grow, and everything that a row of them is made of")]
fn order(
    dice: &mut Dice,
    place: Place,
    orders: &mut Table,
    items: &mut Table,
    variants: &[Variant],
    customer: &mut Customer,
    (number, index, serial): (String, i64, &mut i64),
    at: DateTime<Utc>,
) {
    let order_id = dice.id(at);
    let fate = fate(dice, at, place.now);
    let test = dice.percent(1);
    let mut subtotal = 0;
    for _ in 0..=dice.weighted(&[46, 30, 16, 8]) {
        let variant = dice.pick(variants);
        let quantity = 1 + dice.weighted(&[78, 16, 6]) as i64;
        let external = 9_000_000_000 + place.index * 1_000_000 + *serial;
        *serial += 1;
        subtotal += variant.price * quantity;
        items.row([
            dice.id(at).into(),
            place.tenant.into(),
            place.store.into(),
            order_id.into(),
            external.to_string().into(),
            variant.external_product.clone().into(),
            variant.external.clone().into(),
            external.into(),
            variant.product.0.into(),
            variant.product.2.into(),
            variant.product.1.into(),
            variant.sku.clone().into(),
            text(Some(variant.title).filter(|title| *title != "Default Title")),
            variant.price.into(),
            quantity.into(),
            (variant.price * quantity).into(),
            place.currency.code().into(),
            options(variant.title),
            true.into(),
            true.into(),
            at.into(),
            fate.updated_at.into(),
        ]);
    }
    // Prices in yen include the tax of 10 %; small orders pay for their delivery.
    let yen = place.currency == Currency::JPY;
    let delivery = match (yen, subtotal) {
        (true, ..5_000) => 660,
        (false, ..6_000) => 900,
        _ => 0,
    };
    let tax = if yen { (subtotal + delivery + 5) / 11 } else { 0 };
    let email = customer.email.as_deref();
    orders.row([
        order_id.into(),
        place.tenant.into(),
        place.store.into(),
        id(Some(customer.id)),
        (5_000_000_000 + place.index * 1_000_000 + index).to_string().into(),
        customer.external.clone().into(),
        number.clone().into(),
        text(email),
        text(email.map(fold).as_deref()),
        (subtotal + delivery).into(),
        subtotal.into(),
        tax.into(),
        place.currency.code().into(),
        fate.status.as_str().into(),
        fate.financial.as_str().into(),
        fate.fulfillment.as_str().into(),
        test.into(),
        order_text([Some(&number), email, customer.first_name, customer.last_name, email]).into(),
        at.into(),
        instant(fate.cancelled_at),
        at.into(),
        fate.updated_at.into(),
        place.now.into(),
    ]);
    if !test && fate.status != OrderStatus::Cancelled {
        customer.orders += 1;
        customer.spent += subtotal + delivery;
    }
    customer.last_order_at = at;
}
