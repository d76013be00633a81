//! Products and their variants.

use async_graphql::{ID, InputObject, Json, Result};
use chrono::{DateTime, Utc};
use commerce::catalog::{ProductRow, ProductSort, ProductVariantRow};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::OpCtx;

use super::stores::Store;
use super::{NoFilter, parent, store_of};
use crate::graphql::input::{DateTimeRange, ids, order_input, short, words};
use crate::graphql::objects::{IntoFilter, Planned, object, pages, referred};
use crate::graphql::scalars::{Decimal, Money, money};
use crate::graphql::selection::Selected;

object! {
    /// A product of a store.
    Product(ProductRow) {
        /// Opaque id, `product_…`.
        id: ID = |row| row.id.to_string().into();
        /// The provider's id, unique in the store.
        external_id: String = |row| row.external_id.clone();
        /// The title that people see.
        title: String = |row| row.title.clone();
        /// The last part of the product's address in the shop.
        handle: Option<String> = |row| row.handle.clone();
        /// The description, as text.
        description: Option<String> = |row| row.description.clone();
        /// The category.
        category: Option<String> = |row| row.category.clone();
        /// Who makes or supplies it.
        vendor: Option<String> = |row| row.vendor.clone();
        /// The shop's own type of product.
        product_type: Option<String> = |row| row.product_type.clone();
        /// Pieces in stock, over all variants; negative when oversold.
        inventory_quantity: i64 = |row| row.inventory_quantity;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = |row| row.synced_at;
    }
    one {
        /// The store that sells it.
        store: Store;
    }
    pages {
        /// Its variants, the oldest first.
        variants: ProductVariant;
    }
}

object! {
    /// A variant of a product: one size, one colour.
    ProductVariant(ProductVariantRow) {
        /// Opaque id, `variant_…`.
        id: ID = |row| row.id.to_string().into();
        /// The provider's id, unique in the store.
        external_id: String = |row| row.external_id.clone();
        /// The title that people see.
        title: Option<String> = |row| row.title.clone();
        /// The stock keeping unit.
        sku: Option<String> = |row| row.sku.clone();
        /// The price of one.
        price: Result<Money> = |row| money(row.price_minor, &row.currency_code);
        /// What one usually costs, where the shop says so.
        compare_at_price: Result<Option<Money>> = |row| row.compare_at_price_minor.map(|minor| money(minor, &row.currency_code)).transpose();
        /// Pieces in stock; negative when oversold.
        inventory_quantity: i64 = |row| row.inventory_quantity;
        /// The options: a list of `{name, value}`.
        options: Json<serde_json::Value> = |row| Json(row.options.clone());
        /// The barcode (GTIN, JAN).
        barcode: Option<String> = |row| row.barcode.clone();
        /// The weight, in `weightUnit`.
        weight: Option<Decimal> = |row| row.weight_thousandths.map(thousandths);
        /// The unit of the weight, such as `GRAMS`.
        weight_unit: Option<String> = |row| row.weight_unit.clone();
        /// Whether it has to be shipped.
        requires_shipping: bool = |row| row.requires_shipping;
        /// Whether it is taxed.
        taxable: bool = |row| row.taxable;
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = |row| row.created_at;
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = |row| row.updated_at;
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = |row| row.synced_at;
    }
    one {
        /// The product that it is a variant of.
        product: Product;
    }
}

/// A number of thousandths as a decimal, without zeros at the end.
fn thousandths(value: i64) -> Decimal {
    let sign = if value < 0 { "-" } else { "" };
    let (whole, rest) = (value.unsigned_abs() / 1_000, value.unsigned_abs() % 1_000);
    let text = format!("{sign}{whole}.{rest:03}");
    Decimal(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// Which products: everything that is given must hold.
#[derive(InputObject)]
pub struct ProductFilter {
    /// Of one of these stores.
    store_ids: Option<Vec<ID>>,
    /// By exactly this vendor.
    vendor: Option<String>,
    /// Of exactly this type.
    product_type: Option<String>,
    /// In exactly this category.
    category: Option<String>,
    /// Created in this span.
    created_at: Option<DateTimeRange>,
    /// Changed in this span.
    updated_at: Option<DateTimeRange>,
    /// With all these words in title, handle, vendor or type.
    text: Option<String>,
}

impl IntoFilter<commerce::catalog::ProductFilter> for ProductFilter {
    fn into_filter(self) -> Result<commerce::catalog::ProductFilter> {
        Ok(commerce::catalog::ProductFilter {
            store_ids: ids(self.store_ids)?,
            vendor: short(self.vendor)?,
            product_type: short(self.product_type)?,
            category: short(self.category)?,
            created_at: self.created_at.map(DateTimeRange::read).transpose()?,
            updated_at: self.updated_at.map(DateTimeRange::read).transpose()?,
            text: words(self.text)?,
        })
    }
}

order_input! {
    /// The order of a list of products. Without it: by title.
    ProductOrder by
    /// What products are sorted by.
    ProductSortKey for ProductSort {
        /// Their title, in the order of code points; upper and lower case do not matter.
        Title,
        /// When they came to be.
        CreatedAt,
        /// When they were last changed.
        UpdatedAt,
    }
    default Title Asc
}

impl Planned for Product {
    type Row = ProductRow;
    type FilterInput = ProductFilter;
    type OrderInput = ProductOrder;
    const NAME: &'static str = "Product";

    fn bare(row: ProductRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &ProductRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, products: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "store") {
                let stores = referred::<Store>(ctx, products.iter().map(|p| store_of(p.row.tenant_id, p.row.store_id)), &selected).await?;
                for product in products.iter_mut() {
                    product.store = stores.map(|found| found.get(&product.row.store_id.uuid()).cloned());
                }
            }
            for (arguments, field) in selected.each(Self::NAME, "variants") {
                let parents: Vec<_> = products.iter().map(|p| parent(p.row.tenant_id, p.row.id)).collect();
                let mut variants = pages::<ProductVariant>(ctx, &parents, "product_id", &field).await?;
                for product in products.iter_mut() {
                    product.variants.push(arguments.clone(), variants.remove(&product.row.id.uuid()).unwrap_or_default());
                }
            }
            Ok(())
        }
        .boxed()
    }
}

impl Planned for ProductVariant {
    type Row = ProductVariantRow;
    type FilterInput = NoFilter;
    type OrderInput = NoFilter;
    const NAME: &'static str = "ProductVariant";

    fn bare(row: ProductVariantRow) -> Self {
        Self::unrelated(row)
    }

    fn row(&self) -> &ProductVariantRow {
        &self.row
    }

    fn relate<'a>(ctx: &'a OpCtx, variants: &'a mut [Self], selected: &'a Selected<'a>) -> BoxFuture<'a, Result<()>> {
        async move {
            if let Some(selected) = selected.one(Self::NAME, "product") {
                let products = referred::<Product>(ctx, variants.iter().map(|v| parent(v.row.tenant_id, v.row.product_id)), &selected).await?;
                for variant in variants.iter_mut() {
                    variant.product = products.map(|found| found.get(&variant.row.product_id.uuid()).cloned());
                }
            }
            Ok(())
        }
        .boxed()
    }
}
