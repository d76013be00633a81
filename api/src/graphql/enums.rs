//! The closed sets of values, as the schema shows them.

use async_graphql::Enum;

use super::render::render_scalars;

/// The life of a tenant (seed 000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::TenantStatus")]
pub enum TenantStatus {
    /// Reads and writes.
    Active,
    /// Not in use any more, kept for reference.
    Inactive,
    /// May read, may not write, sync or spend.
    Suspended,
    /// Deleted softly: nobody of the tenant gets in.
    Deleted,
}

/// The life of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::UserStatus")]
pub enum UserStatus {
    /// Invited, has not accepted yet.
    Invited,
    /// May sign in.
    Active,
    /// Shut out everywhere.
    Disabled,
}

/// What a user is in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::MembershipRole")]
pub enum MembershipRole {
    /// Runs the tenant: users, tokens, stores.
    TenantAdmin,
    /// Works in the tenant.
    TenantMember,
}

/// What the bearer of an API token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::TokenRole")]
pub enum TokenRole {
    /// Runs Noren itself; belongs to no tenant.
    PlatformAdmin,
    /// As a tenant's administrator.
    TenantAdmin,
    /// As a tenant's member.
    TenantMember,
    /// An integration: exactly what its scopes say.
    Integration,
}

/// The life of a store (seed 000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::StoreStatus")]
pub enum StoreStatus {
    /// Connected.
    Active,
    /// Kept, but not synced.
    Inactive,
    /// The app was removed from the shop.
    Uninstalled,
}

/// What happened to the installation of an app in a shop (`InstallationHistory` of seed 004).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::InstallationAction")]
pub enum InstallationAction {
    /// The merchant let the app in for the first time.
    Installed,
    /// The merchant let the app in again after it had been removed.
    Reinstalled,
    /// The merchant confirmed an app that was in already, and it got new tokens.
    Reauthorized,
    /// The merchant grants other things than before.
    ScopesChanged,
    /// The shop takes the tokens no more, and there are no others.
    AuthorizationLost,
    /// There are tokens again.
    AuthorizationRestored,
    /// Somebody here asked to have the app removed.
    UninstallRequested,
    /// The shop did not remove the app.
    UninstallFailed,
    /// The app was removed: its tokens are void.
    Uninstalled,
}

/// Whether a store's shop answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::StoreHealthStatus")]
pub enum StoreHealthStatus {
    /// It does, or has not failed often enough to say that it does not.
    Healthy,
    /// It has failed three times in a row.
    Unhealthy,
}

/// What a store's data is for (`DataType` of seed 004).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::StoreDataKind")]
pub enum StoreDataKind {
    /// Real trade.
    Production,
    /// Trying things out.
    Test,
    /// Showing the product.
    Demo,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::OrderStatus")]
pub enum OrderStatus {
    /// In progress.
    Open,
    /// Done and archived.
    Closed,
    /// Cancelled.
    Cancelled,
}

/// How an order stands with its payment (Shopify `OrderDisplayFinancialStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::FinancialStatus")]
pub enum FinancialStatus {
    /// Authorised, not captured.
    Authorized,
    /// The authorisation lapsed.
    Expired,
    /// Paid in full.
    Paid,
    /// Paid in part.
    PartiallyPaid,
    /// Refunded in part.
    PartiallyRefunded,
    /// Waiting for payment.
    Pending,
    /// Refunded in full.
    Refunded,
    /// Voided before capture.
    Voided,
}

/// How far an order's delivery is (Shopify `OrderDisplayFulfillmentStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::FulfillmentStatus")]
pub enum FulfillmentStatus {
    /// Everything has been sent.
    Fulfilled,
    /// Nothing in it needs to be sent.
    FulfillmentNotRequired,
    /// Being worked on.
    InProgress,
    /// Held back.
    OnHold,
    /// Open (older form of UNFULFILLED).
    Open,
    /// Sent in part.
    PartiallyFulfilled,
    /// Waiting for a fulfilment service.
    PendingFulfillment,
    /// The fulfilment service declined.
    RequestDeclined,
    /// Put back on the shelf.
    Restocked,
    /// Waiting for its day.
    Scheduled,
    /// Nothing sent yet.
    Unfulfilled,
}

/// Whether a webhook endpoint is told of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::WebhookEndpointStatus")]
pub enum WebhookEndpointStatus {
    /// It is.
    Enabled,
    /// It is not: somebody said so, or its deliveries failed for too long.
    Disabled,
}

/// How far an event is on its way to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::WebhookDeliveryStatus")]
pub enum WebhookDeliveryStatus {
    /// It waits for its next attempt.
    Pending,
    /// The endpoint has it.
    Delivered,
    /// Given up; it can be sent again.
    Failed,
}

/// Whether a connection to a provider takes deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::ConnectionStatus")]
pub enum ConnectionStatus {
    /// It does.
    Active,
    /// Deliveries to it are refused, but for what people ask about their data and that an app was removed.
    Disabled,
}

/// How far a delivery of a provider is (seed 004).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::WebhookEventStatus")]
pub enum WebhookEventStatus {
    /// Stored, and waits to be worked on.
    Pending,
    /// Worked on.
    Processed,
    /// Nothing is done with it; `errorMessage` says why.
    Ignored,
    /// It could not be worked on and is not tried again by itself; `errorMessage` says why, and it can be replayed.
    Failed,
}

/// What a sync brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::SyncKind")]
pub enum SyncKind {
    /// Everything within its range, by exports that the shop prepares.
    Full,
    /// What has changed since the last one, page by page.
    Increment,
    /// What each day has in the shop and here, counted and compared; what differs is brought again.
    Reconciliation,
}

/// How far a sync is (seed 004).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::SyncStatus")]
pub enum SyncStatus {
    /// It waits to be begun.
    Queued,
    /// It is under way. When its process dies it goes on where it was.
    Running,
    /// Everything that was asked for is here.
    Completed,
    /// It was given up, and not everything is here; `errorMessage` says why.
    Failed,
    /// Somebody stopped it, or the app was removed from the shop.
    Cancelled,
}

/// What a sync is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::SyncPhase")]
pub enum SyncPhase {
    /// It waits to be begun.
    Waiting,
    /// Counting what there is, and cutting it into slices.
    Planning,
    /// The shop prepares a file.
    Exporting,
    /// A file is read and written.
    Loading,
    /// Pages of what has changed are read and written.
    Paging,
    /// What is here is compared with what the shop has.
    Comparing,
    /// It is over.
    Ended,
}

/// How bad something is that goes wrong (seed 000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::AlertSeverity")]
pub enum AlertSeverity {
    /// Somebody must act at once.
    Critical,
    /// Somebody must act today.
    High,
    /// Somebody should look at it.
    Medium,
    /// Good to know.
    Low,
}

/// How far an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::AlertStatus")]
pub enum AlertStatus {
    /// Nobody looks after it yet.
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// It is over. When it comes back it is another alert.
    Resolved,
}

/// How a channel reaches people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::NotificationChannelKind")]
pub enum NotificationChannelKind {
    /// By mail.
    Email,
    /// By a Slack incoming webhook.
    Slack,
    /// By text message.
    Sms,
}

/// Whether a channel is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::NotificationChannelStatus")]
pub enum NotificationChannelStatus {
    /// It is.
    Enabled,
    /// It is not.
    Disabled,
}

/// What a notification tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::NotificationKind")]
pub enum NotificationKind {
    /// Something goes wrong.
    Raised,
    /// It has become worse.
    Worse,
    /// Nobody has acknowledged it for long enough.
    Escalated,
    /// It is over. Only those are told who were told that it was not.
    Resolved,
    /// Somebody tries the channel out.
    Test,
    /// Several notifications in one: what a storm had too much of, or what fell into quiet hours.
    Digest,
}

/// How far a notification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::NotificationStatus")]
pub enum NotificationStatus {
    /// It waits for its time or its next attempt.
    Pending,
    /// It is being sent.
    Sending,
    /// The provider has taken it.
    Sent,
    /// Given up; `errorMessage` says why.
    Failed,
    /// It may have been sent: nobody said so. It is not sent again by itself.
    Unknown,
    /// It is a part of the digest `digestId`, whose status tells the rest.
    Digested,
}

/// What is asked about somebody's data (Shopify's compliance topics; seed 004, 14.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::PrivacyRequestKind")]
pub enum PrivacyRequestKind {
    /// A customer wants to know what is kept of them (`customers/data_request`).
    DataRequest,
    /// A customer is to be forgotten (`customers/redact`): money and counts stay.
    CustomerRedaction,
    /// A shop is to be forgotten, with everybody in it (`shop/redact`, 48 hours after the app was removed).
    ShopRedaction,
    /// Our own: the data of a shop is due to be deleted since the app was removed from it; `dataDeletionScheduledAt` of the store.
    StoreDeletion,
}

/// How far a privacy request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::PrivacyRequestStatus")]
pub enum PrivacyRequestStatus {
    /// It waits, or is being worked on.
    Pending,
    /// It is done; `outcome` says what came of it.
    Completed,
    /// It could not be done; `errorMessage` says why, and it can be tried again.
    Failed,
}

/// What came of a privacy request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "entities::PrivacyRequestOutcome")]
pub enum PrivacyRequestOutcome {
    /// What is kept was put together: `privacyRequestExport` gives it.
    Exported,
    /// What was kept is erased.
    Erased,
    /// Nothing was kept: the store or the customer is not known, or was erased before.
    NothingThere,
    /// The app is in the shop again: nothing was erased.
    InstalledAgain,
    /// The store's data is another connection's than the request came by: nothing was erased.
    OtherConnection,
}

render_scalars! {
    SyncKind: |value, out| serde_json::to_writer(out, entities::SyncKind::from(*value).as_str())?;
    SyncStatus: |value, out| serde_json::to_writer(out, entities::SyncStatus::from(*value).as_str())?;
    SyncPhase: |value, out| serde_json::to_writer(out, entities::SyncPhase::from(*value).as_str())?;
    PrivacyRequestKind: |value, out| serde_json::to_writer(out, entities::PrivacyRequestKind::from(*value).as_str())?;
    PrivacyRequestStatus: |value, out| serde_json::to_writer(out, entities::PrivacyRequestStatus::from(*value).as_str())?;
    PrivacyRequestOutcome: |value, out| serde_json::to_writer(out, entities::PrivacyRequestOutcome::from(*value).as_str())?;
    NotificationChannelKind: |value, out| serde_json::to_writer(out, entities::NotificationChannelKind::from(*value).as_str())?;
    NotificationChannelStatus: |value, out| serde_json::to_writer(out, entities::NotificationChannelStatus::from(*value).as_str())?;
    NotificationKind: |value, out| serde_json::to_writer(out, entities::NotificationKind::from(*value).as_str())?;
    NotificationStatus: |value, out| serde_json::to_writer(out, entities::NotificationStatus::from(*value).as_str())?;
    AlertSeverity: |value, out| serde_json::to_writer(out, entities::AlertSeverity::from(*value).as_str())?;
    AlertStatus: |value, out| serde_json::to_writer(out, entities::AlertStatus::from(*value).as_str())?;
    WebhookEndpointStatus: |value, out| serde_json::to_writer(out, entities::WebhookEndpointStatus::from(*value).as_str())?;
    WebhookDeliveryStatus: |value, out| serde_json::to_writer(out, entities::WebhookDeliveryStatus::from(*value).as_str())?;
    TenantStatus: |value, out| serde_json::to_writer(out, entities::TenantStatus::from(*value).as_str())?;
    UserStatus: |value, out| serde_json::to_writer(out, entities::UserStatus::from(*value).as_str())?;
    MembershipRole: |value, out| serde_json::to_writer(out, entities::MembershipRole::from(*value).as_str())?;
    TokenRole: |value, out| serde_json::to_writer(out, entities::TokenRole::from(*value).as_str())?;
    InstallationAction: |value, out| serde_json::to_writer(out, entities::InstallationAction::from(*value).as_str())?;
    StoreHealthStatus: |value, out| serde_json::to_writer(out, entities::StoreHealthStatus::from(*value).as_str())?;
    StoreStatus: |value, out| serde_json::to_writer(out, entities::StoreStatus::from(*value).as_str())?;
    StoreDataKind: |value, out| serde_json::to_writer(out, entities::StoreDataKind::from(*value).as_str())?;
    OrderStatus: |value, out| serde_json::to_writer(out, entities::OrderStatus::from(*value).as_str())?;
    FinancialStatus: |value, out| serde_json::to_writer(out, entities::FinancialStatus::from(*value).as_str())?;
    ConnectionStatus: |value, out| serde_json::to_writer(out, entities::ConnectionStatus::from(*value).as_str())?;
    WebhookEventStatus: |value, out| serde_json::to_writer(out, entities::WebhookEventStatus::from(*value).as_str())?;
    FulfillmentStatus: |value, out| serde_json::to_writer(out, entities::FulfillmentStatus::from(*value).as_str())?;
}
