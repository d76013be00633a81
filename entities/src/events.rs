//! The catalogue of events: what can happen, under which name, and in which version of its data.

use std::fmt;
use std::str::FromStr;

use crate::{ApiScope, UnknownValue};

macro_rules! events {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal v $version:literal,)*) => {
        /// A kind of event. Its data is thin: ids and what has to be known to look further; the rest is asked for by GraphQL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType { $($(#[doc = $doc])* $variant,)* }

        impl EventType {
            /// Every kind, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, `noun.verb`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The version of its data. A field that is added does not raise it; one that goes away or changes its meaning does.
            pub const fn version(self) -> i32 {
                match self { $(Self::$variant => $version),* }
            }

            /// When it happens and what its data holds.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_ascii()),* }
            }
        }
    };
}

events! {
    /// A tenant was created. Data: `tenantId`.
    TenantCreated = "tenant.created" v 1,
    /// A tenant's contacts or settings were changed. Data: `tenantId`.
    TenantUpdated = "tenant.updated" v 1,
    /// A tenant was suspended: its callers may only read. Data: `tenantId`.
    TenantSuspended = "tenant.suspended" v 1,
    /// A suspended tenant works again. Data: `tenantId`.
    TenantReactivated = "tenant.reactivated" v 1,
    /// A tenant was deleted. Data: `tenantId`.
    TenantDeleted = "tenant.deleted" v 1,
    /// A user was invited. Data: `userId`.
    UserInvited = "user.invited" v 1,
    /// A user accepted an invitation. Data: `userId`.
    UserJoined = "user.joined" v 1,
    /// A user's role or stores were changed. Data: `userId`.
    UserRoleChanged = "user.role_changed" v 1,
    /// A user was shut out. Data: `userId`.
    UserDisabled = "user.disabled" v 1,
    /// An API token was made. Data: `apiTokenId`.
    ApiTokenCreated = "api_token.created" v 1,
    /// An API token was revoked. Data: `apiTokenId`.
    ApiTokenRevoked = "api_token.revoked" v 1,
    /// A shop was connected. Data: `storeId`.
    StoreConnected = "store.connected" v 1,
    /// A store was changed. Data: `storeId`.
    StoreUpdated = "store.updated" v 1,
    /// A store was paused: it is not synced until it is resumed. Data: `storeId`.
    StorePaused = "store.paused" v 1,
    /// A store that was paused works again. Data: `storeId`.
    StoreResumed = "store.resumed" v 1,
    /// A merchant let the app in, for the first time or again. Data: `storeId`, `connectionId`, `again` (whether the store was there before).
    StoreInstalled = "store.installed" v 1,
    /// The app was removed from a shop: its tokens are void. Data: `storeId`, `dataDeletionScheduledAt`.
    StoreUninstalled = "store.uninstalled" v 1,
    /// What the merchant grants was compared with what the app asks for, and something about it has changed. Data: `storeId`, `granted`,
    /// `missing` (empty when all is well).
    StoreScopesChanged = "store.scopes_changed" v 1,
    /// A shop takes the app's tokens no more, and there are no others: the merchant has to let the app in again. Data: `storeId`, `reason`.
    StoreAuthorizationLost = "store.authorization_lost" v 1,
    /// A store whose tokens were void has good ones again. Data: `storeId`.
    StoreAuthorizationRestored = "store.authorization_restored" v 1,
    /// A store's shop has failed to answer three times in a row. Data: `storeId`, `reason`.
    StoreUnhealthy = "store.unhealthy" v 1,
    /// A store's shop that was unhealthy answers again. Data: `storeId`.
    StoreHealthy = "store.healthy" v 1,
    /// A file was imported into a store. Data: `storeId`, `importRunId`.
    StoreImported = "store.imported" v 1,
    /// A sync of a store was asked for or begun. Data: `syncRunId`, `storeId`, `kind`, `status` and its numbers.
    SyncStarted = "sync.started" v 1,
    /// A sync has come further; at most one a second. Webhook endpoints are not told of it. Data: `syncRunId` and what else `sync.started` has.
    SyncProgressed = "sync.progressed" v 1,
    /// A sync is done: everything that was asked for is here. Data: `syncRunId` and what else `sync.started` has.
    SyncCompleted = "sync.completed" v 1,
    /// A sync was given up: not everything is here. Data: `syncRunId`, what else `sync.started` has, and `error`.
    SyncFailed = "sync.failed" v 1,
    /// A sync was stopped. Data: `syncRunId` and what else `sync.started` has.
    SyncCancelled = "sync.cancelled" v 1,
    /// An order came in. Data: `orderId`, `storeId`.
    OrderCreated = "order.created" v 1,
    /// An order was changed. Data: `orderId`, `storeId`.
    OrderUpdated = "order.updated" v 1,
    /// A shop told that an order was deleted. Data: `orderId`, `storeId`.
    OrderDeleted = "order.deleted" v 1,
    /// A shop told of a customer who was not known. Data: `customerId`, `storeId`.
    CustomerCreated = "customer.created" v 1,
    /// A shop told that a customer was changed. Data: `customerId`, `storeId`.
    CustomerUpdated = "customer.updated" v 1,
    /// A shop told that a customer was deleted. Their orders stay. Data: `customerId`, `storeId`.
    CustomerDeleted = "customer.deleted" v 1,
    /// A shop told of a product that was not known. Data: `productId`, `storeId`.
    ProductCreated = "product.created" v 1,
    /// A shop told that a product or one of its variants was changed. Data: `productId`, `storeId`.
    ProductUpdated = "product.updated" v 1,
    /// A shop told that a product was deleted, with its variants. Data: `productId`, `storeId`.
    ProductDeleted = "product.deleted" v 1,
    /// A connection to a provider was registered. Data: `connectionId`.
    ConnectionCreated = "connection.created" v 1,
    /// A connection to a provider was changed. Data: `connectionId`.
    ConnectionUpdated = "connection.updated" v 1,
    /// For an app, shops answer (`channel` CALLS) or deliveries come (DELIVERIES) in another version of the provider's API than is asked for, or
    /// in others than were told of before. Data: `connectionId` (null for stores that were connected with a token), `channel`, `asked`, `seen` (all
    /// others of the last 24 hours), `stores` (how many), `storeIds` (10 of them at most).
    ApiVersionChanged = "api_version.changed" v 1,
    /// For 24 hours nothing was seen there in another version than is asked for. Data: `connectionId`, `channel`, `asked`.
    ApiVersionRestored = "api_version.restored" v 1,
    /// A provider's delivery could not be worked on and will not be tried again by itself. Data: `webhookEventId`.
    WebhookEventFailed = "webhook_event.failed" v 1,
    /// A webhook endpoint was disabled because its deliveries failed for too long, or it is gone. Data: `webhookEndpointId`, `reason`.
    WebhookEndpointDisabled = "webhook_endpoint.disabled" v 1,
    /// A webhook endpoint that was disabled is told of events again. Data: `webhookEndpointId`.
    WebhookEndpointEnabled = "webhook_endpoint.enabled" v 1,
    /// A webhook endpoint was deleted. Data: `webhookEndpointId`.
    WebhookEndpointDeleted = "webhook_endpoint.deleted" v 1,
    /// Somebody asked for a test: it goes to that endpoint alone. Data: `webhookEndpointId`.
    WebhookEndpointTest = "webhook_endpoint.test" v 1,
    /// A job failed for good. Data: `jobId`, `kind`.
    JobFailed = "job.failed" v 1,
    /// Somebody asks about their data, or a shop about everybody's. Data: `privacyRequestId`, `kind`, `storeId`.
    PrivacyRequestReceived = "privacy_request.received" v 1,
    /// A privacy request is not done after 20 days, or after 28; it is due after 30. Data: `privacyRequestId`, `kind`, `storeId`, `days`, `dueAt`.
    PrivacyRequestDue = "privacy_request.due" v 1,
    /// A privacy request is done. Data: `privacyRequestId`, `kind`, `storeId`, `outcome`.
    PrivacyRequestCompleted = "privacy_request.completed" v 1,
    /// Something goes wrong that did not before. Data: `alertId`, `type`, `severity`, `source`, `status`, `count`, `escalationLevel`, `storeId`, `tenantId`,
    /// `silenced`.
    AlertRaised = "alert.raised" v 1,
    /// An alert was seen again, has become worse (`worse`), was escalated (`escalated`), silenced, or can be heard of again (`audible`).
    /// Data: `alertId` and the rest as of `alert.raised`.
    AlertUpdated = "alert.updated" v 1,
    /// Somebody looks after an alert. Data: `alertId` and the rest as of `alert.raised`.
    AlertAcknowledged = "alert.acknowledged" v 1,
    /// An alert is over. Data: `alertId` and the rest as of `alert.raised`.
    AlertResolved = "alert.resolved" v 1,
    /// A request took longer than 5 s (seed 002). Data: `requestId`, `operationName`, `milliseconds`.
    RequestSlow = "request.slow" v 1,
}

impl EventType {
    /// The scope that an integration needs to be told of it: that of what its data shows. Without one, administrators alone are.
    pub const fn scope(self) -> Option<ApiScope> {
        match self {
            Self::TenantCreated | Self::TenantUpdated | Self::TenantSuspended | Self::TenantReactivated | Self::TenantDeleted => Some(ApiScope::TenantRead),
            Self::UserInvited | Self::UserJoined | Self::UserRoleChanged | Self::UserDisabled => Some(ApiScope::UsersRead),
            Self::StoreConnected
            | Self::StoreUpdated
            | Self::StorePaused
            | Self::StoreResumed
            | Self::StoreInstalled
            | Self::StoreUninstalled
            | Self::StoreScopesChanged
            | Self::StoreAuthorizationLost
            | Self::StoreAuthorizationRestored
            | Self::StoreUnhealthy
            | Self::StoreHealthy
            | Self::StoreImported
            | Self::SyncStarted
            | Self::SyncProgressed
            | Self::SyncCompleted
            | Self::SyncFailed
            | Self::SyncCancelled => Some(ApiScope::StoresRead),
            Self::OrderCreated | Self::OrderUpdated | Self::OrderDeleted => Some(ApiScope::OrdersRead),
            Self::CustomerCreated | Self::CustomerUpdated | Self::CustomerDeleted => Some(ApiScope::CustomersRead),
            Self::ProductCreated | Self::ProductUpdated | Self::ProductDeleted => Some(ApiScope::ProductsRead),
            Self::AlertRaised | Self::AlertUpdated | Self::AlertAcknowledged | Self::AlertResolved => Some(ApiScope::AlertsRead),
            Self::WebhookEndpointDisabled | Self::WebhookEndpointEnabled | Self::WebhookEndpointDeleted | Self::WebhookEndpointTest => {
                Some(ApiScope::WebhooksRead)
            }
            Self::ApiTokenCreated
            | Self::ApiTokenRevoked
            | Self::ConnectionCreated
            | Self::ConnectionUpdated
            | Self::ApiVersionChanged
            | Self::ApiVersionRestored
            | Self::WebhookEventFailed
            | Self::JobFailed
            | Self::PrivacyRequestReceived
            | Self::PrivacyRequestDue
            | Self::PrivacyRequestCompleted
            | Self::RequestSlow => None,
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownValue {
            value: text.chars().take(64).collect(),
            accepted: Self::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}
