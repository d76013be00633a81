//! The answers, as the product writes them: what is compared does the same work for the reader.

use chrono::{DateTime, Utc};
use entities::{CustomerId, Money, OrderId, OrderItemId, ProductId, StoreId};
use serde::{Serialize, Serializer};

/// The whole body.
#[derive(Serialize)]
pub struct Body<T> {
    /// The data.
    pub data: T,
}

/// A list.
#[derive(Serialize)]
pub struct Nodes<T> {
    /// Its rows.
    pub nodes: Vec<T>,
}

/// An amount.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyText {
    amount: String,
    currency_code: String,
}

impl MoneyText {
    /// An amount from minor units.
    pub fn new(minor: i64, currency_code: String) -> Self {
        let currency = currency_code.parse().expect("a stored currency");
        Self { amount: Money::from_minor(minor, currency).amount(), currency_code }
    }
}

fn id<T: std::fmt::Display, S: Serializer>(id: &T, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(id)
}

fn instant<S: Serializer>(at: &DateTime<Utc>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&at.to_rfc3339())
}

/// `order(id:)`.
#[derive(Serialize)]
pub struct ById {
    /// The order.
    pub order: Option<WholeOrder>,
}

/// An order without relations.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WholeOrder {
    #[serde(serialize_with = "id")]
    pub id: OrderId,
    pub number: String,
    pub email: Option<String>,
    pub status: String,
    pub financial_status: Option<String>,
    pub fulfillment_status: Option<String>,
    #[serde(serialize_with = "instant")]
    pub processed_at: DateTime<Utc>,
    pub total_price: MoneyText,
}

/// `orders(first: 50)`.
#[derive(Serialize)]
pub struct OrdersPage {
    /// The page.
    pub orders: Nodes<PageOrder>,
}

/// An order with its items and customer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageOrder {
    #[serde(serialize_with = "id")]
    pub id: OrderId,
    pub number: String,
    #[serde(serialize_with = "instant")]
    pub processed_at: DateTime<Utc>,
    pub financial_status: Option<String>,
    pub total_price: MoneyText,
    pub customer: Option<Buyer>,
    pub items: Nodes<PageItem>,
}

/// A customer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Buyer {
    #[serde(serialize_with = "id")]
    pub id: CustomerId,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
}

/// A line of an order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageItem {
    #[serde(serialize_with = "id")]
    pub id: OrderItemId,
    pub product_title: String,
    pub quantity: i64,
    pub total_price: MoneyText,
}

/// `store(id:)`.
#[derive(Serialize)]
pub struct OneStore {
    /// The store.
    pub store: Option<StoreOfOrders>,
}

/// A store with orders.
#[derive(Serialize)]
pub struct StoreOfOrders {
    #[serde(serialize_with = "id")]
    pub id: StoreId,
    pub name: String,
    pub orders: Nodes<StoreOrder>,
}

/// An order of a store.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreOrder {
    #[serde(serialize_with = "id")]
    pub id: OrderId,
    pub number: String,
    #[serde(serialize_with = "instant")]
    pub processed_at: DateTime<Utc>,
    pub total_price: MoneyText,
    pub items: Nodes<StoreItem>,
}

/// A line of an order, with its product.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreItem {
    pub product_title: String,
    pub quantity: i64,
    pub product: Option<ItemProduct>,
}

/// A product.
#[derive(Serialize, Clone)]
pub struct ItemProduct {
    #[serde(serialize_with = "id")]
    pub id: ProductId,
    pub title: String,
    pub vendor: Option<String>,
}
