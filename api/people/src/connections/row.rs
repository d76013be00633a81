//! The rows of connections; their sealed columns are read elsewhere.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, ConnectionStatus, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// An app's or account's registration with a provider.
    pub struct ConnectionRow from connections {
        /// The row's id.
        id: ConnectionId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The provider's key.
        provider: String = Provider,
        /// What people call it.
        name: String = Name,
        /// The provider's id of the app or account.
        account: Option<String> = Account,
        /// What the app asks merchants for.
        scopes: Json = Scopes,
        /// The version of the provider's API that is spoken.
        api_version: Option<String> = ApiVersion,
        /// Whether it takes deliveries.
        status: ConnectionStatus = Status,
        /// Until when the previous webhook secret is accepted (UTC).
        previous_webhook_secret_until: Option<DateTime<Utc>> = PreviousWebhookSecretUntil,
        /// When it came to be (UTC).
        created_at: DateTime<Utc> = CreatedAt,
        /// When it was last changed (UTC).
        updated_at: DateTime<Utc> = UpdatedAt,
    }
}

tenant_row!(ConnectionRow in "connections", id id);
