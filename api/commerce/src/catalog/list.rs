//! What products and variants are listed by.

use entities::StoreId;
use platform::callers::actions::ReadProducts;
use platform::db::SortValue;
use sea_orm::sea_query::SimpleExpr;

use super::row::{ProductRow, ProductVariantRow};
use platform::filter::{Conditions, TimeRange};
use platform::reading::{Listed, SortKey};

/// What products are filtered by; everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct ProductFilter {
    /// Of one of these stores.
    pub store_ids: Option<Vec<StoreId>>,
    /// By this vendor.
    pub vendor: Option<String>,
    /// Of this type.
    pub product_type: Option<String>,
    /// In this category.
    pub category: Option<String>,
    /// Created then.
    pub created_at: Option<TimeRange>,
    /// Changed then.
    pub updated_at: Option<TimeRange>,
    /// With all these words in title, handle, vendor or type.
    pub text: Option<String>,
}

/// What products are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductSort {
    /// Their title.
    Title,
    /// When they came to be.
    CreatedAt,
    /// When they were last changed.
    UpdatedAt,
}

impl SortKey<ProductRow> for ProductSort {
    fn column(self) -> &'static str {
        match self {
            Self::Title => "title_key",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }

    fn value(self, row: &ProductRow) -> SortValue {
        match self {
            Self::Title => SortValue::Text(row.title_key.clone()),
            Self::CreatedAt => SortValue::At(row.created_at),
            Self::UpdatedAt => SortValue::At(row.updated_at),
        }
    }
}

impl Listed for ProductRow {
    type Read = ReadProducts;
    type Filter = ProductFilter;
    type Sort = ProductSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions(filter: &ProductFilter) -> Vec<SimpleExpr> {
        let mut conditions = Conditions::on("products");
        conditions
            .one_of("store_id", filter.store_ids.as_deref())
            .equals("vendor", filter.vendor.clone())
            .equals("product_type", filter.product_type.clone())
            .equals("category", filter.category.clone())
            .within("created_at", filter.created_at)
            .within("updated_at", filter.updated_at)
            .text(filter.text.as_deref());
        conditions.into_vec()
    }
}

/// Variants come in the order in which they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductVariantSort {
    /// When they came to be.
    CreatedAt,
}

impl SortKey<ProductVariantRow> for ProductVariantSort {
    fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
        }
    }

    fn value(self, row: &ProductVariantRow) -> SortValue {
        match self {
            Self::CreatedAt => SortValue::At(row.created_at),
        }
    }
}

impl Listed for ProductVariantRow {
    type Read = ReadProducts;
    type Filter = ();
    type Sort = ProductVariantSort;
    const ACROSS_TENANTS: bool = false;

    fn conditions((): &()) -> Vec<SimpleExpr> {
        Vec::new()
    }
}
