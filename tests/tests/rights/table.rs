//! What each root field needs, and how it is called on one's own.

use chrono::TimeDelta;
use entities::{ApiTokenId, MembershipRole, PrivacyRequestKind, TenantId, TokenRole};
use tests::harness::{Side, Town, alerts, machinery, privacy};

/// What a root field needs of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Somebody who is known.
    Known,
    /// A right.
    Right(&'static str),
    /// A right, above all tenants: in one of them it is out of reach.
    Above(&'static str),
    /// A right, in one tenant: above all of them there is nothing to answer.
    InTenant(&'static str),
}

use Needs::{Above, InTenant, Known, Nothing, Right};

/// Every root field and what it needs; `Query.node` and its like once for each kind of thing.
#[rustfmt::skip]
pub const CALLS: &[(&str, Needs)] = &[
    ("Query.viewer", Nothing),
    ("Query.tenants", Right("ReadTenants")),
    ("Query.tenant", Right("ReadTenants")),
    ("Query.users", Right("ReadUsers")),
    ("Query.apiTokens", Right("ReadApiTokens")),
    ("Query.stores", Right("ReadStores")),
    ("Query.store", Right("ReadStores")),
    ("Query.syncRun", InTenant("ReadStores")),
    ("Query.storeSyncSettings", Right("ReadStores")),
    ("Query.node: SyncRun", InTenant("ReadStores")),
    ("Query.customers", InTenant("ReadCustomers")),
    ("Query.customer", InTenant("ReadCustomers")),
    ("Query.products", InTenant("ReadProducts")),
    ("Query.product", InTenant("ReadProducts")),
    ("Query.orders", InTenant("ReadOrders")),
    ("Query.order", InTenant("ReadOrders")),
    ("Query.auditEvents", Right("ReadAudit")),
    ("Query.jobs", Right("ReadJobs")),
    ("Query.job", Right("ReadJobs")),
    ("Query.usageDays", Right("ReadUsage")),
    ("Query.webhookEndpoints", InTenant("ReadWebhooks")),
    ("Query.webhookEndpoint", InTenant("ReadWebhooks")),
    ("Query.webhookDeliveries", InTenant("ReadWebhooks")),
    ("Query.webhookDelivery", InTenant("ReadWebhooks")),
    ("Query.node: WebhookEndpoint", InTenant("ReadWebhooks")),
    ("Query.node: WebhookDelivery", InTenant("ReadWebhooks")),
    ("Query.node: Tenant", Right("ReadTenants")),
    ("Query.node: User", Right("ReadUsers")),
    ("Query.node: ApiToken", Right("ReadApiTokens")),
    ("Query.node: Store", Right("ReadStores")),
    ("Query.node: Customer", InTenant("ReadCustomers")),
    ("Query.node: Product", InTenant("ReadProducts")),
    ("Query.node: ProductVariant", InTenant("ReadProducts")),
    ("Query.node: Order", InTenant("ReadOrders")),
    ("Query.node: OrderItem", InTenant("ReadOrders")),
    ("Query.node: AuditEvent", Right("ReadAudit")),
    ("Query.node: Job", Right("ReadJobs")),
    ("Query.connections", InTenant("ReadConnections")),
    ("Query.connection", InTenant("ReadConnections")),
    ("Query.webhookEvents", InTenant("ReadConnections")),
    ("Query.webhookEvent", InTenant("ReadConnections")),
    ("Query.node: ProviderRegistration", InTenant("ReadConnections")),
    ("Query.node: WebhookEvent", InTenant("ReadConnections")),
    ("Query.node: InstallationEvent", InTenant("ReadStores")),
    ("Query.alerts", Right("ReadAlerts")),
    ("Query.alert", Right("ReadAlerts")),
    ("Query.alertCounts", Right("ReadAlerts")),
    ("Query.alertSilences", Right("ReadAlerts")),
    ("Query.alertSilence", Right("ReadAlerts")),
    ("Query.node: Alert", Right("ReadAlerts")),
    ("Query.node: AlertSilence", Right("ReadAlerts")),
    ("Query.notificationChannels", Right("ReadNotifications")),
    ("Query.notificationChannel", Right("ReadNotifications")),
    ("Query.notificationSettings", Right("ReadNotifications")),
    ("Query.notifications", Right("ReadNotifications")),
    ("Query.notification", Right("ReadNotifications")),
    ("Query.node: NotificationChannel", Right("ReadNotifications")),
    ("Query.node: Notification", Right("ReadNotifications")),
    ("Mutation.notificationChannelCreate", Right("ManageNotifications")),
    ("Mutation.notificationChannelUpdate", Right("ManageNotifications")),
    ("Mutation.notificationChannelDelete", Right("ManageNotifications")),
    ("Mutation.notificationChannelTest", Right("ManageNotifications")),
    ("Mutation.notificationSettingsUpdate", Right("ManageNotifications")),
    ("Query.privacyRequests", InTenant("ReadPrivacy")),
    ("Query.privacyRequest", InTenant("ReadPrivacy")),
    ("Query.node: PrivacyRequest", InTenant("ReadPrivacy")),
    ("Mutation.privacyRequestExport", Right("ExportPrivacyData")),
    ("Mutation.privacyRequestRetry", Right("ManagePrivacy")),
    ("Query.nodes: Store", Right("ReadStores")),
    ("Query.nodes: Order", InTenant("ReadOrders")),
    ("Mutation.signIn", Nothing),
    ("Mutation.tokenRefresh", Nothing),
    ("Mutation.invitationAccept", Nothing),
    ("Mutation.passwordReset", Nothing),
    ("Mutation.tenantCreate", Above("ManageTenants")),
    ("Mutation.tenantUpdate", Right("UpdateTenant")),
    ("Mutation.tenantSuspend", Right("ManageTenants")),
    ("Mutation.tenantReactivate", Right("ManageTenants")),
    ("Mutation.tenantDelete", Right("ManageTenants")),
    ("Mutation.userInvite", Right("ManageUsers")),
    ("Mutation.userRoleChange", Right("ManageUsers")),
    ("Mutation.userDisable", Right("ManageUsers")),
    ("Mutation.passwordResetLinkCreate", Right("ManageUsers")),
    ("Mutation.apiTokenCreate", Right("ManageApiTokens")),
    ("Mutation.apiTokenRevoke", Right("ManageApiTokens")),
    ("Mutation.storeConnect", Right("ManageStores")),
    ("Mutation.storeUpdate", Right("ManageStores")),
    ("Mutation.storeInstallBegin", Right("ManageStores")),
    ("Mutation.storeUninstall", Right("ManageStores")),
    ("Mutation.storePause", Right("ManageStores")),
    ("Mutation.storeResume", Right("ManageStores")),
    ("Mutation.storeSetupUpdate", Right("SetUpStores")),
    ("Mutation.storeSync", Right("SyncStores")),
    ("Mutation.syncCancel", Right("SyncStores")),
    ("Mutation.storeSyncSettingsUpdate", Right("ManageStores")),
    ("Mutation.auditDetailErase", Right("EraseAudit")),
    ("Mutation.jobRetry", Right("ManageJobs")),
    ("Mutation.jobCancel", Right("ManageJobs")),
    ("Mutation.webhookEndpointCreate", Right("ManageWebhooks")),
    ("Mutation.webhookEndpointUpdate", Right("ManageWebhooks")),
    ("Mutation.webhookEndpointDelete", Right("ManageWebhooks")),
    ("Mutation.webhookEndpointSecretRotate", Right("ManageWebhooks")),
    ("Mutation.webhookEndpointTest", Right("ManageWebhooks")),
    ("Mutation.webhookEndpointRedeliver", Right("ManageWebhooks")),
    ("Mutation.webhookDeliveryRedeliver", Right("ManageWebhooks")),
    ("Mutation.connectionCreate", Right("ManageConnections")),
    ("Mutation.connectionUpdate", Right("ManageConnections")),
    ("Mutation.webhookEventReplay", Right("ManageConnections")),
    ("Mutation.alertRaise", Right("RaiseAlerts")),
    ("Mutation.alertAcknowledge", Right("HandleAlerts")),
    ("Mutation.alertResolve", Right("HandleAlerts")),
    ("Mutation.alertSilence", Right("SilenceAlerts")),
    ("Mutation.alertSilenceEnd", Right("SilenceAlerts")),
    // The last: it ends the caller's session.
    ("Mutation.signOut", Known),
];

/// Rights that no root field needs, and why.
pub const NOT_IN_THE_SCHEMA: &[(&str, &str)] = &[("ImportStoreData", "files are imported by a command")];

/// The root field of a call: what comes before the kind of thing.
pub fn root(call: &str) -> &str {
    call.split(':').next().unwrap_or(call)
}

/// A call of a root field on what is the caller's own.
pub struct OwnCall {
    /// The operation.
    pub text: String,
    /// The tenant that it is about, when that is a new one.
    pub tenant: Option<TenantId>,
}

/// The id of something of a tenant that is in one of its stores, or the tenant's own.
pub fn id_of(side: &Side, kind: &str, store: usize) -> String {
    let data = &side.stores[store];
    match kind {
        "Tenant" => side.tenant.to_string(),
        "User" => side.spare.id.to_string(),
        "ApiToken" => side.spare_token.to_string(),
        "ProviderRegistration" => side.connection.to_string(),
        "InstallationEvent" => side.installations[store].to_string(),
        "WebhookEvent" => side.deliveries[store].to_string(),
        "AuditEvent" => side.audit_event.to_string(),
        "Job" => side.job.to_string(),
        "WebhookEndpoint" => side.webhook.0.to_string(),
        "WebhookDelivery" => side.webhook.1.to_string(),
        "Alert" => side.alerts[store].to_string(),
        "AlertSilence" => side.silences[store].to_string(),
        "NotificationChannel" => side.notification.0.to_string(),
        "Notification" => side.notification.1.to_string(),
        "PrivacyRequest" => side.privacy_requests[store].to_string(),
        "Store" => data.store.to_string(),
        "SyncRun" => side.sync_runs[store].to_string(),
        "Customer" => data.customers[0].id.to_string(),
        "Product" => data.products[0].id.to_string(),
        "ProductVariant" => data.variants[0].id.to_string(),
        "Order" => data.orders[0].id.to_string(),
        "OrderItem" => data.items[0].id.to_string(),
        other => panic!("say in id_of() which {other} of a tenant to ask for"),
    }
}

/// How a call is made. `new` is a number that no other call has; what a mutation uses up is made for it, and what must be the
/// caller's own as well.
pub async fn own_call(town: &Town, call: &str, new: usize, integration: Option<ApiTokenId>) -> OwnCall {
    let OwnCall { mut text, tenant } = call_of_admin(town, call, new, integration).await;
    let (endpoint, delivery) = (town.ours.webhook.0.to_string(), town.ours.webhook.1.to_string());
    if let Some(token) = integration.filter(|_| text.contains(&endpoint) || text.contains(&delivery)) {
        town.forget_webhook_endpoints(town.ours.tenant, town.ours.webhook.0).await;
        let own = town.people.webhook_endpoint_of(token, town.ours.tenant, "https://hooks.example.com/").await;
        text = text.replace(&endpoint, &own.0.to_string()).replace(&delivery, &own.1.to_string());
    }
    OwnCall { text, tenant }
}

async fn call_of_admin(town: &Town, call: &str, new: usize, integration: Option<ApiTokenId>) -> OwnCall {
    let side = &town.ours;
    let (tenant, store) = (side.tenant, side.store(0));
    let mut about = None;
    let (field, kind) = call.split_once(": ").unwrap_or((call, ""));
    let text = match field.split_once('.').map_or(field, |(_, name)| name) {
        "viewer" => "{ viewer { kind scopes tenant { id } user { id } apiToken { id } memberships { tenantId companyName } } }".to_owned(),
        "tenants" => "{ tenants { totalCount nodes { id companyName } } }".to_owned(),
        "users" => format!("{{ users(tenantId: \"{tenant}\") {{ totalCount nodes {{ id email membership {{ id }} }} }} }}"),
        "apiTokens" => format!("{{ apiTokens(tenantId: \"{tenant}\") {{ totalCount nodes {{ id name }} }} }}"),
        "auditEvents" => "{ auditEvents { totalCount nodes { id actor action subject before after address userAgent detailErasedAt } } }".to_owned(),
        "connections" => "{ connections { totalCount nodes { id name account webhookUrl tenant { id } } } }".to_owned(),
        "connection" => format!("{{ connection(id: \"{}\") {{ id name account webhookUrl }} }}", side.connection),
        "webhookEvents" => "{ webhookEvents { totalCount nodes { id topic content { headers payload } store { id } connection { id } } } }".to_owned(),
        "webhookEvent" => format!("{{ webhookEvent(id: \"{}\") {{ id topic content {{ payload }} }} }}", side.deliveries[0]),
        "connectionCreate" => {
            let input = format!("name: \"made {new}\", webhookSecret: \"secret\", tenantId: \"{tenant}\"");
            mutation("connectionCreate", &input, "connection { id name webhookUrl }")
        }
        "connectionUpdate" => mutation("connectionUpdate", &format!("id: \"{}\", name: \"changed {new}\"", side.connection), "connection { id name }"),
        "webhookEventReplay" => {
            let failed = tests::harness::inbox::failed_delivery(&town.server, tenant, side.connection, Some(store), &side.marker).await;
            mutation("webhookEventReplay", &format!("id: \"{failed}\""), "webhookEvent { id status }")
        }
        "privacyRequest" => format!("{{ privacyRequest(id: \"{}\") {{ id shopDomain externalCustomerId store {{ id }} }} }}", side.privacy_requests[0]),
        "privacyRequestExport" => {
            let exported = privacy::exported(&town.server, tenant, Some(store), &side.marker).await;
            mutation("privacyRequestExport", &format!("id: \"{exported}\""), "privacyRequest { id bundleFetchedAt } bundle")
        }
        "privacyRequestRetry" => {
            let failed = privacy::failed(&town.server, tenant, Some(store), PrivacyRequestKind::DataRequest, &side.marker).await;
            mutation("privacyRequestRetry", &format!("id: \"{failed}\""), "privacyRequest { id status }")
        }
        "jobs" => "{ jobs { totalCount nodes { id kind payload lastError } } }".to_owned(),
        "job" => format!("{{ job(id: \"{}\") {{ id kind }} }}", side.job),
        "usageDays" => "{ usageDays { tenantId storeId day metric amount } }".to_owned(),
        list @ ("stores"
        | "customers"
        | "products"
        | "orders"
        | "webhookEndpoints"
        | "webhookDeliveries"
        | "alerts"
        | "alertSilences"
        | "notificationChannels"
        | "notifications"
        | "privacyRequests") => {
            format!("{{ {list} {{ totalCount nodes {{ id }} }} }}")
        }
        "tenant" => format!("{{ tenant(id: \"{tenant}\") {{ id companyName contactEmail totalStores }} }}"),
        "store" => format!("{{ store(id: \"{store}\") {{ id name }} }}"),
        "customer" => format!("{{ customer(id: \"{}\") {{ id email }} }}", id_of(side, "Customer", 0)),
        "product" => format!("{{ product(id: \"{}\") {{ id title }} }}", id_of(side, "Product", 0)),
        "order" => format!("{{ order(id: \"{}\") {{ id email }} }}", id_of(side, "Order", 0)),
        "node" => format!("{{ node(id: \"{}\") {{ id __typename }} }}", id_of(side, kind, 0)),
        "nodes" => format!("{{ nodes(ids: [\"{0}\", \"{0}\"]) {{ id }} }}", id_of(side, kind, 0)),
        "signIn" => {
            mutation("signIn", &format!("email: \"{}\", password: \"{}\"", side.spare.email, tests::harness::PASSWORD), "user { id } session { accessToken }")
        }
        "tokenRefresh" => {
            let (_, token) = town.people.session(&side.spare.email).await;
            mutation("tokenRefresh", &format!("refreshToken: \"{token}\""), "user { id } session { accessToken }")
        }
        "invitationAccept" => {
            let (_, link) = town.people.invited(tenant, &format!("accept{new}@example.jp"), MembershipRole::TenantMember, None).await;
            mutation("invitationAccept", &format!("token: \"{link}\", password: \"{}\"", tests::harness::PASSWORD), "user { id } tenantId")
        }
        "passwordReset" => {
            let link = town.people.reset_link(side.spare.id).await;
            mutation("passwordReset", &format!("token: \"{link}\", password: \"{}\"", tests::harness::PASSWORD), "user { id }")
        }
        "signOut" => "mutation { signOut { signedOut userErrors { code message } } }".to_owned(),
        "tenantCreate" => mutation("tenantCreate", &format!("companyName: \"New {new}\", contactEmail: \"new@example.jp\""), "tenant { id }"),
        "tenantUpdate" => mutation("tenantUpdate", &format!("id: \"{tenant}\", contactPhone: \"03-{new}\""), "tenant { id contactPhone }"),
        "tenantSuspend" => {
            let fresh = *about.insert(town.people.tenant(&format!("Suspended {new}")).await);
            mutation("tenantSuspend", &format!("id: \"{fresh}\", reason: \"unpaid\""), "tenant { id status }")
        }
        "tenantReactivate" => {
            let fresh = *about.insert(town.people.tenant(&format!("Reactivated {new}")).await);
            town.people.suspend(fresh).await;
            mutation("tenantReactivate", &format!("id: \"{fresh}\""), "tenant { id status }")
        }
        "tenantDelete" => {
            let fresh = *about.insert(town.people.tenant(&format!("Deleted {new}")).await);
            mutation("tenantDelete", &format!("id: \"{fresh}\", companyName: \"Deleted {new}\""), "tenant { id status }")
        }
        "userInvite" => mutation(
            "userInvite",
            &format!("email: \"invited{new}@example.jp\", role: TENANT_MEMBER, tenantId: \"{tenant}\""),
            "user { id membership { id } } token",
        ),
        "userRoleChange" => {
            let input = format!("userId: \"{}\", role: TENANT_MEMBER, storeIds: [\"{store}\"], tenantId: \"{tenant}\"", side.spare.id);
            mutation("userRoleChange", &input, "user { id membership { storeIds } }")
        }
        "userDisable" => {
            let (user, _) = town.people.invited(tenant, &format!("disabled{new}@example.jp"), MembershipRole::TenantMember, None).await;
            mutation("userDisable", &format!("userId: \"{user}\", tenantId: \"{tenant}\""), "user { id }")
        }
        "passwordResetLinkCreate" => mutation("passwordResetLinkCreate", &format!("userId: \"{}\"", side.spare.id), "user { id } token"),
        "apiTokenCreate" => {
            mutation("apiTokenCreate", &format!("name: \"made {new}\", scopes: [ORDERS_READ], tenantId: \"{tenant}\""), "apiToken { id } secret")
        }
        "apiTokenRevoke" => {
            let (token, _) = town.people.token(TokenRole::TenantMember, Some(tenant), &[]).await;
            mutation("apiTokenRevoke", &format!("id: \"{token}\""), "apiToken { id revokedAt }")
        }
        "storeConnect" => {
            let input = format!("domain: \"shop{new}.myshopify.com\", accessToken: \"secret\", tenantId: \"{tenant}\"");
            mutation("storeConnect", &input, "store { id domain }")
        }
        "syncRun" => format!("{{ syncRun(id: \"{}\") {{ id kind status store {{ id }} }} }}", side.sync_runs[0]),
        "storeSyncSettings" => format!("{{ storeSyncSettings(storeId: \"{store}\") {{ storeId archived }} }}"),
        "storeSync" => {
            machinery::sync_run(&town.server, tenant, store, "FAILED").await;
            mutation("storeSync", &format!("storeId: \"{store}\""), "syncRun { id status }")
        }
        "syncCancel" => {
            let run = machinery::sync_run(&town.server, tenant, store, "QUEUED").await;
            mutation("syncCancel", &format!("id: \"{run}\""), "syncRun { id status }")
        }
        "storeSyncSettingsUpdate" => mutation("storeSyncSettingsUpdate", &format!("storeId: \"{store}\", intervalMinutes: 30"), "syncSettings { storeId }"),
        "storeUpdate" => mutation("storeUpdate", &format!("id: \"{store}\", description: \"changed {new}\""), "store { id description }"),
        "storePause" => mutation("storePause", &format!("id: \"{store}\""), "store { id status pausedAt }"),
        "storeResume" => mutation("storeResume", &format!("id: \"{store}\""), "store { id status pausedAt }"),
        "storeSetupUpdate" => mutation("storeSetupUpdate", &format!("id: \"{store}\", embeddedSettings: {{ number: {new} }}"), "store { id embeddedSettings }"),
        "storeInstallBegin" => {
            let input = format!("connectionId: \"{}\", shop: \"shop{new}.myshopify.com\"", side.connection);
            mutation("storeInstallBegin", &input, "authorizationUrl shop")
        }
        "storeUninstall" => mutation("storeUninstall", &format!("id: \"{store}\""), "store { id status }"),
        "auditDetailErase" => {
            let (user, _) = town.people.invited(tenant, &format!("erased{new}@example.jp"), MembershipRole::TenantMember, None).await;
            mutation("auditDetailErase", &format!("subject: \"{user}\", tenantId: \"{tenant}\""), "erasedEntries")
        }
        "jobRetry" => mutation("jobRetry", &format!("id: \"{}\"", machinery::failed_job(&town.server, tenant).await), "job { id status }"),
        "jobCancel" => mutation("jobCancel", &format!("id: \"{}\"", machinery::queued_job(&town.server, tenant).await), "job { id status }"),
        "webhookEndpoint" => format!("{{ webhookEndpoint(id: \"{}\") {{ id url deliveries {{ totalCount }} }} }}", side.webhook.0),
        "webhookDelivery" => format!("{{ webhookDelivery(id: \"{}\") {{ id body endpoint {{ url }} }} }}", side.webhook.1),
        "webhookEndpointCreate" => {
            // A tenant has twenty at most.
            town.forget_webhook_endpoints(tenant, side.webhook.0).await;
            let input = format!("url: \"https://hooks{new}.example.com/\", tenantId: \"{tenant}\"");
            mutation("webhookEndpointCreate", &input, "webhookEndpoint { id url } secret")
        }
        "webhookEndpointUpdate" => {
            mutation("webhookEndpointUpdate", &format!("id: \"{}\", description: \"changed {new}\"", side.webhook.0), "webhookEndpoint { id description }")
        }
        "webhookEndpointDelete" => {
            town.forget_webhook_endpoints(tenant, side.webhook.0).await;
            let (endpoint, _) = match integration {
                Some(token) => town.people.webhook_endpoint_of(token, tenant, "https://hooks.example.com/").await,
                None => town.people.webhook_endpoint(tenant, "https://hooks.example.com/").await,
            };
            mutation("webhookEndpointDelete", &format!("id: \"{endpoint}\""), "deletedWebhookEndpointId")
        }
        "webhookEndpointSecretRotate" => mutation("webhookEndpointSecretRotate", &format!("id: \"{}\"", side.webhook.0), "webhookEndpoint { id } secret"),
        "webhookEndpointTest" => mutation("webhookEndpointTest", &format!("id: \"{}\"", side.webhook.0), "webhookDelivery { id }"),
        "webhookEndpointRedeliver" => {
            let input = format!("id: \"{}\", since: \"2026-11-01T00:00:00Z\"", side.webhook.0);
            mutation("webhookEndpointRedeliver", &input, "webhookEndpoint { id } deliveries continueSince")
        }
        "webhookDeliveryRedeliver" => mutation("webhookDeliveryRedeliver", &format!("id: \"{}\"", side.webhook.1), "webhookDelivery { id status }"),
        "alert" => format!("{{ alert(id: \"{}\") {{ id type message previousAlert {{ id }} }} }}", side.alerts[0]),
        "notificationChannel" => format!("{{ notificationChannel(id: \"{}\") {{ id name slackWebhookHint }} }}", side.notification.0),
        "notification" => format!("{{ notification(id: \"{}\") {{ id status channel {{ id }} }} }}", side.notification.1),
        "notificationSettings" => format!("{{ notificationSettings(tenantId: \"{tenant}\") {{ tenantId rules {{ severity kinds }} }} }}"),
        "notificationChannelCreate" => {
            town.forget_notification_channels(tenant, side.notification.0).await;
            let input = format!("kind: SLACK, name: \"made {new}\", slackWebhookUrl: \"https://hooks.example.com/\", tenantId: \"{tenant}\"");
            mutation("notificationChannelCreate", &input, "notificationChannel { id name }")
        }
        "notificationChannelUpdate" => {
            mutation("notificationChannelUpdate", &format!("id: \"{}\", name: \"changed {new}\"", side.notification.0), "notificationChannel { id name }")
        }
        "notificationChannelDelete" => {
            town.forget_notification_channels(tenant, side.notification.0).await;
            let (channel, _) = town.people.notification_channel(tenant, &side.marker).await;
            mutation("notificationChannelDelete", &format!("id: \"{channel}\""), "deletedNotificationChannelId")
        }
        "notificationChannelTest" => {
            // A channel is tested five times a minute at most, and a tenant has fifty.
            town.forget_notification_channels(tenant, side.notification.0).await;
            let (channel, _) = town.people.notification_channel(tenant, &side.marker).await;
            mutation("notificationChannelTest", &format!("id: \"{channel}\""), "notifications { id status }")
        }
        "notificationSettingsUpdate" => {
            let input = format!("quietHours: {{ from: \"22:00\", to: \"07:00\" }}, tenantId: \"{tenant}\"");
            mutation("notificationSettingsUpdate", &input, "notificationSettings { tenantId quietHours { from to } }")
        }
        "alertCounts" => "{ alertCounts { severity status count } }".to_owned(),
        "alertSilence" if field.starts_with("Query") => format!("{{ alertSilence(id: \"{}\") {{ id type reason endsAt }} }}", side.silences[0]),
        "alertRaise" => {
            let input = format!("type: \"Made{new}\", severity: LOW, message: \"made\", storeId: \"{store}\", tenantId: \"{tenant}\"");
            mutation("alertRaise", &input, "alert { id count fingerprint }")
        }
        "alertAcknowledge" | "alertResolve" => {
            let open = alerts::alert(&town.server, Some(tenant), Some(store), &side.marker).await;
            mutation(field.trim_start_matches("Mutation."), &format!("id: \"{open}\""), "alert { id status }")
        }
        "alertSilence" => {
            let until = town.server.clock().now() + TimeDelta::hours(1);
            let input = format!("type: \"Silenced{new}\", until: \"{}\", reason: \"planned\", tenantId: \"{tenant}\"", until.to_rfc3339());
            mutation("alertSilence", &input, "alertSilence { id endsAt }")
        }
        "alertSilenceEnd" => {
            let silence = alerts::silence(&town.server, tenant, None, &side.marker).await;
            mutation("alertSilenceEnd", &format!("id: \"{silence}\""), "alertSilence { id endsAt }")
        }
        _ => panic!("say in own_call() how {call} is called"),
    };
    OwnCall { text, tenant: about }
}

/// A mutation with one input object.
pub fn mutation(name: &str, input: &str, selected: &str) -> String {
    format!("mutation {{ {name}(input: {{ {input} }}) {{ {selected} userErrors {{ code field message }} }} }}")
}
