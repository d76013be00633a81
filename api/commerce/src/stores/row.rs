//! The rows of stores; their sealed columns are read elsewhere.

use chrono::{DateTime, Utc};
use entities::{StoreDataKind, StoreId, StoreStatus, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// A shop of a tenant.
    pub struct StoreRow from stores {
        /// The row's id.
        id: StoreId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// Provider.
        provider: String = Provider,
        /// Name.
        name: String = Name,
        /// Name key.
        name_key: String = NameKey,
        /// Domain.
        domain: String = Domain,
        /// The provider's shop id.
        external_shop_id: Option<String> = ExternalShopId,
        /// Description.
        description: Option<String> = Description,
        /// Data kind.
        data_kind: StoreDataKind = DataKind,
        /// The state.
        status: StoreStatus = Status,
        /// Settings.
        settings: Json = Settings,
        /// Settings of the app as it is embedded in the shop.
        embedded_settings: Json = EmbeddedSettings,
        /// Api key.
        api_key: Option<String> = ApiKey,
        /// Scopes.
        scopes: Json = Scopes,
        /// Time zone.
        time_zone: String = TimeZone,
        /// ISO 4217 code of the amounts.
        currency_code: String = CurrencyCode,
        /// Initial setup completed.
        initial_setup_completed: bool = InitialSetupCompleted,
        /// When: last sync (UTC).
        last_sync_at: Option<DateTime<Utc>> = LastSyncAt,
        /// Since when it is paused (UTC).
        paused_at: Option<DateTime<Utc>> = PausedAt,
        /// When: installed (UTC).
        installed_at: Option<DateTime<Utc>> = InstalledAt,
        /// When: uninstalled (UTC).
        uninstalled_at: Option<DateTime<Utc>> = UninstalledAt,
        /// When: data deletion scheduled (UTC).
        data_deletion_scheduled_at: Option<DateTime<Utc>> = DataDeletionScheduledAt,
        /// When: data deletion completed (UTC).
        data_deletion_completed_at: Option<DateTime<Utc>> = DataDeletionCompletedAt,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(StoreRow in "stores", id id, store "id");
