//! A shop system: how its shops are named, what one line of its export says, and what its webhooks tell.

use chrono::{DateTime, Utc};
use entities::{FinancialStatus, FulfillmentStatus, Money, OrderStatus};
use serde::{Deserialize, Deserializer, Serialize};

use super::delivery::{ParseError, Verified, WebhookSource};

/// A shop system that stores are connected to.
pub trait CommerceProvider: WebhookSource {
    /// The shop's domain in the one spelling that is stored, from what people write.
    fn shop_domain(&self, input: &str) -> Result<String, InvalidDomain>;

    /// Reads one line of an export.
    fn read_line(&self, line: &[u8]) -> Result<BulkRecord, LineError>;

    /// Reads a stored delivery, today or on a replay years later: the same answer however often, and it never looks at a clock.
    fn parse(&self, stored: &Verified) -> Result<CommerceEvent, ParseError>;
}

/// What a webhook of a shop tells.
#[derive(Clone, Debug, PartialEq)]
pub enum CommerceEvent {
    /// An order is new, or something about it is.
    OrderChanged(Box<OrderChange>),
    /// An order is gone.
    OrderDeleted {
        /// The provider's id of it.
        external_id: String,
    },
    /// A customer is new, or something about them is.
    CustomerChanged(Box<CustomerRecord>),
    /// A customer is gone.
    CustomerDeleted {
        /// The provider's id of them.
        external_id: String,
    },
    /// A product is new, or something about it or its variants is.
    ProductChanged(Box<ProductChange>),
    /// A product is gone, with its variants.
    ProductDeleted {
        /// The provider's id of it.
        external_id: String,
    },
    /// Money of an order was given back. What the order comes to now, the order itself tells.
    RefundCreated(Box<RefundRecord>),
    /// The merchant has removed the app: its tokens are void.
    AppUninstalled {
        /// The shop's domain, where what was signed names it.
        shop: Option<String>,
    },
    /// The merchant grants other things than before.
    ScopesChanged {
        /// What is granted now.
        granted: Vec<String>,
    },
    /// An export has come to its end, good or bad.
    ExportEnded {
        /// The provider's id of it.
        id: String,
    },
    /// Somebody uses their right over their data.
    Privacy(Box<PrivacyRequest>),
    /// A topic that nothing is done with.
    Ignored {
        /// The provider's name of it.
        topic: String,
    },
}

/// An order as it is now, by what the provider says.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderChange {
    /// The order.
    pub order: OrderRecord,
    /// The lines that are told, each once.
    pub items: Vec<OrderItemRecord>,
    /// Whether those are all: then one that is not among them is gone.
    pub complete: bool,
}

/// A product as it is now, by what the provider says.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductChange {
    /// The product.
    pub product: ProductRecord,
    /// The variants that are told.
    pub variants: Vec<ProductVariantRecord>,
    /// Whether those are all: then one that is not among them is gone.
    pub complete: bool,
}

/// Money that was given back.
#[derive(Clone, Debug, PartialEq)]
pub struct RefundRecord {
    /// The provider's id.
    pub external_id: String,
    /// The provider's id of the order.
    pub order: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// What went back, as far as it has: absent when the delivery does not tell.
    pub amount: Field<Money>,
}

/// What is asked about somebody's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrivacyKind {
    /// A customer wants to know what is kept of them.
    CustomerData,
    /// A customer is to be forgotten.
    CustomerErasure,
    /// A shop is to be forgotten, with everybody in it.
    ShopErasure,
}

impl PrivacyKind {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomerData => "CUSTOMER_DATA",
            Self::CustomerErasure => "CUSTOMER_ERASURE",
            Self::ShopErasure => "SHOP_ERASURE",
        }
    }
}

/// Somebody uses their right over their data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacyRequest {
    /// What is asked.
    pub kind: PrivacyKind,
    /// The shop's domain, in the one spelling that is stored.
    pub shop: String,
    /// The provider's id of the request, where it has one.
    pub request_id: Option<String>,
    /// Who asks; nobody where it is about a whole shop.
    pub customer: Option<PrivacySubject>,
    /// The provider's ids of the orders that it is about.
    pub orders: Vec<String>,
}

/// Whose data it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrivacySubject {
    /// The provider's id; somebody who never had an account has none.
    pub external_id: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// Text that names no shop of the provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidDomain {
    /// What it should look like, with a shop that there could be in backticks.
    pub expected: &'static str,
}

/// The kinds of things that an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecordKind {
    /// A buyer.
    Customer,
    /// A product.
    Product,
    /// A variant of a product.
    ProductVariant,
    /// An order.
    Order,
    /// A line of an order.
    OrderItem,
}

impl RecordKind {
    /// Every kind, parents before their children.
    pub const ALL: [Self; 5] = [Self::Customer, Self::Product, Self::ProductVariant, Self::Order, Self::OrderItem];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "CUSTOMER",
            Self::Product => "PRODUCT",
            Self::ProductVariant => "PRODUCT_VARIANT",
            Self::Order => "ORDER",
            Self::OrderItem => "ORDER_ITEM",
        }
    }

    /// The word for people, in the plural.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Customer => "customers",
            Self::Product => "products",
            Self::ProductVariant => "variants",
            Self::Order => "orders",
            Self::OrderItem => "items",
        }
    }
}

/// Why a line is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LineError {
    /// What the line is about, as far as can be told.
    pub kind: Option<RecordKind>,
    /// The provider's id of it, as far as can be told.
    pub external_id: Option<String>,
    /// What is wrong, in plain words.
    pub reason: String,
}

/// A field as a line carries it: not at all, as null, or with a value. What is absent must not erase what is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Field<T> {
    /// The export did not ask for it.
    #[default]
    Absent,
    /// There is none.
    Null,
    /// This one.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The value itself, if there is one.
    pub fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Whether the line says anything about it.
    pub fn is_carried(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// The same field of something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => Field::Value(f(value)),
        }
    }

    /// The same field of something else that may not be readable.
    pub fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Field<U>, E> {
        Ok(match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => Field::Value(f(value)?),
        })
    }

    /// A field inside of it: null if this is null, absent if this is absent.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Field<U>) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Null => Field::Null,
            Self::Value(value) => f(value),
        }
    }
}

/// A field that is there is null or a value; serde's `default` makes the others absent.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(input)?.map_or(Self::Null, Self::Value))
    }
}

/// What one line says.
#[derive(Clone, Debug, PartialEq)]
pub enum BulkRecord {
    /// An order, perhaps with its customer inside.
    Order(Box<OrderRecord>),
    /// A line of an order.
    OrderItem(Box<OrderItemRecord>),
    /// A customer.
    Customer(Box<CustomerRecord>),
    /// A product.
    Product(Box<ProductRecord>),
    /// A variant of a product.
    ProductVariant(Box<ProductVariantRecord>),
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderRecord {
    /// The provider's id.
    pub external_id: String,
    /// The number that people see (`#1001`).
    pub number: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was placed.
    pub processed_at: Field<DateTime<Utc>>,
    /// When it was cancelled.
    pub cancelled_at: Field<DateTime<Utc>>,
    /// Where it stands; absent when the line does not tell for sure.
    pub status: Field<OrderStatus>,
    /// How it stands with its payment.
    pub financial_status: Field<FinancialStatus>,
    /// How far its delivery is.
    pub fulfillment_status: Field<FulfillmentStatus>,
    /// Whether it is a test.
    pub test: Field<bool>,
    /// The e-mail address given with it.
    pub email: Field<String>,
    /// What was paid.
    pub total: Money,
    /// Before shipping and tax.
    pub subtotal: Field<Money>,
    /// Tax.
    pub tax: Field<Money>,
    /// The provider's id of the customer.
    pub customer: Field<String>,
    /// The customer, when the line says more than the id.
    pub embedded: Option<CustomerRecord>,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderItemRecord {
    /// The provider's id.
    pub external_id: String,
    /// The provider's id of the order.
    pub parent: String,
    /// By what the lines of an order are sorted.
    pub position: i64,
    /// The product's title.
    pub title: String,
    /// The provider's id of the product.
    pub external_product_id: Field<String>,
    /// The provider's id of the variant.
    pub external_variant_id: Field<String>,
    /// The product's handle.
    pub handle: Field<String>,
    /// The product's vendor.
    pub vendor: Field<String>,
    /// The product's type.
    pub product_type: Field<String>,
    /// The variant's SKU.
    pub sku: Field<String>,
    /// The variant's title.
    pub variant_title: Field<String>,
    /// The price of one.
    pub price: Money,
    /// The price that it is compared with, as a decimal in the shop's currency.
    pub compare_at_price: Field<String>,
    /// How many.
    pub quantity: i64,
    /// The price of all, after discounts of the line.
    pub total: Money,
    /// The variant's options.
    pub options: Field<Vec<OptionValue>>,
    /// Whether it is sent.
    pub requires_shipping: Field<bool>,
    /// Whether it is taxed.
    pub taxable: Field<bool>,
}

/// A customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CustomerRecord {
    /// The provider's id.
    pub external_id: String,
    /// Given name.
    pub first_name: Field<String>,
    /// Family name.
    pub last_name: Field<String>,
    /// E-mail address.
    pub email: Field<String>,
    /// Whether mail may be sent.
    pub accepts_email_marketing: Field<bool>,
    /// Since when that is so.
    pub email_marketing_updated_at: Field<DateTime<Utc>>,
    /// Telephone number.
    pub phone: Field<String>,
    /// Whether text messages may be sent.
    pub accepts_sms_marketing: Field<bool>,
    /// Since when that is so.
    pub sms_marketing_updated_at: Field<DateTime<Utc>>,
    /// Company of the default address.
    pub company: Field<String>,
    /// City of the default address.
    pub city: Field<String>,
    /// Province of the default address.
    pub province_code: Field<String>,
    /// Country of the default address.
    pub country_code: Field<String>,
    /// Telephone number of the default address.
    pub address_phone: Field<String>,
    /// How many orders there were.
    pub total_orders: Field<i64>,
    /// What was spent.
    pub total_spent: Field<Money>,
    /// Whether no tax is due.
    pub tax_exempt: Field<bool>,
    /// Tags.
    pub tags: Field<Vec<String>>,
    /// When it came to be.
    pub created_at: Field<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Field<DateTime<Utc>>,
}

/// A product.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductRecord {
    /// The provider's id.
    pub external_id: String,
    /// Title.
    pub title: String,
    /// Handle.
    pub handle: Field<String>,
    /// Description.
    pub description: Field<String>,
    /// Category.
    pub category: Field<String>,
    /// Vendor.
    pub vendor: Field<String>,
    /// Product type.
    pub product_type: Field<String>,
    /// How many there are.
    pub inventory_quantity: Field<i64>,
    /// When it came to be.
    pub created_at: Field<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Field<DateTime<Utc>>,
}

/// A variant of a product.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductVariantRecord {
    /// The provider's id.
    pub external_id: String,
    /// The provider's id of the product.
    pub parent: String,
    /// Title.
    pub title: Field<String>,
    /// SKU.
    pub sku: Field<String>,
    /// Barcode.
    pub barcode: Field<String>,
    /// Price, as a decimal in the shop's currency.
    pub price: String,
    /// The price that it is compared with, as a decimal in the shop's currency.
    pub compare_at_price: Field<String>,
    /// How many there are.
    pub inventory_quantity: Field<i64>,
    /// Options.
    pub options: Field<Vec<OptionValue>>,
    /// Weight in thousandths of its unit.
    pub weight_thousandths: Field<i64>,
    /// The unit of the weight.
    pub weight_unit: Field<String>,
    /// Whether it is sent.
    pub requires_shipping: Field<bool>,
    /// Whether it is taxed.
    pub taxable: Field<bool>,
    /// When it came to be.
    pub created_at: Field<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Field<DateTime<Utc>>,
}

/// One chosen option of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    /// The option (`Size`).
    pub name: String,
    /// Its value (`L`).
    pub value: String,
}
