//! The states that things can be in. Spellings follow the Shopify Admin API where Shopify has the word.

use crate::text_enum::text_enum;

text_enum! {
    /// The life of a tenant (seed 000).
    pub enum TenantStatus {
        /// Reads and writes.
        Active = "ACTIVE",
        /// Not in use any more, kept for reference.
        Inactive = "INACTIVE",
        /// May read, may not write, sync or spend.
        Suspended = "SUSPENDED",
        /// Deleted softly: nobody of the tenant gets in.
        Deleted = "DELETED",
    }

    /// What a tenant has subscribed to: how much of everything its callers may use.
    pub enum Plan {
        /// The smallest.
        Starter = "STARTER",
        /// Twice as much.
        Professional = "PROFESSIONAL",
        /// Five times as much.
        Enterprise = "ENTERPRISE",
    }

    /// The life of a user.
    pub enum UserStatus {
        /// Invited, has not accepted yet.
        Invited = "INVITED",
        /// May sign in.
        Active = "ACTIVE",
        /// Shut out everywhere.
        Disabled = "DISABLED",
    }

    /// What a user is in a tenant.
    pub enum MembershipRole {
        /// Runs the tenant: users, tokens, stores.
        TenantAdmin = "TENANT_ADMIN",
        /// Works in the tenant.
        TenantMember = "TENANT_MEMBER",
    }

    /// What the bearer of an API token is.
    pub enum TokenRole {
        /// Runs Noren itself; belongs to no tenant.
        PlatformAdmin = "PLATFORM_ADMIN",
        /// As a tenant's administrator.
        TenantAdmin = "TENANT_ADMIN",
        /// As a tenant's member.
        TenantMember = "TENANT_MEMBER",
        /// An integration: exactly what its scopes say.
        Integration = "INTEGRATION",
    }

    /// What a one-time link is for.
    pub enum LinkKind {
        /// Accepting an invitation.
        Invitation = "INVITATION",
        /// Setting a new password.
        PasswordReset = "PASSWORD_RESET",
    }

    /// The life of a store (seed 000).
    pub enum StoreStatus {
        /// Connected.
        Active = "ACTIVE",
        /// Kept, but not synced.
        Inactive = "INACTIVE",
        /// The app was removed from the shop.
        Uninstalled = "UNINSTALLED",
    }

    /// What happened to the installation of an app in a shop (`InstallationHistory` of seed 004).
    pub enum InstallationAction {
        /// The merchant let the app in for the first time.
        Installed = "INSTALLED",
        /// The merchant let the app in again after it had been removed.
        Reinstalled = "REINSTALLED",
        /// The merchant confirmed an app that was in already, and it got new tokens.
        Reauthorized = "REAUTHORIZED",
        /// The merchant grants other things than before.
        ScopesChanged = "SCOPES_CHANGED",
        /// The shop takes the tokens no more, and there are no others.
        AuthorizationLost = "AUTHORIZATION_LOST",
        /// There are tokens again.
        AuthorizationRestored = "AUTHORIZATION_RESTORED",
        /// Somebody here asked to have the app removed.
        UninstallRequested = "UNINSTALL_REQUESTED",
        /// The shop did not remove the app.
        UninstallFailed = "UNINSTALL_FAILED",
        /// The app was removed: its tokens are void.
        Uninstalled = "UNINSTALLED",
    }

    /// Whether a store's shop answers.
    pub enum StoreHealthStatus {
        /// It does, or has not failed often enough to say that it does not.
        Healthy = "HEALTHY",
        /// It has failed three times in a row.
        Unhealthy = "UNHEALTHY",
    }

    /// What a store's data is for (`DataType` of seed 004).
    pub enum StoreDataKind {
        /// Real trade.
        Production = "PRODUCTION",
        /// Trying things out.
        Test = "TEST",
        /// Showing the product.
        Demo = "DEMO",
    }

    /// Where an order stands.
    pub enum OrderStatus {
        /// In progress.
        Open = "OPEN",
        /// Done and archived.
        Closed = "CLOSED",
        /// Cancelled.
        Cancelled = "CANCELLED",
    }

    /// How an order stands with its payment (Shopify `OrderDisplayFinancialStatus`).
    pub enum FinancialStatus {
        /// Authorised, not captured.
        Authorized = "AUTHORIZED",
        /// The authorisation lapsed.
        Expired = "EXPIRED",
        /// Paid in full.
        Paid = "PAID",
        /// Paid in part.
        PartiallyPaid = "PARTIALLY_PAID",
        /// Refunded in part.
        PartiallyRefunded = "PARTIALLY_REFUNDED",
        /// Waiting for payment.
        Pending = "PENDING",
        /// Refunded in full.
        Refunded = "REFUNDED",
        /// Voided before capture.
        Voided = "VOIDED",
    }

    /// How far an order's delivery is (Shopify `OrderDisplayFulfillmentStatus`).
    pub enum FulfillmentStatus {
        /// Everything has been sent.
        Fulfilled = "FULFILLED",
        /// Nothing in it needs to be sent.
        FulfillmentNotRequired = "FULFILLMENT_NOT_REQUIRED",
        /// Being worked on.
        InProgress = "IN_PROGRESS",
        /// Held back.
        OnHold = "ON_HOLD",
        /// Open (older form of UNFULFILLED).
        Open = "OPEN",
        /// Sent in part.
        PartiallyFulfilled = "PARTIALLY_FULFILLED",
        /// Waiting for a fulfilment service.
        PendingFulfillment = "PENDING_FULFILLMENT",
        /// The fulfilment service declined.
        RequestDeclined = "REQUEST_DECLINED",
        /// Put back on the shelf.
        Restocked = "RESTOCKED",
        /// Waiting for its day.
        Scheduled = "SCHEDULED",
        /// Nothing sent yet.
        Unfulfilled = "UNFULFILLED",
    }

    /// Where a run of an import stands.
    pub enum ImportStatus {
        /// Lines are being read into the staging area.
        Staging = "STAGING",
        /// Good rows are being written.
        Merging = "MERGING",
        /// Written and visible.
        Done = "DONE",
        /// Refused or broken off; nothing of it is visible.
        Failed = "FAILED",
    }
}

text_enum! {
    /// What a sync brings.
    pub enum SyncKind {
        /// Everything within its range, by exports.
        Full = "FULL",
        /// What has changed since the last one, page by page.
        Increment = "INCREMENT",
        /// Counts of each day compared with the shop, and what differs repaired.
        Reconciliation = "RECONCILIATION",
    }

    /// How far a sync is (seed 004).
    pub enum SyncStatus {
        /// It waits to be begun.
        Queued = "QUEUED",
        /// It is under way, and goes on where it was when its process dies.
        Running = "RUNNING",
        /// Everything that was asked for is here.
        Completed = "COMPLETED",
        /// It was given up: not everything is here.
        Failed = "FAILED",
        /// Somebody stopped it.
        Cancelled = "CANCELLED",
    }

    /// What a sync is doing.
    pub enum SyncPhase {
        /// It waits to be begun.
        Waiting = "WAITING",
        /// Counting what there is, and cutting it into slices.
        Planning = "PLANNING",
        /// The shop prepares a file.
        Exporting = "EXPORTING",
        /// A file is read and written.
        Loading = "LOADING",
        /// Pages of what has changed are read and written.
        Paging = "PAGING",
        /// What is here is compared with what the shop has.
        Comparing = "COMPARING",
        /// It is over.
        Ended = "ENDED",
    }
}

text_enum! {
    /// How far a job is.
    pub enum JobStatus {
        /// Waits for its time.
        Queued = "QUEUED",
        /// Is being worked on.
        Running = "RUNNING",
        /// Done.
        Done = "DONE",
        /// Failed for good: nobody tries again by itself.
        Failed = "FAILED",
        /// Called off by somebody.
        Cancelled = "CANCELLED",
    }

    /// What kind of caller did something.
    pub enum ActorKind {
        /// A user.
        User = "USER",
        /// The bearer of an API token.
        ApiToken = "API_TOKEN",
        /// A merchant's user who had an app open inside of a shop.
        Merchant = "MERCHANT",
        /// The program itself: an operator at a shell, a job.
        System = "SYSTEM",
        /// Nobody that is known.
        Anonymous = "ANONYMOUS",
    }

    /// How an audited attempt ended.
    pub enum AuditOutcome {
        /// It was done.
        Done = "DONE",
        /// It was refused.
        Refused = "REFUSED",
    }

    /// What is counted of what a tenant uses.
    pub enum UsageMetric {
        /// GraphQL operations of the tenant's callers.
        ApiCalls = "API_CALLS",
        /// Deliveries of providers that were taken in.
        WebhookEvents = "WEBHOOK_EVENTS",
        /// Rows that are stored: customers, products, variants, orders and their items.
        StoredRows = "STORED_ROWS",
        /// About how many bytes these rows take, with their indexes.
        StoredBytes = "STORED_BYTES",
    }

    /// Whether a connection to a provider takes deliveries.
    pub enum ConnectionStatus {
        /// It does.
        Active = "ACTIVE",
        /// Deliveries to it are refused, but for what people ask about their data and that an app was removed.
        Disabled = "DISABLED",
    }

    /// How far a delivery of a provider is (seed 004).
    pub enum WebhookEventStatus {
        /// Stored, and waits to be worked on.
        Pending = "PENDING",
        /// Worked on.
        Processed = "PROCESSED",
        /// Nothing is done with its topic.
        Ignored = "IGNORED",
        /// It could not be worked on; it can be replayed.
        Failed = "FAILED",
    }

    /// Whether a webhook endpoint is told of events.
    pub enum WebhookEndpointStatus {
        /// It is.
        Enabled = "ENABLED",
        /// It is not: somebody said so, or its deliveries failed for too long.
        Disabled = "DISABLED",
    }

    /// How far an event is on its way to an endpoint.
    pub enum WebhookDeliveryStatus {
        /// It waits for its next attempt.
        Pending = "PENDING",
        /// The endpoint has it.
        Delivered = "DELIVERED",
        /// Given up; it can be sent again.
        Failed = "FAILED",
    }

    /// How bad it is (seed 000). What seed 002 calls WARNING is MEDIUM.
    pub enum AlertSeverity {
        /// Somebody must act at once.
        Critical = "CRITICAL",
        /// Somebody must act today.
        High = "HIGH",
        /// Somebody should look at it.
        Medium = "MEDIUM",
        /// Good to know.
        Low = "LOW",
    }

    /// How far an alert is.
    pub enum AlertStatus {
        /// Nobody looks after it yet.
        Open = "OPEN",
        /// Somebody looks after it.
        Acknowledged = "ACKNOWLEDGED",
        /// It is over. When it comes back it is another alert.
        Resolved = "RESOLVED",
    }

    /// How a channel reaches people.
    pub enum NotificationChannelKind {
        /// By mail.
        Email = "EMAIL",
        /// By a Slack incoming webhook.
        Slack = "SLACK",
        /// By text message.
        Sms = "SMS",
    }

    /// Whether a channel is used.
    pub enum NotificationChannelStatus {
        /// It is.
        Enabled = "ENABLED",
        /// It is not.
        Disabled = "DISABLED",
    }

    /// What a notification tells.
    pub enum NotificationKind {
        /// Something goes wrong.
        Raised = "RAISED",
        /// It has become worse.
        Worse = "WORSE",
        /// Nobody has looked after it.
        Escalated = "ESCALATED",
        /// It is over.
        Resolved = "RESOLVED",
        /// Somebody tries the channel out.
        Test = "TEST",
        /// Several notifications in one.
        Digest = "DIGEST",
    }

    /// How far a notification is.
    pub enum NotificationStatus {
        /// It waits for its time or its next attempt.
        Pending = "PENDING",
        /// It is being sent.
        Sending = "SENDING",
        /// The channel's provider has taken it.
        Sent = "SENT",
        /// Given up.
        Failed = "FAILED",
        /// It may have been sent: the provider did not say. It is not sent again by itself.
        Unknown = "UNKNOWN",
        /// It went with others into one digest.
        Digested = "DIGESTED",
    }

    /// What is asked about somebody's data.
    pub enum PrivacyRequestKind {
        /// A customer wants to know what is kept of them.
        DataRequest = "DATA_REQUEST",
        /// A customer is to be forgotten.
        CustomerRedaction = "CUSTOMER_REDACTION",
        /// A shop is to be forgotten, with everybody in it.
        ShopRedaction = "SHOP_REDACTION",
        /// The app was removed from a shop long enough ago.
        StoreDeletion = "STORE_DELETION",
    }

    /// How far a privacy request is.
    pub enum PrivacyRequestStatus {
        /// It waits, or is being worked on.
        Pending = "PENDING",
        /// It is done.
        Completed = "COMPLETED",
        /// It could not be done; it can be tried again.
        Failed = "FAILED",
    }

    /// What came of a privacy request.
    pub enum PrivacyRequestOutcome {
        /// What is kept was put together.
        Exported = "EXPORTED",
        /// What was kept is erased.
        Erased = "ERASED",
        /// Nothing was kept.
        NothingThere = "NOTHING_THERE",
        /// The app is in the shop again: nothing was erased.
        InstalledAgain = "INSTALLED_AGAIN",
        /// Another app of the tenant is in the shop: nothing was erased.
        OtherConnection = "OTHER_CONNECTION",
    }
}
