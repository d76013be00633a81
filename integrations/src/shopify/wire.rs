//! Shopify's own shapes, as far as Noren asks for them. Fields that are not named here are ignored.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::ports::commerce::{Field, OptionValue};

macro_rules! wire {
    ($($name:ident { $($(#[$attribute:meta])? $field:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name { $(#[serde(default)] $(#[$attribute])? pub(super) $field: $type,)* }
    )*};
}

wire! {
    Order {
        #[serde(rename = "__parentId")]
        parent: Option<String>,
        name: Option<String>,
        created_at: Option<DateTime<Utc>>,
        updated_at: Option<DateTime<Utc>>,
        processed_at: Field<DateTime<Utc>>,
        cancelled_at: Field<DateTime<Utc>>,
        closed: Field<bool>,
        closed_at: Field<DateTime<Utc>>,
        currency_code: Option<String>,
        display_financial_status: Field<String>,
        display_fulfillment_status: Field<String>,
        test: Field<bool>,
        email: Field<String>,
        total_price_set: Option<MoneyBag>,
        subtotal_price_set: Field<MoneyBag>,
        total_tax_set: Field<MoneyBag>,
        customer: Field<Customer>,
    }
    LineItem {
        #[serde(rename = "__parentId")]
        parent: Option<String>,
        title: Option<String>,
        quantity: Option<i64>,
        sku: Field<String>,
        vendor: Field<String>,
        variant_title: Field<String>,
        requires_shipping: Field<bool>,
        taxable: Field<bool>,
        original_unit_price_set: Option<MoneyBag>,
        discounted_total_set: Option<MoneyBag>,
        original_total_set: Option<MoneyBag>,
        product: Field<ItemProduct>,
        variant: Field<ItemVariant>,
    }
    ItemProduct {
        id: Field<String>,
        handle: Field<String>,
        product_type: Field<String>,
    }
    ItemVariant {
        id: Field<String>,
        compare_at_price: Field<String>,
        selected_options: Field<Vec<OptionValue>>,
    }
    Customer {
        id: Option<String>,
        first_name: Field<String>,
        last_name: Field<String>,
        default_email_address: Field<EmailAddress>,
        default_phone_number: Field<PhoneNumber>,
        default_address: Field<Address>,
        number_of_orders: Field<Count>,
        amount_spent: Field<MoneyV2>,
        tax_exempt: Field<bool>,
        tags: Field<Vec<String>>,
        created_at: Field<DateTime<Utc>>,
        updated_at: Field<DateTime<Utc>>,
    }
    EmailAddress {
        email_address: Field<String>,
        marketing_state: Field<String>,
        marketing_updated_at: Field<DateTime<Utc>>,
    }
    PhoneNumber {
        phone_number: Field<String>,
        marketing_state: Field<String>,
        marketing_updated_at: Field<DateTime<Utc>>,
        sms_marketing_consent: Field<SmsConsent>,
    }
    SmsConsent {
        state: Field<String>,
        updated_at: Field<DateTime<Utc>>,
    }
    Address {
        company: Field<String>,
        city: Field<String>,
        province_code: Field<String>,
        country_code_v2: Field<String>,
        phone: Field<String>,
    }
    Product {
        title: Option<String>,
        handle: Field<String>,
        description: Field<String>,
        description_html: Field<String>,
        vendor: Field<String>,
        product_type: Field<String>,
        category: Field<Category>,
        total_inventory: Field<i64>,
        created_at: Field<DateTime<Utc>>,
        updated_at: Field<DateTime<Utc>>,
    }
    Category {
        name: Field<String>,
    }
    ProductVariant {
        #[serde(rename = "__parentId")]
        parent: Option<String>,
        title: Field<String>,
        sku: Field<String>,
        barcode: Field<String>,
        price: Option<String>,
        compare_at_price: Field<String>,
        inventory_quantity: Field<i64>,
        selected_options: Field<Vec<OptionValue>>,
        inventory_item: Field<InventoryItem>,
        taxable: Field<bool>,
        created_at: Field<DateTime<Utc>>,
        updated_at: Field<DateTime<Utc>>,
    }
    InventoryItem {
        measurement: Field<Measurement>,
        requires_shipping: Field<bool>,
    }
    Measurement {
        weight: Field<Weight>,
    }
    Weight {
        value: Field<f64>,
        unit: Field<String>,
    }
    MoneyBag {
        shop_money: Option<MoneyV2>,
    }
}

/// An amount with its currency.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MoneyV2 {
    pub(super) amount: String,
    pub(super) currency_code: String,
}

/// `UnsignedInt64` is text at the wire.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Count {
    Number(i64),
    Text(String),
}

impl Address {
    /// What a customer without an address has.
    pub(super) fn none() -> Self {
        Self { company: Field::Null, city: Field::Null, province_code: Field::Null, country_code_v2: Field::Null, phone: Field::Null }
    }
}

/// What tells the kind of a line.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    #[serde(default)]
    pub(super) id: Option<String>,
}
