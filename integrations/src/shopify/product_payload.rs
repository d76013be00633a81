//! The product and the refund of a webhook as the port's plain values.

use chrono::{DateTime, Utc};
use entities::{Currency, Money};
use serde::Deserialize;

use super::order_payload::{at, text};
use super::order_wire::{Decimal, Id};
use super::values::{Read, id_text, json, required};
use crate::ports::commerce::{Field, OptionValue, ProductChange, ProductRecord, ProductVariantRecord, RefundRecord};

#[derive(Deserialize)]
struct Product {
    id: Option<Id>,
    title: Option<String>,
    #[serde(default)]
    handle: Field<String>,
    #[serde(default)]
    body_html: Field<String>,
    #[serde(default)]
    vendor: Field<String>,
    #[serde(default)]
    product_type: Field<String>,
    #[serde(default)]
    category: Field<Category>,
    #[serde(default)]
    created_at: Field<DateTime<Utc>>,
    #[serde(default)]
    updated_at: Field<DateTime<Utc>>,
    variants: Option<Vec<Variant>>,
    /// All variants, where there are too many to be written out.
    variant_gids: Option<Vec<serde::de::IgnoredAny>>,
    options: Option<Vec<ProductOption>>,
}

#[derive(Deserialize)]
struct Category {
    #[serde(default)]
    name: Field<String>,
}

#[derive(Deserialize)]
struct ProductOption {
    name: String,
    #[serde(default)]
    position: Option<u64>,
}

#[derive(Deserialize)]
struct Variant {
    id: Option<Id>,
    #[serde(default)]
    title: Field<String>,
    #[serde(default)]
    sku: Field<String>,
    #[serde(default)]
    barcode: Field<String>,
    price: Option<Decimal>,
    #[serde(default)]
    compare_at_price: Field<Decimal>,
    #[serde(default)]
    inventory_quantity: Field<i64>,
    #[serde(default)]
    requires_shipping: Field<bool>,
    #[serde(default)]
    taxable: Field<bool>,
    #[serde(default)]
    created_at: Field<DateTime<Utc>>,
    #[serde(default)]
    updated_at: Field<DateTime<Utc>>,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
}

pub(super) fn read(body: &[u8]) -> Read<ProductChange> {
    let wire: Product = json(body)?;
    let id = id_text(required(wire.id, "id")?.0);
    let mut options = wire.options.unwrap_or_default();
    options.sort_by_key(|option| option.position);
    let carried = wire.variants.is_some();
    let wires = wire.variants.unwrap_or_default();
    let complete = carried && wire.variant_gids.is_none_or(|all| all.len() <= wires.len());
    // How many there are is the sum over the variants, where all of them are told.
    let mut stock = if complete { Some(0_i64) } else { None };
    let mut variants = Vec::with_capacity(wires.len());
    for (index, wire) in wires.into_iter().enumerate() {
        let variant = variant(&id, wire, &options).map_err(|reason| format!("variants[{index}]: {reason}"))?;
        stock = stock.and_then(|sum| sum.checked_add(*variant.inventory_quantity.value()?));
        variants.push(variant);
    }
    let product = ProductRecord {
        title: required(wire.title, "title")?,
        handle: text(wire.handle),
        description: wire.body_html,
        category: wire.category.and_then(|category| category.name),
        vendor: text(wire.vendor),
        product_type: wire.product_type,
        inventory_quantity: stock.map_or(Field::Absent, Field::Value),
        created_at: wire.created_at.try_map(at)?,
        updated_at: wire.updated_at.try_map(at)?,
        external_id: id,
    };
    Ok(ProductChange { product, variants, complete })
}

fn variant(product: &str, wire: Variant, options: &[ProductOption]) -> Read<ProductVariantRecord> {
    let chosen = [wire.option1, wire.option2, wire.option3];
    let named = options.iter().zip(chosen).filter_map(|(option, value)| Some(OptionValue { name: option.name.clone(), value: value? }));
    Ok(ProductVariantRecord {
        external_id: id_text(required(wire.id, "id")?.0),
        parent: product.to_owned(),
        title: wire.title,
        sku: text(wire.sku),
        barcode: text(wire.barcode),
        price: required(wire.price, "price")?.0,
        compare_at_price: wire.compare_at_price.map(|price| price.0),
        inventory_quantity: wire.inventory_quantity,
        options: if options.is_empty() { Field::Absent } else { Field::Value(named.collect()) },
        weight_thousandths: Field::Absent,
        weight_unit: Field::Absent,
        requires_shipping: wire.requires_shipping,
        taxable: wire.taxable,
        created_at: wire.created_at.try_map(at)?,
        updated_at: wire.updated_at.try_map(at)?,
    })
}

#[derive(Deserialize)]
struct Refund {
    id: Option<Id>,
    order_id: Option<Id>,
    created_at: Option<DateTime<Utc>>,
    transactions: Option<Vec<Transaction>>,
}

#[derive(Deserialize)]
struct Transaction {
    kind: String,
    status: String,
    amount: Decimal,
    currency: Option<String>,
}

pub(super) fn read_refund(body: &[u8]) -> Read<RefundRecord> {
    let wire: Refund = json(body)?;
    Ok(RefundRecord {
        external_id: id_text(required(wire.id, "id")?.0),
        order: id_text(required(wire.order_id, "order_id")?.0),
        created_at: at(required(wire.created_at, "created_at")?)?,
        amount: given_back(wire.transactions.unwrap_or_default())?,
    })
}

/// The sum of what has gone through, where it is all in one currency.
fn given_back(transactions: Vec<Transaction>) -> Read<Field<Money>> {
    let mut sum: Option<Money> = None;
    for transaction in transactions.into_iter().filter(|transaction| transaction.kind == "refund" && transaction.status == "success") {
        let currency: Currency = required(transaction.currency, "currency")?.parse().map_err(|error| format!("currency: {error}"))?;
        let amount = Money::parse(&transaction.amount.0, currency).map_err(|error| format!("amount: {error}"))?;
        sum = match sum {
            None => Some(amount),
            Some(so_far) if so_far.currency() != currency => return Ok(Field::Absent),
            Some(so_far) => Some(so_far.checked_add(amount).map_err(|error| format!("transactions: {error}"))?),
        };
    }
    Ok(sum.map_or(Field::Absent, Field::Value))
}
