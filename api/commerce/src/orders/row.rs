//! The rows of orders and their items.

use chrono::{DateTime, Utc};
use entities::{CustomerId, FinancialStatus, FulfillmentStatus, OrderId, OrderItemId, OrderStatus, StoreId, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// An order.
    pub struct OrderRow from orders {
        /// The row's id.
        id: OrderId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store that the row belongs to.
        store_id: StoreId = StoreId,
        /// Customer id.
        customer_id: Option<CustomerId> = CustomerId,
        /// The provider's id, unique in the store.
        external_id: String = ExternalId,
        /// The provider's customer id.
        external_customer_id: Option<String> = ExternalCustomerId,
        /// Number.
        number: String = Number,
        /// Email.
        email: Option<String> = Email,
        /// Total price, in minor units.
        total_price_minor: i64 = TotalPriceMinor,
        /// Subtotal price, in minor units.
        subtotal_price_minor: Option<i64> = SubtotalPriceMinor,
        /// Tax price, in minor units.
        tax_price_minor: Option<i64> = TaxPriceMinor,
        /// ISO 4217 code of the amounts.
        currency_code: String = CurrencyCode,
        /// The state.
        status: OrderStatus = Status,
        /// Financial status.
        financial_status: Option<FinancialStatus> = FinancialStatus,
        /// Fulfillment status.
        fulfillment_status: Option<FulfillmentStatus> = FulfillmentStatus,
        /// Test.
        test: bool = Test,
        /// When: processed (UTC).
        processed_at: DateTime<Utc> = ProcessedAt,
        /// When: cancelled (UTC).
        cancelled_at: Option<DateTime<Utc>> = CancelledAt,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
        /// When Noren last wrote it (UTC).
        synced_at: DateTime<Utc> = SyncedAt,
    }
}

row! {
    /// A line of an order.
    pub struct OrderItemRow from order_items {
        /// The row's id.
        id: OrderItemId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store that the row belongs to.
        store_id: StoreId = StoreId,
        /// Order id.
        order_id: OrderId = OrderId,
        /// The provider's id, unique in the store.
        external_id: String = ExternalId,
        /// The provider's product id.
        external_product_id: Option<String> = ExternalProductId,
        /// The provider's variant id.
        external_variant_id: Option<String> = ExternalVariantId,
        /// What the lines of an order are sorted by.
        position: i64 = Position,
        /// Product title.
        product_title: String = ProductTitle,
        /// Product handle.
        product_handle: Option<String> = ProductHandle,
        /// Product vendor.
        product_vendor: Option<String> = ProductVendor,
        /// Product type.
        product_type: Option<String> = ProductType,
        /// Sku.
        sku: Option<String> = Sku,
        /// Variant title.
        variant_title: Option<String> = VariantTitle,
        /// Price, in minor units.
        price_minor: i64 = PriceMinor,
        /// Compare at price, in minor units.
        compare_at_price_minor: Option<i64> = CompareAtPriceMinor,
        /// Quantity.
        quantity: i64 = Quantity,
        /// Total price, in minor units.
        total_price_minor: i64 = TotalPriceMinor,
        /// ISO 4217 code of the amounts.
        currency_code: String = CurrencyCode,
        /// Options.
        options: Json = Options,
        /// Requires shipping.
        requires_shipping: bool = RequiresShipping,
        /// Taxable.
        taxable: bool = Taxable,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(OrderRow in "orders", id id, store "store_id", imported true);
tenant_row!(OrderItemRow in "order_items", id id, store "store_id", imported true);
