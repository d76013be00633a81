//! The rows of installations and their history; sealed columns are read elsewhere.

use chrono::{DateTime, Utc};
use entities::{ConnectionId, InstallationAction, InstallationEventId, StoreId, TenantId};
use platform::{row, tenant_row};
use sea_orm::prelude::Json;

row! {
    /// How a store came by its tokens.
    pub struct InstallationRow from installations {
        /// The store.
        id: StoreId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The app that was installed.
        connection_id: Option<ConnectionId> = ConnectionId,
        /// What the app asks for and the merchant has not granted.
        missing_scopes: Json = MissingScopes,
        /// Webhooks that the shop refuses.
        refused_topics: Json = RefusedTopics,
        /// Until when the access token is good (UTC).
        access_token_expires_at: Option<DateTime<Utc>> = AccessTokenExpiresAt,
        /// Until when the refresh token is good (UTC).
        refresh_token_expires_at: Option<DateTime<Utc>> = RefreshTokenExpiresAt,
        /// Since when the tokens are void (UTC).
        authorization_lost_at: Option<DateTime<Utc>> = AuthorizationLostAt,
        /// When the store was set up (UTC).
        set_up_at: Option<DateTime<Utc>> = SetUpAt,
        /// Why it is not, or not wholly.
        set_up_error: Option<String> = SetUpError,
    }
}

tenant_row!(InstallationRow in "installations", id id, store "id");

row! {
    /// Something that happened to the installation of an app.
    pub struct InstallationEventRow from installation_events {
        /// The row's id.
        id: InstallationEventId = Id,
        /// The tenant that the row belongs to.
        tenant_id: TenantId = TenantId,
        /// The store.
        store_id: StoreId = StoreId,
        /// What happened.
        action: InstallationAction = Action,
        /// What was granted from then on.
        scopes: Option<Json> = Scopes,
        /// What is to be known of it.
        message: Option<String> = Message,
        /// When it happened (UTC).
        occurred_at: DateTime<Utc> = OccurredAt,
    }
}

tenant_row!(InstallationEventRow in "installation_events", id id, store "store_id");
