//! One line of a bulk operation's result file, as the port's plain values. What a line is, its gid tells.

use entities::{Currency, FinancialStatus, FulfillmentStatus, Money};

use super::values::{Read, id_text, instant, json, not_negative, number_of, order_status, parts3, required, short, subscribed};
use super::wire::{self, Count, MoneyBag, MoneyV2};
use crate::ports::commerce::{BulkRecord, CustomerRecord, Field, LineError, OrderItemRecord, OrderRecord, ProductRecord, ProductVariantRecord, RecordKind};

pub(super) fn read_line(line: &[u8]) -> Result<BulkRecord, LineError> {
    let (kind, id) = kind_and_id(line)?;
    read_body(kind, id, line).map_err(|reason| LineError { kind: Some(kind), external_id: Some(id_text(id)), reason })
}

/// Reads a child that came inside of its parent, which its line in a file would name.
pub(super) fn read_child(node: &[u8], parent: &str) -> Result<BulkRecord, LineError> {
    let (kind, id) = kind_and_id(node)?;
    let child = || match kind {
        RecordKind::OrderItem => {
            let wire: wire::LineItem = json(node)?;
            Ok(BulkRecord::OrderItem(Box::new(order_item(id, wire::LineItem { parent: Some(parent.to_owned()), ..wire })?)))
        }
        RecordKind::ProductVariant => {
            let wire: wire::ProductVariant = json(node)?;
            Ok(BulkRecord::ProductVariant(Box::new(product_variant(id, wire::ProductVariant { parent: Some(parent.to_owned()), ..wire })?)))
        }
        RecordKind::Customer | RecordKind::Product | RecordKind::Order => read_body(kind, id, node),
    };
    child().map_err(|reason| LineError { kind: Some(kind), external_id: Some(id_text(id)), reason })
}

fn read_body(kind: RecordKind, id: u64, line: &[u8]) -> Read<BulkRecord> {
    Ok(match kind {
        RecordKind::Order => BulkRecord::Order(Box::new(order(id, json(line)?)?)),
        RecordKind::OrderItem => BulkRecord::OrderItem(Box::new(order_item(id, json(line)?)?)),
        RecordKind::Customer => BulkRecord::Customer(Box::new(customer(id, json(line)?)?)),
        RecordKind::Product => BulkRecord::Product(Box::new(product(id, json(line)?)?)),
        RecordKind::ProductVariant => BulkRecord::ProductVariant(Box::new(product_variant(id, json(line)?)?)),
    })
}

/// Almost every line begins with its id: the JSON need not be read twice to find it, nor be right to tell whose it is.
const USUAL_START: &[u8] = b"{\"id\":\"gid://shopify/";

fn kind_and_id(line: &[u8]) -> Result<(RecordKind, u64), LineError> {
    let unknown = |reason: String| LineError { kind: None, external_id: None, reason };
    let usual = line.strip_prefix(USUAL_START).and_then(|rest| rest.split(|b| *b == b'"').next()).and_then(|gid| std::str::from_utf8(gid).ok());
    if let Some(Ok(found)) = usual.map(split_gid) {
        return Ok(found);
    }
    let head: wire::Head = json(line).map_err(unknown)?;
    let id = head.id.ok_or_else(|| unknown("missing id".to_owned()))?;
    let rest = id.strip_prefix("gid://shopify/").ok_or_else(|| unknown(format!("`{}` is not a Shopify id (gid://shopify/…)", short(&id))))?;
    split_gid(rest).map_err(unknown)
}

/// Kind and number of `Order/5000000001`.
fn split_gid(gid: &str) -> Read<(RecordKind, u64)> {
    let (name, number) = gid.split_once('/').unwrap_or((gid, ""));
    let kind = match name {
        "Order" => RecordKind::Order,
        "LineItem" => RecordKind::OrderItem,
        "Customer" => RecordKind::Customer,
        "Product" => RecordKind::Product,
        "ProductVariant" => RecordKind::ProductVariant,
        _ => return Err(format!("lines of the kind `{}` are not imported", short(name))),
    };
    Ok((kind, number_of(number).ok_or_else(|| format!("the id `{}` has no number", short(gid)))?))
}

/// The number at the end of a gid of the kind `name`.
pub(super) fn gid_number(gid: &str, name: &str) -> Read<u64> {
    let number = gid.strip_prefix("gid://shopify/").and_then(|rest| rest.strip_prefix(name)).and_then(|rest| rest.strip_prefix('/'));
    number.and_then(number_of).ok_or_else(|| format!("`{}` is not the id of a {name}", short(gid)))
}

fn money(value: &MoneyV2, name: &str) -> Read<Money> {
    let currency: Currency = value.currency_code.parse().map_err(|e| format!("{name}: {e}"))?;
    Money::parse(&value.amount, currency).map_err(|e| format!("{name}: {e}"))
}

fn bag(value: Option<MoneyBag>, name: &str) -> Read<Option<Money>> {
    value.and_then(|bag| bag.shop_money).map(|value| money(&value, name)).transpose()
}

fn bag_field(value: Field<MoneyBag>, name: &str) -> Read<Field<Money>> {
    value.try_map(|bag| required(bag.shop_money, name).and_then(|value| money(&value, name)))
}

fn count(value: Count) -> Read<i64> {
    match value {
        Count::Number(number) => Ok(number),
        Count::Text(text) => text.parse().map_err(|_| format!("numberOfOrders: `{}` is not a number", short(&text))),
    }
}

fn order(id: u64, wire: wire::Order) -> Read<OrderRecord> {
    let status = order_status(&wire.cancelled_at, &wire.closed, &wire.closed_at);
    let total = required(bag(wire.total_price_set, "totalPriceSet")?, "totalPriceSet.shopMoney")?;
    let subtotal = bag_field(wire.subtotal_price_set, "subtotalPriceSet")?;
    let tax = bag_field(wire.total_tax_set, "totalTaxSet")?;
    let said: Currency = match &wire.currency_code {
        Some(code) => code.parse().map_err(|e| format!("currencyCode: {e}"))?,
        None => total.currency(),
    };
    for (name, money) in [("totalPriceSet", Some(&total)), ("subtotalPriceSet", subtotal.value()), ("totalTaxSet", tax.value())] {
        if let Some(other) = money.map(|money| money.currency()).filter(|currency| *currency != said) {
            return Err(format!("wrong currency: {name} is in {other}, the order in {said}"));
        }
    }
    let (customer, embedded) = order_customer(wire.customer, wire.parent.as_deref())?;
    let created_at = required(wire.created_at, "createdAt")?;
    Ok(OrderRecord {
        external_id: id_text(id),
        number: required(wire.name, "name")?,
        created_at: instant(created_at),
        updated_at: instant(required(wire.updated_at, "updatedAt")?),
        processed_at: wire.processed_at.map(instant),
        cancelled_at: wire.cancelled_at.map(instant),
        status,
        financial_status: wire
            .display_financial_status
            .try_map(|text| text.parse::<FinancialStatus>().map_err(|e| format!("unknown financial status: {e}")))?,
        fulfillment_status: wire
            .display_fulfillment_status
            .try_map(|text| text.parse::<FulfillmentStatus>().map_err(|e| format!("unknown fulfillment status: {e}")))?,
        test: wire.test,
        email: wire.email,
        total,
        subtotal,
        tax,
        customer,
        embedded,
    })
}

/// The customer of an order: inside of it, or the line that it hangs from.
fn order_customer(embedded: Field<wire::Customer>, parent: Option<&str>) -> Read<(Field<String>, Option<CustomerRecord>)> {
    match (embedded, parent) {
        (Field::Value(wire), _) => {
            let gid = wire.id.clone().ok_or("missing customer.id")?;
            let record = customer(gid_number(&gid, "Customer")?, wire)?;
            let bare = CustomerRecord { external_id: record.external_id.clone(), ..CustomerRecord::default() };
            Ok((Field::Value(record.external_id.clone()), Some(record).filter(|record| *record != bare)))
        }
        (Field::Absent, Some(parent)) => Ok((Field::Value(id_text(gid_number(parent, "Customer")?)), None)),
        (Field::Absent, None) => Ok((Field::Absent, None)),
        (Field::Null, _) => Ok((Field::Null, None)),
    }
}

fn order_item(id: u64, wire: wire::LineItem) -> Read<OrderItemRecord> {
    let parent = gid_number(&required(wire.parent, "__parentId")?, "Order")?;
    let quantity = not_negative(required(wire.quantity, "quantity")?, "quantity")?;
    let price = required(bag(wire.original_unit_price_set, "originalUnitPriceSet")?, "originalUnitPriceSet.shopMoney")?;
    let total = match bag(wire.discounted_total_set, "discountedTotalSet")? {
        Some(total) => Some(total),
        None => bag(wire.original_total_set, "originalTotalSet")?,
    };
    let total = match total {
        Some(total) => total,
        None => Money::from_minor(price.minor().checked_mul(quantity).ok_or("the amount is too large")?, price.currency()),
    };
    if total.currency() != price.currency() {
        return Err(format!("wrong currency: the total is in {}, the price in {}", total.currency(), price.currency()));
    }
    let (product, variant) = (wire.product, wire.variant);
    let (product_id, handle, product_type) = parts3(product, |product| (product.id, product.handle, product.product_type));
    let (variant_id, compare_at_price, options) = parts3(variant, |variant| (variant.id, variant.compare_at_price, variant.selected_options));
    Ok(OrderItemRecord {
        external_id: id_text(id),
        parent: id_text(parent),
        position: i64::try_from(id).map_err(|_| "the id is too large")?,
        title: required(wire.title, "title")?,
        external_product_id: product_id.try_map(|gid| gid_number(&gid, "Product").map(id_text))?,
        external_variant_id: variant_id.try_map(|gid| gid_number(&gid, "ProductVariant").map(id_text))?,
        handle,
        vendor: wire.vendor,
        product_type,
        sku: wire.sku,
        variant_title: wire.variant_title,
        price,
        compare_at_price,
        quantity,
        total,
        options,
        requires_shipping: wire.requires_shipping,
        taxable: wire.taxable,
    })
}

fn customer(id: u64, wire: wire::Customer) -> Read<CustomerRecord> {
    let (email, mail_state, mail_updated_at) =
        parts3(wire.default_email_address, |email| (email.email_address, email.marketing_state, email.marketing_updated_at));
    let (phone, sms_state, sms_updated_at) = parts3(wire.default_phone_number, |phone| match phone.sms_marketing_consent {
        Field::Value(consent) => (phone.phone_number, consent.state, consent.updated_at),
        Field::Null | Field::Absent => (phone.phone_number, phone.marketing_state, phone.marketing_updated_at),
    });
    let address = match wire.default_address {
        Field::Value(address) => address,
        Field::Null => wire::Address::none(),
        Field::Absent => wire::Address::default(),
    };
    Ok(CustomerRecord {
        external_id: id_text(id),
        first_name: wire.first_name,
        last_name: wire.last_name,
        email,
        accepts_email_marketing: subscribed(mail_state, "SUBSCRIBED"),
        email_marketing_updated_at: mail_updated_at.map(instant),
        phone,
        accepts_sms_marketing: subscribed(sms_state, "SUBSCRIBED"),
        sms_marketing_updated_at: sms_updated_at.map(instant),
        company: address.company,
        city: address.city,
        province_code: address.province_code,
        country_code: address.country_code_v2,
        address_phone: address.phone,
        total_orders: wire.number_of_orders.try_map(|value| count(value).and_then(|n| not_negative(n, "numberOfOrders")))?,
        total_spent: wire.amount_spent.try_map(|value| money(&value, "amountSpent"))?,
        tax_exempt: wire.tax_exempt,
        tags: wire.tags,
        created_at: wire.created_at.map(instant),
        updated_at: wire.updated_at.map(instant),
    })
}

fn product(id: u64, wire: wire::Product) -> Read<ProductRecord> {
    Ok(ProductRecord {
        external_id: id_text(id),
        title: required(wire.title, "title")?,
        handle: wire.handle,
        description: if wire.description_html.is_carried() { wire.description_html } else { wire.description },
        category: wire.category.and_then(|category| category.name),
        vendor: wire.vendor,
        product_type: wire.product_type,
        inventory_quantity: wire.total_inventory,
        created_at: wire.created_at.map(instant),
        updated_at: wire.updated_at.map(instant),
    })
}

fn product_variant(id: u64, wire: wire::ProductVariant) -> Read<ProductVariantRecord> {
    let parent = gid_number(&required(wire.parent, "__parentId")?, "Product")?;
    let (measurement, requires_shipping) = match wire.inventory_item {
        Field::Value(item) => (item.measurement, item.requires_shipping),
        Field::Null | Field::Absent => (Field::Absent, Field::Absent),
    };
    let weight = measurement.and_then(|measurement| measurement.weight);
    let (value, unit, _) = parts3(weight, |weight| (weight.value, weight.unit, Field::<()>::Absent));
    Ok(ProductVariantRecord {
        external_id: id_text(id),
        parent: id_text(parent),
        title: wire.title,
        sku: wire.sku,
        barcode: wire.barcode,
        price: required(wire.price, "price")?,
        compare_at_price: wire.compare_at_price,
        inventory_quantity: wire.inventory_quantity,
        options: wire.selected_options,
        weight_thousandths: value.try_map(thousandths)?,
        weight_unit: unit,
        requires_shipping,
        taxable: wire.taxable,
        created_at: wire.created_at.map(instant),
        updated_at: wire.updated_at.map(instant),
    })
}

fn thousandths(value: f64) -> Read<i64> {
    let scaled = (value * 1000.0).round();
    if (0.0..=9.0e15).contains(&scaled) { Ok(scaled as i64) } else { Err(format!("weight {value} is out of range")) }
}
