//! The order and the customer of a webhook as the port's plain values, with the meaning that the lines of an export have.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, Utc};
use entities::{Currency, FinancialStatus, FulfillmentStatus, Money};

use super::order_wire::{Consent, Customer, Decimal, DiscountAllocation, DiscountApplication, LineItem, MoneySet, Order, Tags};
use super::values::{Read, id_text, instant, json, not_negative, order_status, required, short, subscribed};
use crate::ports::commerce::{CustomerRecord, Field, OrderChange, OrderItemRecord, OrderRecord};

pub(super) fn read(body: &[u8]) -> Read<OrderChange> {
    let mut wire: Order = json(body)?;
    let id = required(wire.id, "id")?.0;
    let lines = wire.line_items.take().unwrap_or_default();
    let discounts = wire.discount_applications.take().unwrap_or_default();
    let order = order(id, wire)?;
    let (parent, currency) = (&order.external_id, order.total.currency());
    let mut seen = HashSet::new();
    let mut items = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        let item = item(parent, currency, line, &discounts).map_err(|reason| format!("line_items[{index}]: {reason}"))?;
        if !seen.insert(item.position) {
            return Err(format!("line_items[{index}]: the line {} comes twice", item.external_id));
        }
        items.push(item);
    }
    // Lines are never taken out of an order, only counted down.
    Ok(OrderChange { order, items, complete: false })
}

/// The customer of a webhook of their own.
pub(super) fn read_customer(body: &[u8]) -> Read<CustomerRecord> {
    customer(json(body)?)
}

fn order(id: u64, wire: Order) -> Read<OrderRecord> {
    let currency = order_currency(&wire)?;
    let total = amount(wire.total_price_set, wire.total_price, currency, "total_price")?;
    let (customer, embedded) = order_customer(wire.customer)?;
    Ok(OrderRecord {
        external_id: id_text(id),
        number: required(wire.name, "name")?,
        created_at: at(required(wire.created_at, "created_at")?)?,
        updated_at: at(required(wire.updated_at, "updated_at")?)?,
        processed_at: wire.processed_at.try_map(at)?,
        cancelled_at: wire.cancelled_at.try_map(at)?,
        status: order_status(&wire.cancelled_at, &Field::Absent, &wire.closed_at),
        financial_status: wire.financial_status.try_map(|word| financial_status(&word))?,
        fulfillment_status: fulfillment_status(wire.fulfillment_status)?,
        test: wire.test,
        email: text(wire.email),
        total: required(total, "total_price")?,
        subtotal: amount_field(wire.subtotal_price_set, wire.subtotal_price, currency, "subtotal_price")?,
        tax: amount_field(wire.total_tax_set, wire.total_tax, currency, "total_tax")?,
        customer,
        embedded,
    })
}

/// The shop's currency: what the order says, or else what its total is in.
fn order_currency(wire: &Order) -> Read<Currency> {
    let of_total = wire.total_price_set.as_ref().and_then(|set| set.shop_money.as_ref()).map(|money| &money.currency_code);
    let code = required(wire.currency.as_ref().or(of_total), "currency")?;
    code.parse().map_err(|error| format!("currency: {error}"))
}

/// The words are those of the GraphQL API in lower case.
fn financial_status(word: &str) -> Read<FinancialStatus> {
    word.to_ascii_uppercase().parse().map_err(|error| format!("unknown financial_status: {error}"))
}

/// Null says that nothing was sent yet.
fn fulfillment_status(word: Field<String>) -> Read<Field<FulfillmentStatus>> {
    let word = match word {
        Field::Absent => return Ok(Field::Absent),
        Field::Null => return Ok(Field::Value(FulfillmentStatus::Unfulfilled)),
        Field::Value(word) => word,
    };
    let status = match word.as_str() {
        "partial" => Ok(FulfillmentStatus::PartiallyFulfilled),
        other => other.to_ascii_uppercase().parse(),
    };
    status.map(Field::Value).map_err(|error| format!("unknown fulfillment_status: {error}"))
}

fn item(parent: &str, currency: Currency, wire: LineItem, discounts: &[DiscountApplication]) -> Read<OrderItemRecord> {
    let id = required(wire.id, "id")?.0;
    let quantity = not_negative(required(wire.quantity, "quantity")?.0, "quantity")?;
    let price = required(amount(wire.price_set, wire.price, currency, "price")?, "price")?;
    let discount = amount(wire.total_discount_set, wire.total_discount, currency, "total_discount")?.map_or(0, Money::minor);
    // Where Shopify counts an automatic discount of the line, `total_discount` is 0 and the allocations tell it.
    let allocated = line_discount(wire.discount_allocations.unwrap_or_default(), discounts, currency)?;
    let full = price.minor().checked_mul(quantity).ok_or("the amount is too large")?;
    let total = full.checked_sub(discount.max(allocated)).filter(|total| *total >= 0).ok_or("the discount is larger than the price")?;
    Ok(OrderItemRecord {
        external_id: id_text(id),
        parent: parent.to_owned(),
        position: i64::try_from(id).map_err(|_| "the id is too large")?,
        title: required(wire.title, "title")?,
        external_product_id: wire.product_id.map(|id| id_text(id.0)),
        external_variant_id: wire.variant_id.map(|id| id_text(id.0)),
        handle: Field::Absent,
        vendor: text(wire.vendor),
        product_type: Field::Absent,
        sku: text(wire.sku),
        variant_title: text(wire.variant_title),
        price,
        compare_at_price: Field::Absent,
        quantity,
        total: Money::from_minor(total, currency),
        options: Field::Absent,
        requires_shipping: wire.requires_shipping,
        taxable: wire.taxable,
    })
}

/// What was taken off the line itself. Exports count neither discounts of the whole order nor those of a code (`discountedTotalSet`).
fn line_discount(allocations: Vec<DiscountAllocation>, discounts: &[DiscountApplication], currency: Currency) -> Read<i64> {
    let mut sum = Money::from_minor(0, currency);
    for allocation in allocations {
        let from = allocation.discount_application_index.and_then(|index| discounts.get(index));
        let of_line = from.is_some_and(|from| {
            from.target_type.as_deref() == Some("line_item")
                && from.target_selection.as_deref().is_some_and(|selection| selection != "all")
                && from.kind.as_deref().is_some_and(|kind| kind != "discount_code")
        });
        let taken = required(amount(allocation.amount_set, allocation.amount, currency, "discount_allocations.amount")?, "discount_allocations.amount")?;
        if of_line {
            sum = sum.checked_add(taken).map_err(|error| format!("discount_allocations: {error}"))?;
        }
    }
    Ok(sum.minor())
}

/// An amount in the shop's currency, from the set that names it or the plain decimal beside it.
fn amount(set: Option<MoneySet>, plain: Option<Decimal>, currency: Currency, name: &str) -> Read<Option<Money>> {
    let money = match (set.and_then(|set| set.shop_money), plain) {
        (Some(shop), _) => {
            let said: Currency = shop.currency_code.parse().map_err(|error| format!("{name}_set: {error}"))?;
            if said != currency {
                return Err(format!("wrong currency: {name} is in {said}, the order in {currency}"));
            }
            shop.amount
        }
        (None, Some(plain)) => plain,
        (None, None) => return Ok(None),
    };
    let money = Money::parse(&money.0, currency).map_err(|error| format!("{name}: {error}"))?;
    if money.minor() < 0 { Err(format!("{name} is negative: {}", money.amount())) } else { Ok(Some(money)) }
}

fn amount_field(set: Field<MoneySet>, plain: Field<Decimal>, currency: Currency, name: &str) -> Read<Field<Money>> {
    let carried = set.is_carried() || plain.is_carried();
    let money = amount(set.into_value(), plain.into_value(), currency, name)?;
    Ok(money.map_or(if carried { Field::Null } else { Field::Absent }, Field::Value))
}

fn order_customer(wire: Field<Customer>) -> Read<(Field<String>, Option<CustomerRecord>)> {
    match wire {
        Field::Absent => Ok((Field::Absent, None)),
        Field::Null => Ok((Field::Null, None)),
        Field::Value(wire) => {
            let record = customer(wire).map_err(|reason| format!("customer: {reason}"))?;
            let bare = CustomerRecord { external_id: record.external_id.clone(), ..CustomerRecord::default() };
            Ok((Field::Value(record.external_id.clone()), Some(record).filter(|record| *record != bare)))
        }
    }
}

fn customer(wire: Customer) -> Read<CustomerRecord> {
    let (mail_state, mail_at) = consent(wire.email_marketing_consent);
    let (sms_state, sms_at) = consent(wire.sms_marketing_consent);
    let mut record = CustomerRecord {
        external_id: id_text(required(wire.id, "id")?.0),
        first_name: text(wire.first_name),
        last_name: text(wire.last_name),
        email: text(wire.email),
        accepts_email_marketing: subscribed(mail_state, "subscribed"),
        email_marketing_updated_at: mail_at.try_map(at)?,
        phone: text(wire.phone),
        accepts_sms_marketing: subscribed(sms_state, "subscribed"),
        sms_marketing_updated_at: sms_at.try_map(at)?,
        tax_exempt: wire.tax_exempt,
        tags: wire.tags.map(labels),
        created_at: wire.created_at.try_map(at)?,
        updated_at: wire.updated_at.try_map(at)?,
        ..CustomerRecord::default()
    };
    match wire.default_address {
        Field::Value(address) => {
            record.company = text(address.company);
            record.city = text(address.city);
            record.province_code = text(address.province_code);
            record.country_code = text(address.country_code);
            record.address_phone = text(address.phone);
        }
        Field::Null => {
            for field in [&mut record.company, &mut record.city, &mut record.province_code, &mut record.country_code, &mut record.address_phone] {
                *field = Field::Null;
            }
        }
        Field::Absent => {}
    }
    Ok(record)
}

fn consent(wire: Field<Consent>) -> (Field<String>, Field<DateTime<Utc>>) {
    match wire {
        Field::Value(consent) => (consent.state, consent.consent_updated_at),
        Field::Null => (Field::Null, Field::Null),
        Field::Absent => (Field::Absent, Field::Absent),
    }
}

fn labels(tags: Tags) -> Vec<String> {
    match tags {
        Tags::Text(text) => text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        Tags::List(tags) => tags,
    }
}

/// Webhooks write an empty text where exports write null.
pub(super) fn text(field: Field<String>) -> Field<String> {
    match field {
        Field::Value(text) if text.is_empty() => Field::Null,
        Field::Value(_) | Field::Null | Field::Absent => field,
    }
}

pub(super) fn at(at: DateTime<Utc>) -> Read<DateTime<Utc>> {
    if (1..=9999).contains(&at.year()) { Ok(instant(at)) } else { Err(format!("the date {} is out of range", short(&at.to_string()))) }
}
