//! Orders and their items.

use async_graphql::{ID, InputObject, Json, Result};
use chrono::{DateTime, Utc};
use commerce::orders::{OrderItemRow, OrderRow, OrderSort};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::OpCtx;
use platform::db::ExternalRef;

use super::catalog::{Product, ProductVariant};
use super::customers::Customer;
use super::stores::Store;
use super::{NoFilter, parent, store_of};
use crate::graphql::enums::{FinancialStatus, FulfillmentStatus, OrderStatus};
use crate::graphql::input::{DateTimeRange, MoneyRange, ids, order_input, short, words};
use crate::graphql::objects::{IntoFilter, Planned, by_external, object, pages, referred};
use crate::graphql::scalars::{CurrencyCode, Money, money, stored_currency};
use crate::graphql::selection::Selected;

object! {
    /// An order placed in a store. Amounts are in the store's currency, as Shopify's shop money.
    Order(OrderRow) {
        /// Opaque id, `order_…`.
        id: ID = |row| row.id.to_string().into();
        /// The provider's id, unique in the store.
        external_id: String = |row| row.external_id.clone();
        /// The number that people use, such as `#1001`. A shop can repeat one.
        number: String = |row| row.number.clone();
        /// The e-mail given with the order; null where the provider withholds it.
        email: Option<String> = |row| row.email.clone();
        /// Where the order stands.
        status: OrderStatus = |row| row.status.into();
        /// How it stands with its payment.
        financial_status: Option<FinancialStatus> = |row| row.financial_status.map(Into::into);
        /// How far its delivery is.
        fulfillment_status: Option<FulfillmentStatus> = |row| row.fulfillment_status.map(Into::into);
        /// The currency of all the order's amounts.
        currency_code: Result<CurrencyCode> = |row| stored_currency(&row.currency_code);
        /// What the customer pays in all, taxes and shipping included.
        total_price: Result<Money> = |row| money(row.total_price_minor, &row.currency_code);
        /// The items after discounts, before shipping; null where the provider does not say.
        subtotal_price: Result<Option<Money>> = |row| row.subtotal_price_minor.map(|minor| money(minor, &row.currency_code)).transpose();
        /// Taxes in all; null where the provider does not say.
        tax_price: Result<Option<Money>> = |row| row.tax_price_minor.map(|minor| money(minor, &row.currency_code)).transpose();
        /// Whether it is a test, which no money moves for.
        test: bool = |row| row.test;
        /// The provider's id of the customer.
        external_customer_id: Option<String> = |row| row.external_customer_id.clone();
        /// When it was placed (UTC): the time to count by.
        processed_at: DateTime<Utc> = |row| row.processed_at;
        /// When it was cancelled (UTC).
        cancelled_at: Option<DateTime<Utc>> = |row| row.cancelled_at;
        /// When it came to be at the provider (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed at the provider (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = |row| row.synced_at;
    }
    one {
        /// The store in which it was placed.
        store: Store;
        /// Who placed it; null for orders without a customer.
        customer: Customer;
    }
    pages {
        /// Its lines, in the provider's order.
        items: OrderItem;
    }
}

object! {
    /// A line of an order, with the product as it was when it was ordered.
    OrderItem(OrderItemRow) {
        /// Opaque id, `orderitem_…`.
        id: ID = |row| row.id.to_string().into();
        /// The provider's id, unique in the store.
        external_id: String = |row| row.external_id.clone();
        /// The provider's id of the product.
        external_product_id: Option<String> = |row| row.external_product_id.clone();
        /// The provider's id of the variant.
        external_variant_id: Option<String> = |row| row.external_variant_id.clone();
        /// The product's title when it was ordered.
        product_title: String = |row| row.product_title.clone();
        /// The product's handle when it was ordered.
        product_handle: Option<String> = |row| row.product_handle.clone();
        /// The product's vendor when it was ordered.
        product_vendor: Option<String> = |row| row.product_vendor.clone();
        /// The product's type when it was ordered.
        product_type: Option<String> = |row| row.product_type.clone();
        /// The stock keeping unit when it was ordered.
        sku: Option<String> = |row| row.sku.clone();
        /// The variant's title when it was ordered.
        variant_title: Option<String> = |row| row.variant_title.clone();
        /// The variant's options when it was ordered: a list of `{name, value}`.
        options: Json<serde_json::Value> = |row| Json(row.options.clone());
        /// How many were ordered.
        quantity: i64 = |row| row.quantity;
        /// The price of one, before discounts.
        price: Result<Money> = |row| money(row.price_minor, &row.currency_code);
        /// What one usually costs, where the shop says so.
        compare_at_price: Result<Option<Money>> = |row| row.compare_at_price_minor.map(|minor| money(minor, &row.currency_code)).transpose();
        /// The line in all, after discounts.
        total_price: Result<Money> = |row| money(row.total_price_minor, &row.currency_code);
        /// Whether it has to be shipped.
        requires_shipping: bool = |row| row.requires_shipping;
        /// Whether it is taxed.
        taxable: bool = |row| row.taxable;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
    }
    one {
        /// The order that it is a line of.
        order: Order;
        /// The product, as far as it is known to Noren and not deleted.
        product: Product;
        /// The variant, as far as it is known to Noren and not deleted.
        variant: ProductVariant;
    }
}

/// Which orders: everything that is given must hold.
#[derive(InputObject)]
pub struct OrderFilter {
    /// In one of these stores.
    store_ids: Option<Vec<ID>>,
    /// By one of these customers.
    customer_ids: Option<Vec<ID>>,
    /// In one of these states.
    statuses: Option<Vec<OrderStatus>>,
    /// In one of these states of payment.
    financial_statuses: Option<Vec<FinancialStatus>>,
    /// In one of these states of delivery.
    fulfillment_statuses: Option<Vec<FulfillmentStatus>>,
    /// Placed in this span.
    processed_at: Option<DateTimeRange>,
    /// Created in this span.
    created_at: Option<DateTimeRange>,
    /// Changed in this span.
    updated_at: Option<DateTimeRange>,
    /// With a total in this range.
    total_price: Option<MoneyRange>,
    /// With exactly this number, such as `#1001`.
    number: Option<String>,
    /// With this e-mail; upper and lower case do not matter.
    email: Option<String>,
    /// Test orders alone, or real ones alone.
    test: Option<bool>,
    /// With all these words in number, e-mail or the customer's name.
    text: Option<String>,
}

impl IntoFilter<commerce::orders::OrderFilter> for OrderFilter {
    fn into_filter(self) -> Result<commerce::orders::OrderFilter> {
        fn all<T, U: From<T>>(values: Option<Vec<T>>) -> Option<Vec<U>> {
            values.map(|values| values.into_iter().map(U::from).collect())
        }
        Ok(commerce::orders::OrderFilter {
            store_ids: ids(self.store_ids)?,
            customer_ids: ids(self.customer_ids)?,
            statuses: all(self.statuses),
            financial_statuses: all(self.financial_statuses),
            fulfillment_statuses: all(self.fulfillment_statuses),
            processed_at: self.processed_at.map(DateTimeRange::read).transpose()?,
            created_at: self.created_at.map(DateTimeRange::read).transpose()?,
            updated_at: self.updated_at.map(DateTimeRange::read).transpose()?,
            total_price: self.total_price.map(MoneyRange::read).transpose()?,
            number: short(self.number)?,
            email: short(self.email)?,
            test: self.test,
            text: words(self.text)?,
        })
    }
}

order_input! {
    /// The order of a list of orders. Without it: the newest first.
    OrderOrder by
    /// What orders are sorted by.
    OrderSortKey for OrderSort {
        /// When they were placed.
        ProcessedAt,
        /// When they were last changed.
        UpdatedAt,
        /// Their total in minor units, whatever the currency.
        TotalPrice,
    }
    default ProcessedAt Desc
}

impl Planned for Order {
    type Row = OrderRow;
    type FilterInput = OrderFilter;
    type OrderInput = OrderOrder;
    const NAME: &'static str = "Order";

    fn bare(row: OrderRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &OrderRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, orders: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "customer") {
                let refs = orders.iter().filter_map(|o| o.row.customer_id.map(|id| parent(o.row.tenant_id, id)));
                let customers = referred::<Customer>(ctx, refs, &selected).await?;
                for order in orders.iter_mut() {
                    order.customer = customers.map(|found| order.row.customer_id.and_then(|id| found.get(&id.uuid()).cloned()));
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let stores = referred::<Store>(ctx, orders.iter().map(|o| store_of(o.row.tenant_id, o.row.store_id)), &selected).await?;
                for order in orders.iter_mut() {
                    order.store = stores.map(|found| found.get(&order.row.store_id.uuid()).cloned());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "items") {
                let parents: Vec<_> = orders.iter().map(|o| parent(o.row.tenant_id, o.row.id)).collect();
                let mut items = pages::<OrderItem>(ctx, &parents, "order_id", &field).await?;
                for order in orders.iter_mut() {
                    order.items.push(arguments.clone(), items.remove(&order.row.id.uuid()).unwrap_or_default());
                }
            }
            Ok(())
        }
        .boxed()
    }
}

impl Planned for OrderItem {
    type Row = OrderItemRow;
    type FilterInput = NoFilter;
    type OrderInput = NoFilter;
    const NAME: &'static str = "OrderItem";

    fn bare(row: OrderItemRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &OrderItemRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, items: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        fn reference(row: &OrderItemRow, external_id: &Option<String>) -> Option<ExternalRef> {
            Some(ExternalRef { tenant: row.tenant_id, store: row.store_id, external_id: external_id.clone()? })
        }
        async move {
            if let Some(selected) = selected.one(Self::NAME, "product") {
                let refs = items.iter().filter_map(|i| reference(&i.row, &i.row.external_product_id));
                let products = by_external::<Product>(ctx, refs, &selected).await?;
                for item in items.iter_mut() {
                    let key = item.row.external_product_id.clone().map(|id| (item.row.store_id, id));
                    item.product = products.map(|found| found.get(key.as_ref()?).cloned());
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "variant") {
                let refs = items.iter().filter_map(|i| reference(&i.row, &i.row.external_variant_id));
                let variants = by_external::<ProductVariant>(ctx, refs, &selected).await?;
                for item in items.iter_mut() {
                    let key = item.row.external_variant_id.clone().map(|id| (item.row.store_id, id));
                    item.variant = variants.map(|found| found.get(key.as_ref()?).cloned());
                }
            }
            if let Some(selected) = selected.one(Self::NAME, "order") {
                let orders = referred::<Order>(ctx, items.iter().map(|i| parent(i.row.tenant_id, i.row.order_id)), &selected).await?;
                for item in items.iter_mut() {
                    item.order = orders.map(|found| found.get(&item.row.order_id.uuid()).cloned());
                }
            }
            Ok(())
        }
        .boxed()
    }
}
