//! The order of Shopify's webhooks (the older REST shape, in snake case), as far as Noren reads it. Other fields are ignored.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::ports::commerce::Field;

macro_rules! wire {
    ($($name:ident { $($field:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Default, Deserialize)]
        pub(super) struct $name { $(#[serde(default)] pub(super) $field: $type,)* }
    )*};
}

wire! {
    Order {
        id: Option<Id>,
        name: Option<String>,
        email: Field<String>,
        created_at: Option<DateTime<Utc>>,
        updated_at: Option<DateTime<Utc>>,
        processed_at: Field<DateTime<Utc>>,
        cancelled_at: Field<DateTime<Utc>>,
        closed_at: Field<DateTime<Utc>>,
        test: Field<bool>,
        currency: Option<String>,
        financial_status: Field<String>,
        fulfillment_status: Field<String>,
        total_price: Option<Decimal>,
        total_price_set: Option<MoneySet>,
        subtotal_price: Field<Decimal>,
        subtotal_price_set: Field<MoneySet>,
        total_tax: Field<Decimal>,
        total_tax_set: Field<MoneySet>,
        customer: Field<Customer>,
        line_items: Option<Vec<LineItem>>,
        discount_applications: Option<Vec<DiscountApplication>>,
    }
    LineItem {
        id: Option<Id>,
        title: Option<String>,
        quantity: Option<Whole>,
        sku: Field<String>,
        vendor: Field<String>,
        variant_title: Field<String>,
        requires_shipping: Field<bool>,
        taxable: Field<bool>,
        product_id: Field<Id>,
        variant_id: Field<Id>,
        price: Option<Decimal>,
        price_set: Option<MoneySet>,
        total_discount: Option<Decimal>,
        total_discount_set: Option<MoneySet>,
        discount_allocations: Option<Vec<DiscountAllocation>>,
    }
    DiscountAllocation {
        amount: Option<Decimal>,
        amount_set: Option<MoneySet>,
        discount_application_index: Option<usize>,
    }
    Customer {
        id: Option<Id>,
        first_name: Field<String>,
        last_name: Field<String>,
        email: Field<String>,
        phone: Field<String>,
        email_marketing_consent: Field<Consent>,
        sms_marketing_consent: Field<Consent>,
        default_address: Field<Address>,
        tax_exempt: Field<bool>,
        tags: Field<Tags>,
        created_at: Field<DateTime<Utc>>,
        updated_at: Field<DateTime<Utc>>,
    }
    Consent {
        state: Field<String>,
        consent_updated_at: Field<DateTime<Utc>>,
    }
    Address {
        company: Field<String>,
        city: Field<String>,
        province_code: Field<String>,
        country_code: Field<String>,
        phone: Field<String>,
    }
    MoneySet {
        shop_money: Option<Money>,
    }
}

/// A discount that an order has, and how it reached the lines.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DiscountApplication {
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) target_type: Option<String>,
    #[serde(default)]
    pub(super) target_selection: Option<String>,
}

/// An amount with its currency.
#[derive(Debug, Deserialize)]
pub(super) struct Money {
    pub(super) amount: Decimal,
    pub(super) currency_code: String,
}

/// Labels: text with commas between them, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Tags {
    Text(String),
    List(Vec<String>),
}

/// The number that names a thing; some senders write it as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(pub(super) u64);

/// A whole number; some senders write it as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole(pub(super) i64);

/// A decimal as it was written, text or number.
#[derive(Clone, Debug)]
pub(super) struct Decimal(pub(super) String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let Decimal(text) = input.deserialize_any(Written("an id, a whole number above 0"))?;
        let plain = text.bytes().all(|b| b.is_ascii_digit());
        let id = text.parse().ok().filter(|id| plain && *id > 0);
        id.map(Self).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &"an id, a whole number above 0"))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let Decimal(text) = input.deserialize_any(Written("a whole number"))?;
        text.parse().map(Self).map_err(|_| D::Error::invalid_value(Unexpected::Str(&text), &"a whole number of 64 bits"))
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Written("a decimal number"))
    }
}

/// Takes text and numbers alike, as text.
struct Written(&'static str);

impl Visitor<'_> for Written {
    type Value = Decimal;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        // No number that anybody means is longer, and errors quote it.
        if text.len() > 60 { Err(E::invalid_length(text.len(), &self)) } else { Ok(Decimal(text.to_owned())) }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(Decimal(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Decimal, E> {
        Ok(Decimal(number.to_string()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Decimal, E> {
        self.visit_str(&number.to_string())
    }
}
