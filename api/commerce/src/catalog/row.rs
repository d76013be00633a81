//! The rows of products and variants.

use chrono::{DateTime, Utc};
use entities::{ProductId, ProductVariantId, StoreId, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// A product of a store.
    pub struct ProductRow from products {
        /// The row's id.
        id: ProductId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store that the row belongs to.
        store_id: StoreId = StoreId,
        /// The provider's id, unique in the store.
        external_id: String = ExternalId,
        /// Title.
        title: String = Title,
        /// Title key.
        title_key: String = TitleKey,
        /// Handle.
        handle: Option<String> = Handle,
        /// Description.
        description: Option<String> = Description,
        /// Category.
        category: Option<String> = Category,
        /// Vendor.
        vendor: Option<String> = Vendor,
        /// Product type.
        product_type: Option<String> = ProductType,
        /// Inventory quantity.
        inventory_quantity: i64 = InventoryQuantity,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = SyncedAt,
    }
}

row! {
    /// A variant of a product.
    pub struct ProductVariantRow from product_variants {
        /// The row's id.
        id: ProductVariantId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store that the row belongs to.
        store_id: StoreId = StoreId,
        /// Product id.
        product_id: ProductId = ProductId,
        /// The provider's id, unique in the store.
        external_id: String = ExternalId,
        /// Title.
        title: Option<String> = Title,
        /// Sku.
        sku: Option<String> = Sku,
        /// Price, in minor units.
        price_minor: i64 = PriceMinor,
        /// Compare at price, in minor units.
        compare_at_price_minor: Option<i64> = CompareAtPriceMinor,
        /// ISO 4217 code of the amounts.
        currency_code: String = CurrencyCode,
        /// Inventory quantity.
        inventory_quantity: i64 = InventoryQuantity,
        /// Options.
        options: Json = Options,
        /// Barcode.
        barcode: Option<String> = Barcode,
        /// Weight, in thousandths of its unit.
        weight_thousandths: Option<i64> = WeightThousandths,
        /// Weight unit.
        weight_unit: Option<String> = WeightUnit,
        /// Requires shipping.
        requires_shipping: bool = RequiresShipping,
        /// Taxable.
        taxable: bool = Taxable,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = SyncedAt,
    }
}

tenant_row!(ProductRow in "products", id id, store "store_id", imported true);
tenant_row!(ProductVariantRow in "product_variants", id id, store "store_id", imported true);
