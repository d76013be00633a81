//! Every place where an id goes in, and whose.

use tests::harness::{PASSWORD, Side};

use crate::table::Needs::{self, InTenant, Right};
use crate::table::{id_of, mutation};

/// A place where an id goes in.
pub struct IdCase {
    /// The place, as the schema has it; after a colon, the kind of thing that is asked for there.
    pub place: &'static str,
    /// The kind of thing whose id goes in.
    pub of: &'static str,
    /// What the call needs.
    pub needs: Needs,
    /// The call, on one's own but for this id.
    pub call: fn(&Side, &str) -> String,
}

macro_rules! cases {
    ($($place:literal of $of:literal, $needs:expr, |$side:pat_param, $id:ident| $call:expr;)*) => {
        /// The places. A new argument belongs here with a call that uses it.
        pub const IDS: &[IdCase] = &[$(IdCase { place: $place, of: $of, needs: $needs, call: |$side, $id| $call },)*];
    };
}

cases! {
    "Query.tenant(id)" of "Tenant", Right("ReadTenants"), |_, id| format!("{{ tenant(id: \"{id}\") {{ id companyName }} }}");
    "Query.users(tenantId)" of "Tenant", Right("ReadUsers"), |_, id| format!("{{ users(tenantId: \"{id}\") {{ totalCount nodes {{ id email }} }} }}");
    "Query.apiTokens(tenantId)" of "Tenant", Right("ReadApiTokens"), |_, id| format!("{{ apiTokens(tenantId: \"{id}\") {{ totalCount nodes {{ id name }} }} }}");
    "Query.store(id)" of "Store", Right("ReadStores"), |_, id| format!("{{ store(id: \"{id}\") {{ id name orders {{ totalCount }} }} }}");
    "Query.syncRun(id)" of "SyncRun", InTenant("ReadStores"), |_, id| format!("{{ syncRun(id: \"{id}\") {{ id kind store {{ id }} }} }}");
    "Query.storeSyncSettings(storeId)" of "Store", Right("ReadStores"), |_, id| format!("{{ storeSyncSettings(storeId: \"{id}\") {{ storeId archived }} }}");
    "Query.node(id): SyncRun" of "SyncRun", InTenant("ReadStores"), |_, id| node(id);
    "Query.nodes(ids): SyncRun" of "SyncRun", InTenant("ReadStores"), |side, id| nodes(side, "SyncRun", id);
    "Store.syncRuns(filter.storeIds)" of "Store", Right("ReadStores"), |side, id| in_store(side, "syncRuns", &format!("storeIds: [\"{id}\"]"));
    "Mutation.storeSync(input.storeId)" of "Store", Right("SyncStores"), |_, id| mutation("storeSync", &format!("storeId: \"{id}\""), "syncRun { id }");
    "Mutation.syncCancel(input.id)" of "SyncRun", Right("SyncStores"), |_, id| mutation("syncCancel", &format!("id: \"{id}\""), "syncRun { id }");
    "Mutation.storeSyncSettingsUpdate(input.storeId)" of "Store", Right("ManageStores"), |_, id| {
        mutation("storeSyncSettingsUpdate", &format!("storeId: \"{id}\", archived: false"), "syncSettings { storeId }")
    };
    "Query.customer(id)" of "Customer", InTenant("ReadCustomers"), |_, id| format!("{{ customer(id: \"{id}\") {{ id email }} }}");
    "Query.product(id)" of "Product", InTenant("ReadProducts"), |_, id| format!("{{ product(id: \"{id}\") {{ id title }} }}");
    "Query.order(id)" of "Order", InTenant("ReadOrders"), |_, id| format!("{{ order(id: \"{id}\") {{ id email items {{ totalCount }} }} }}");
    "Query.customers(filter.storeIds)" of "Store", InTenant("ReadCustomers"), |_, id| list("customers", &format!("storeIds: [\"{id}\"]"));
    "Query.products(filter.storeIds)" of "Store", InTenant("ReadProducts"), |_, id| list("products", &format!("storeIds: [\"{id}\"]"));
    "Query.orders(filter.storeIds)" of "Store", InTenant("ReadOrders"), |_, id| list("orders", &format!("storeIds: [\"{id}\"]"));
    "Query.orders(filter.customerIds)" of "Customer", InTenant("ReadOrders"), |_, id| list("orders", &format!("customerIds: [\"{id}\"]"));
    "Query.node(id): Tenant" of "Tenant", Right("ReadTenants"), |_, id| node(id);
    "Query.node(id): User" of "User", Right("ReadUsers"), |_, id| node(id);
    "Query.node(id): ApiToken" of "ApiToken", Right("ReadApiTokens"), |_, id| node(id);
    "Query.node(id): Store" of "Store", Right("ReadStores"), |_, id| node(id);
    "Query.node(id): Customer" of "Customer", InTenant("ReadCustomers"), |_, id| node(id);
    "Query.node(id): Product" of "Product", InTenant("ReadProducts"), |_, id| node(id);
    "Query.node(id): ProductVariant" of "ProductVariant", InTenant("ReadProducts"), |_, id| node(id);
    "Query.node(id): Order" of "Order", InTenant("ReadOrders"), |_, id| node(id);
    "Query.node(id): OrderItem" of "OrderItem", InTenant("ReadOrders"), |_, id| node(id);
    "Query.nodes(ids): Store" of "Store", Right("ReadStores"), |side, id| nodes(side, "Store", id);
    "Query.nodes(ids): Customer" of "Customer", InTenant("ReadCustomers"), |side, id| nodes(side, "Customer", id);
    "Query.nodes(ids): Product" of "Product", InTenant("ReadProducts"), |side, id| nodes(side, "Product", id);
    "Query.nodes(ids): ProductVariant" of "ProductVariant", InTenant("ReadProducts"), |side, id| nodes(side, "ProductVariant", id);
    "Query.nodes(ids): Order" of "Order", InTenant("ReadOrders"), |side, id| nodes(side, "Order", id);
    "Query.nodes(ids): OrderItem" of "OrderItem", InTenant("ReadOrders"), |side, id| nodes(side, "OrderItem", id);
    "Store.customers(filter.storeIds)" of "Store", Right("ReadStores"), |side, id| in_store(side, "customers", &format!("storeIds: [\"{id}\"]"));
    "Store.products(filter.storeIds)" of "Store", Right("ReadStores"), |side, id| in_store(side, "products", &format!("storeIds: [\"{id}\"]"));
    "Store.orders(filter.storeIds)" of "Store", Right("ReadStores"), |side, id| in_store(side, "orders", &format!("storeIds: [\"{id}\"]"));
    "Store.orders(filter.customerIds)" of "Customer", Right("ReadStores"), |side, id| in_store(side, "orders", &format!("customerIds: [\"{id}\"]"));
    "Customer.orders(filter.storeIds)" of "Store", InTenant("ReadCustomers"), |side, id| of_customer(side, &format!("storeIds: [\"{id}\"]"));
    "Customer.orders(filter.customerIds)" of "Customer", InTenant("ReadCustomers"), |side, id| of_customer(side, &format!("customerIds: [\"{id}\"]"));
    "Query.connection(id)" of "ProviderRegistration", InTenant("ReadConnections"), |_, id| format!("{{ connection(id: \"{id}\") {{ id name account webhookUrl }} }}");
    "Query.webhookEvent(id)" of "WebhookEvent", InTenant("ReadConnections"), |_, id| {
        format!("{{ webhookEvent(id: \"{id}\") {{ id topic content {{ headers payload }} }} }}")
    };
    "Query.webhookEvents(filter.storeIds)" of "Store", InTenant("ReadConnections"), |_, id| list("webhookEvents", &format!("storeIds: [\"{id}\"]"));
    "Query.webhookEvents(filter.connectionIds)" of "ProviderRegistration", InTenant("ReadConnections"), |_, id| {
        list("webhookEvents", &format!("connectionIds: [\"{id}\"]"))
    };
    "Query.node(id): ProviderRegistration" of "ProviderRegistration", InTenant("ReadConnections"), |_, id| node(id);
    "Query.node(id): WebhookEvent" of "WebhookEvent", InTenant("ReadConnections"), |_, id| node(id);
    "Query.nodes(ids): ProviderRegistration" of "ProviderRegistration", InTenant("ReadConnections"), |side, id| nodes(side, "ProviderRegistration", id);
    "Query.node(id): InstallationEvent" of "InstallationEvent", InTenant("ReadStores"), |_, id| node(id);
    "Query.nodes(ids): InstallationEvent" of "InstallationEvent", InTenant("ReadStores"), |side, id| nodes(side, "InstallationEvent", id);
    "Query.nodes(ids): WebhookEvent" of "WebhookEvent", InTenant("ReadConnections"), |side, id| nodes(side, "WebhookEvent", id);
    "Mutation.connectionCreate(input.tenantId)" of "Tenant", Right("ManageConnections"), |_, id| {
        mutation("connectionCreate", &format!("name: \"foreign\", webhookSecret: \"{PASSWORD}\", tenantId: \"{id}\""), "connection { id }")
    };
    "Mutation.connectionUpdate(input.id)" of "ProviderRegistration", Right("ManageConnections"), |_, id| {
        mutation("connectionUpdate", &format!("id: \"{id}\", name: \"taken\""), "connection { id name }")
    };
    "Mutation.webhookEventReplay(input.id)" of "WebhookEvent", Right("ManageConnections"), |_, id| {
        mutation("webhookEventReplay", &format!("id: \"{id}\""), "webhookEvent { id status }")
    };
    "Query.auditEvents(filter.tenantId)" of "Tenant", Right("ReadAudit"), |_, id| list("auditEvents", &format!("tenantId: \"{id}\""));
    "Query.job(id)" of "Job", Right("ReadJobs"), |_, id| format!("{{ job(id: \"{id}\") {{ id kind payload }} }}");
    "Query.node(id): AuditEvent" of "AuditEvent", Right("ReadAudit"), |_, id| node(id);
    "Query.node(id): Job" of "Job", Right("ReadJobs"), |_, id| node(id);
    "Query.nodes(ids): AuditEvent" of "AuditEvent", Right("ReadAudit"), |side, id| nodes(side, "AuditEvent", id);
    "Query.nodes(ids): Job" of "Job", Right("ReadJobs"), |side, id| nodes(side, "Job", id);
    "Query.usageDays(filter.tenantId)" of "Tenant", Right("ReadUsage"), |_, id| usage(&format!("tenantId: \"{id}\""));
    "Query.usageDays(filter.storeIds)" of "Store", Right("ReadUsage"), |_, id| usage(&format!("storeIds: [\"{id}\"]"));
    "Mutation.auditDetailErase(input.subject)" of "User", Right("EraseAudit"), |side, id| {
        mutation("auditDetailErase", &format!("subject: \"{id}\", tenantId: \"{}\"", side.tenant), "erasedEntries")
    };
    "Mutation.auditDetailErase(input.tenantId)" of "Tenant", Right("EraseAudit"), |side, id| {
        mutation("auditDetailErase", &format!("subject: \"{}\", tenantId: \"{id}\"", side.spare.id), "erasedEntries")
    };
    "Mutation.jobRetry(input.id)" of "Job", Right("ManageJobs"), |_, id| mutation("jobRetry", &format!("id: \"{id}\""), "job { id kind }");
    "Mutation.jobCancel(input.id)" of "Job", Right("ManageJobs"), |_, id| mutation("jobCancel", &format!("id: \"{id}\""), "job { id kind }");
    "Query.webhookEndpoint(id)" of "WebhookEndpoint", InTenant("ReadWebhooks"), |_, id| {
        format!("{{ webhookEndpoint(id: \"{id}\") {{ id url deliveries {{ totalCount }} }} }}")
    };
    "Query.webhookDelivery(id)" of "WebhookDelivery", InTenant("ReadWebhooks"), |_, id| format!("{{ webhookDelivery(id: \"{id}\") {{ id body endpoint {{ url }} }} }}");
    "Query.webhookDeliveries(filter.endpointIds)" of "WebhookEndpoint", InTenant("ReadWebhooks"), |_, id| list("webhookDeliveries", &format!("endpointIds: [\"{id}\"]"));
    "WebhookEndpoint.deliveries(filter.endpointIds)" of "WebhookEndpoint", InTenant("ReadWebhooks"), |side, id| {
        format!("{{ webhookEndpoint(id: \"{}\") {{ id deliveries(filter: {{ endpointIds: [\"{id}\"] }}) {{ totalCount nodes {{ id }} }} }} }}", side.webhook.0)
    };
    "Query.node(id): WebhookEndpoint" of "WebhookEndpoint", InTenant("ReadWebhooks"), |_, id| node(id);
    "Query.node(id): WebhookDelivery" of "WebhookDelivery", InTenant("ReadWebhooks"), |_, id| node(id);
    "Query.nodes(ids): WebhookEndpoint" of "WebhookEndpoint", InTenant("ReadWebhooks"), |side, id| nodes(side, "WebhookEndpoint", id);
    "Query.nodes(ids): WebhookDelivery" of "WebhookDelivery", InTenant("ReadWebhooks"), |side, id| nodes(side, "WebhookDelivery", id);
    "Mutation.webhookEndpointCreate(input.tenantId)" of "Tenant", Right("ManageWebhooks"), |_, id| {
        mutation("webhookEndpointCreate", &format!("url: \"https://hooks.example.com/\", tenantId: \"{id}\""), "webhookEndpoint { id } secret")
    };
    "Mutation.webhookEndpointUpdate(input.id)" of "WebhookEndpoint", Right("ManageWebhooks"), |_, id| {
        mutation("webhookEndpointUpdate", &format!("id: \"{id}\", url: \"https://taken.example.com/\""), "webhookEndpoint { id url }")
    };
    "Mutation.webhookEndpointDelete(input.id)" of "WebhookEndpoint", Right("ManageWebhooks"), |_, id| {
        mutation("webhookEndpointDelete", &format!("id: \"{id}\""), "deletedWebhookEndpointId")
    };
    "Mutation.webhookEndpointSecretRotate(input.id)" of "WebhookEndpoint", Right("ManageWebhooks"), |_, id| {
        mutation("webhookEndpointSecretRotate", &format!("id: \"{id}\""), "webhookEndpoint { id } secret")
    };
    "Mutation.webhookEndpointTest(input.id)" of "WebhookEndpoint", Right("ManageWebhooks"), |_, id| {
        mutation("webhookEndpointTest", &format!("id: \"{id}\""), "webhookDelivery { id }")
    };
    "Mutation.webhookEndpointRedeliver(input.id)" of "WebhookEndpoint", Right("ManageWebhooks"), |_, id| {
        mutation("webhookEndpointRedeliver", &format!("id: \"{id}\", since: \"2026-11-01T00:00:00Z\""), "webhookEndpoint { id } deliveries")
    };
    "Mutation.webhookDeliveryRedeliver(input.id)" of "WebhookDelivery", Right("ManageWebhooks"), |_, id| {
        mutation("webhookDeliveryRedeliver", &format!("id: \"{id}\""), "webhookDelivery { id }")
    };
    "Query.notificationChannel(id)" of "NotificationChannel", Right("ReadNotifications"), |_, id| {
        format!("{{ notificationChannel(id: \"{id}\") {{ id name recipients slackWebhookHint }} }}")
    };
    "Query.notification(id)" of "Notification", Right("ReadNotifications"), |_, id| format!("{{ notification(id: \"{id}\") {{ id status channel {{ id }} }} }}");
    "Query.notificationSettings(tenantId)" of "Tenant", Right("ReadNotifications"), |_, id| {
        format!("{{ notificationSettings(tenantId: \"{id}\") {{ tenantId rules {{ severity }} }} }}")
    };
    "Query.notificationChannels(filter.tenantId)" of "Tenant", Right("ReadNotifications"), |_, id| list("notificationChannels", &format!("tenantId: \"{id}\""));
    "Query.notifications(filter.tenantId)" of "Tenant", Right("ReadNotifications"), |_, id| list("notifications", &format!("tenantId: \"{id}\""));
    "Query.notifications(filter.channelIds)" of "NotificationChannel", Right("ReadNotifications"), |_, id| list("notifications", &format!("channelIds: [\"{id}\"]"));
    "Query.notifications(filter.alertIds)" of "Alert", Right("ReadNotifications"), |_, id| list("notifications", &format!("alertIds: [\"{id}\"]"));
    "Query.node(id): NotificationChannel" of "NotificationChannel", Right("ReadNotifications"), |_, id| node(id);
    "Query.node(id): Notification" of "Notification", Right("ReadNotifications"), |_, id| node(id);
    "Query.nodes(ids): NotificationChannel" of "NotificationChannel", Right("ReadNotifications"), |side, id| nodes(side, "NotificationChannel", id);
    "Query.nodes(ids): Notification" of "Notification", Right("ReadNotifications"), |side, id| nodes(side, "Notification", id);
    "Mutation.notificationChannelCreate(input.tenantId)" of "Tenant", Right("ManageNotifications"), |_, id| {
        let input = format!("kind: SLACK, name: \"foreign\", slackWebhookUrl: \"https://hooks.example.com/\", tenantId: \"{id}\"");
        mutation("notificationChannelCreate", &input, "notificationChannel { id }")
    };
    "Mutation.notificationChannelUpdate(input.id)" of "NotificationChannel", Right("ManageNotifications"), |_, id| {
        mutation("notificationChannelUpdate", &format!("id: \"{id}\", name: \"taken\""), "notificationChannel { id name }")
    };
    "Mutation.notificationChannelDelete(input.id)" of "NotificationChannel", Right("ManageNotifications"), |_, id| {
        mutation("notificationChannelDelete", &format!("id: \"{id}\""), "deletedNotificationChannelId")
    };
    "Mutation.notificationChannelTest(input.id)" of "NotificationChannel", Right("ManageNotifications"), |_, id| {
        mutation("notificationChannelTest", &format!("id: \"{id}\""), "notifications { id }")
    };
    "Mutation.notificationSettingsUpdate(input.tenantId)" of "Tenant", Right("ManageNotifications"), |_, id| {
        mutation("notificationSettingsUpdate", &format!("quietHours: null, tenantId: \"{id}\""), "notificationSettings { tenantId }")
    };
    "Mutation.notificationSettingsUpdate(input.rules.channelIds)" of "NotificationChannel", Right("ManageNotifications"), |side, id| {
        let input = format!("rules: [{{ severity: LOW, channelIds: [\"{id}\"] }}], tenantId: \"{}\"", side.tenant);
        mutation("notificationSettingsUpdate", &input, "notificationSettings { tenantId }")
    };
    "Mutation.notificationSettingsUpdate(input.escalation.channelIds)" of "NotificationChannel", Right("ManageNotifications"), |side, id| {
        let input = format!("escalation: [{{ afterMinutes: 5, channelIds: [\"{id}\"] }}], tenantId: \"{}\"", side.tenant);
        mutation("notificationSettingsUpdate", &input, "notificationSettings { tenantId }")
    };
    "Query.privacyRequest(id)" of "PrivacyRequest", InTenant("ReadPrivacy"), |_, id| {
        format!("{{ privacyRequest(id: \"{id}\") {{ id shopDomain externalCustomerId }} }}")
    };
    "Query.privacyRequests(filter.storeId)" of "Store", InTenant("ReadPrivacy"), |_, id| list("privacyRequests", &format!("storeId: \"{id}\""));
    "Query.node(id): PrivacyRequest" of "PrivacyRequest", InTenant("ReadPrivacy"), |_, id| node(id);
    "Query.nodes(ids): PrivacyRequest" of "PrivacyRequest", InTenant("ReadPrivacy"), |side, id| nodes(side, "PrivacyRequest", id);
    "Mutation.privacyRequestExport(input.id)" of "PrivacyRequest", Right("ExportPrivacyData"), |_, id| {
        mutation("privacyRequestExport", &format!("id: \"{id}\""), "privacyRequest { id } bundle")
    };
    "Mutation.privacyRequestRetry(input.id)" of "PrivacyRequest", Right("ManagePrivacy"), |_, id| {
        mutation("privacyRequestRetry", &format!("id: \"{id}\""), "privacyRequest { id status }")
    };
    "Query.alert(id)" of "Alert", Right("ReadAlerts"), |_, id| format!("{{ alert(id: \"{id}\") {{ id type message data }} }}");
    "Query.alertSilence(id)" of "AlertSilence", Right("ReadAlerts"), |_, id| format!("{{ alertSilence(id: \"{id}\") {{ id type reason }} }}");
    "Query.alerts(filter.storeIds)" of "Store", Right("ReadAlerts"), |_, id| list("alerts", &format!("storeIds: [\"{id}\"]"));
    "Query.alertSilences(filter.storeIds)" of "Store", Right("ReadAlerts"), |_, id| list("alertSilences", &format!("storeIds: [\"{id}\"]"));
    "Query.alertCounts(filter.storeIds)" of "Store", Right("ReadAlerts"), |_, id| {
        format!("{{ alertCounts(filter: {{ storeIds: [\"{id}\"] }}) {{ severity status count }} }}")
    };
    "Query.node(id): Alert" of "Alert", Right("ReadAlerts"), |_, id| node(id);
    "Query.node(id): AlertSilence" of "AlertSilence", Right("ReadAlerts"), |_, id| node(id);
    "Query.nodes(ids): Alert" of "Alert", Right("ReadAlerts"), |side, id| nodes(side, "Alert", id);
    "Query.nodes(ids): AlertSilence" of "AlertSilence", Right("ReadAlerts"), |side, id| nodes(side, "AlertSilence", id);
    "Store.alerts(filter.storeIds)" of "Store", Right("ReadStores"), |side, id| in_store(side, "alerts", &format!("storeIds: [\"{id}\"]"));
    "Tenant.alerts(filter.storeIds)" of "Store", Right("ReadTenants"), |side, id| {
        format!("{{ tenant(id: \"{}\") {{ id alerts(filter: {{ storeIds: [\"{id}\"] }}) {{ totalCount nodes {{ id }} }} }} }}", side.tenant)
    };
    "Mutation.alertRaise(input.storeId)" of "Store", Right("RaiseAlerts"), |_, id| {
        mutation("alertRaise", &format!("type: \"Foreign\", severity: LOW, message: \"taken\", storeId: \"{id}\""), "alert { id }")
    };
    "Mutation.alertRaise(input.tenantId)" of "Tenant", Right("RaiseAlerts"), |side, id| {
        let input = format!("type: \"Foreign\", severity: LOW, message: \"taken\", storeId: \"{}\", tenantId: \"{id}\"", side.store(0));
        mutation("alertRaise", &input, "alert { id }")
    };
    "Mutation.alertAcknowledge(input.id)" of "Alert", Right("HandleAlerts"), |_, id| mutation("alertAcknowledge", &format!("id: \"{id}\""), "alert { id }");
    "Mutation.alertResolve(input.id)" of "Alert", Right("HandleAlerts"), |_, id| mutation("alertResolve", &format!("id: \"{id}\""), "alert { id }");
    "Mutation.alertSilence(input.storeId)" of "Store", Right("SilenceAlerts"), |_, id| {
        mutation("alertSilence", &format!("storeId: \"{id}\", until: \"2026-11-22T00:00:00Z\", reason: \"none\""), "alertSilence { id }")
    };
    "Mutation.alertSilence(input.tenantId)" of "Tenant", Right("SilenceAlerts"), |_, id| {
        mutation("alertSilence", &format!("type: \"Any\", until: \"2026-11-22T00:00:00Z\", reason: \"none\", tenantId: \"{id}\""), "alertSilence { id }")
    };
    "Mutation.alertSilenceEnd(input.id)" of "AlertSilence", Right("SilenceAlerts"), |_, id| {
        mutation("alertSilenceEnd", &format!("id: \"{id}\""), "alertSilence { id }")
    };
    "Mutation.apiTokenCreate(input.tenantId)" of "Tenant", Right("ManageApiTokens"), |_, id| {
        mutation("apiTokenCreate", &format!("name: \"x\", scopes: [ORDERS_READ], tenantId: \"{id}\""), "apiToken { id } secret")
    };
    "Mutation.apiTokenRevoke(input.id)" of "ApiToken", Right("ManageApiTokens"), |_, id| mutation("apiTokenRevoke", &format!("id: \"{id}\""), "apiToken { id }");
    "Mutation.passwordResetLinkCreate(input.userId)" of "User", Right("ManageUsers"), |_, id| {
        mutation("passwordResetLinkCreate", &format!("userId: \"{id}\""), "user { id } token")
    };
    "Mutation.storeConnect(input.tenantId)" of "Tenant", Right("ManageStores"), |_, id| {
        mutation("storeConnect", &format!("domain: \"foreign.myshopify.com\", accessToken: \"{PASSWORD}\", tenantId: \"{id}\""), "store { id }")
    };
    "Mutation.storeUpdate(input.id)" of "Store", Right("ManageStores"), |_, id| mutation("storeUpdate", &format!("id: \"{id}\", name: \"taken\""), "store { id name }");
    "Mutation.storePause(input.id)" of "Store", Right("ManageStores"), |_, id| mutation("storePause", &format!("id: \"{id}\""), "store { id status }");
    "Mutation.storeResume(input.id)" of "Store", Right("ManageStores"), |_, id| mutation("storeResume", &format!("id: \"{id}\""), "store { id status }");
    "Mutation.storeSetupUpdate(input.id)" of "Store", Right("SetUpStores"), |_, id| {
        mutation("storeSetupUpdate", &format!("id: \"{id}\", initialSetupCompleted: false"), "store { id initialSetupCompleted }")
    };
    "Mutation.storeInstallBegin(input.connectionId)" of "ProviderRegistration", Right("ManageStores"), |_, id| {
        mutation("storeInstallBegin", &format!("connectionId: \"{id}\", shop: \"foreign.myshopify.com\""), "authorizationUrl")
    };
    "Mutation.storeUninstall(input.id)" of "Store", Right("ManageStores"), |_, id| mutation("storeUninstall", &format!("id: \"{id}\""), "store { id }");
    "Mutation.tenantUpdate(input.id)" of "Tenant", Right("UpdateTenant"), |_, id| {
        mutation("tenantUpdate", &format!("id: \"{id}\", companyName: \"taken\""), "tenant { id companyName }")
    };
    "Mutation.tenantSuspend(input.id)" of "Tenant", Right("ManageTenants"), |_, id| {
        mutation("tenantSuspend", &format!("id: \"{id}\", reason: \"none\""), "tenant { id }")
    };
    "Mutation.tenantReactivate(input.id)" of "Tenant", Right("ManageTenants"), |_, id| mutation("tenantReactivate", &format!("id: \"{id}\""), "tenant { id }");
    "Mutation.tenantDelete(input.id)" of "Tenant", Right("ManageTenants"), |_, id| {
        mutation("tenantDelete", &format!("id: \"{id}\", companyName: \"theirsmark K.K.\""), "tenant { id }")
    };
    "Mutation.userInvite(input.tenantId)" of "Tenant", Right("ManageUsers"), |_, id| {
        mutation("userInvite", &format!("email: \"foreign@example.jp\", role: TENANT_MEMBER, tenantId: \"{id}\""), "user { id } token")
    };
    "Mutation.userInvite(input.storeIds)" of "Store", Right("ManageUsers"), |side, id| {
        mutation("userInvite", &format!("email: \"foreign@example.jp\", role: TENANT_MEMBER, tenantId: \"{}\", storeIds: [\"{id}\"]", side.tenant), "user { id } token")
    };
    "Mutation.userRoleChange(input.tenantId)" of "Tenant", Right("ManageUsers"), |side, id| {
        mutation("userRoleChange", &format!("userId: \"{}\", role: TENANT_ADMIN, tenantId: \"{id}\"", side.spare.id), "user { id }")
    };
    "Mutation.userRoleChange(input.userId)" of "User", Right("ManageUsers"), |side, id| {
        mutation("userRoleChange", &format!("userId: \"{id}\", role: TENANT_ADMIN, tenantId: \"{}\"", side.tenant), "user { id }")
    };
    "Mutation.userRoleChange(input.storeIds)" of "Store", Right("ManageUsers"), |side, id| {
        let input = format!("userId: \"{}\", role: TENANT_MEMBER, tenantId: \"{}\", storeIds: [\"{id}\"]", side.spare.id, side.tenant);
        mutation("userRoleChange", &input, "user { id }")
    };
    "Mutation.userDisable(input.tenantId)" of "Tenant", Right("ManageUsers"), |side, id| {
        mutation("userDisable", &format!("userId: \"{}\", tenantId: \"{id}\"", side.spare.id), "user { id }")
    };
    "Mutation.userDisable(input.userId)" of "User", Right("ManageUsers"), |side, id| {
        mutation("userDisable", &format!("userId: \"{id}\", tenantId: \"{}\"", side.tenant), "user { id }")
    };
}

fn list(name: &str, filter: &str) -> String {
    format!("{{ {name}(filter: {{ {filter} }}) {{ totalCount nodes {{ id }} }} }}")
}

fn usage(filter: &str) -> String {
    format!("{{ usageDays(filter: {{ {filter} }}) {{ tenantId storeId day metric amount }} }}")
}

fn in_store(side: &Side, name: &str, filter: &str) -> String {
    format!("{{ store(id: \"{}\") {{ id {name}(filter: {{ {filter} }}) {{ totalCount nodes {{ id }} }} }} }}", side.store(0))
}

fn of_customer(side: &Side, filter: &str) -> String {
    format!("{{ customer(id: \"{}\") {{ id orders(filter: {{ {filter} }}) {{ totalCount nodes {{ id }} }} }} }}", id_of(side, "Customer", 0))
}

fn node(id: &str) -> String {
    format!("{{ node(id: \"{id}\") {{ __typename id }} }}")
}

/// Between two of one's own.
fn nodes(side: &Side, kind: &str, id: &str) -> String {
    let own = id_of(side, kind, 0);
    format!("{{ nodes(ids: [\"{own}\", \"{id}\", \"{own}\"]) {{ __typename id }} }}")
}
