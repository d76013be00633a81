//! Two tenants with two stores each, alike in everything but their marker, and the callers of each.

use std::collections::HashMap;

use entities::{
    AlertId, AlertSilenceId, ApiTokenId, AuditEventId, ConnectionId, InstallationEventId, JobId, MembershipRole, NotificationChannelId, NotificationId,
    PrivacyRequestId, PrivacyRequestKind, StoreId, SyncRunId, TenantId, TokenRole, UserId, WebhookDeliveryId, WebhookEndpointId, WebhookEventId,
};
use platform::db::Access;
use sea_orm::ConnectionTrait;
use serde_json::Value;
use uuid::Uuid;

use super::people::{People, Person};
use super::seed::{self, StoreData};
use super::server::{Credentials, Server};
use super::{Backend, alerts, inbox, installs, machinery, privacy};

/// A tenant, its people and its stores.
pub struct Side {
    /// The tenant.
    pub tenant: TenantId,
    /// A word that is in every name, title and address of this tenant, and in nothing else.
    pub marker: String,
    /// Its two stores.
    pub stores: [StoreData; 2],
    /// Runs the tenant.
    pub admin: Person,
    /// Works in the tenant.
    pub member: Person,
    /// Works in the first store only.
    pub clerk: Person,
    /// Works in the tenant and never calls: to be changed.
    pub spare: Person,
    /// A token that nobody uses: to be revoked.
    pub spare_token: ApiTokenId,
    /// A job that failed.
    pub job: JobId,
    /// An entry of its audit log.
    pub audit_event: AuditEventId,
    /// A webhook endpoint, and a delivery that waits to be sent to it.
    pub webhook: (WebhookEndpointId, WebhookDeliveryId),
    /// A notification channel, and a test that waits to be sent through it.
    pub notification: (NotificationChannelId, NotificationId),
    /// A connection to a provider.
    pub connection: ConnectionId,
    /// What happened to the installation of each store.
    pub installations: [InstallationEventId; 2],
    /// A delivery that failed, for each store.
    pub deliveries: [WebhookEventId; 2],
    /// An alert that is open, for each store.
    pub alerts: [AlertId; 2],
    /// A silence, for each store.
    pub silences: [AlertSilenceId; 2],
    /// A sync that is over, for each store.
    pub sync_runs: [SyncRunId; 2],
    /// A privacy request that failed, for each store.
    pub privacy_requests: [PrivacyRequestId; 2],
}

impl Side {
    /// The first or the second store.
    pub fn store(&self, index: usize) -> StoreId {
        self.stores[index].store
    }
}

/// A server with two tenants on it.
pub struct Town {
    /// The server.
    pub server: Server,
    /// Makes more people.
    pub people: People,
    /// The tenant whose callers call.
    pub ours: Side,
    /// The tenant that they must not see.
    pub theirs: Side,
    /// A platform administrator's token.
    pub platform: Credentials,
    /// A member of both tenants.
    pub both: Person,
}

impl Town {
    /// Two tenants; each store has `rows` customers, products and orders.
    pub async fn new(backend: Backend, rows: usize) -> Self {
        let flags = [("public_url", "https://noren.example".to_owned())].into();
        Self::on(Server::with(backend, flags).await, rows).await
    }

    /// The same, on a server that has settings of its own.
    pub async fn on(server: Server, rows: usize) -> Self {
        let people = People::of(&server);
        let ours = side(&server, &people, "oursmark", rows).await;
        let theirs = side(&server, &people, "theirsmark", rows).await;
        let (_, platform) = people.token(TokenRole::PlatformAdmin, None, &[]).await;
        people.person(theirs.tenant, "both@example.jp", MembershipRole::TenantMember, None).await;
        let both = people.person(ours.tenant, "both@example.jp", MembershipRole::TenantMember, None).await;
        Self { server, people, ours, theirs, platform, both }
    }
}

async fn side(server: &Server, people: &People, marker: &str, rows: usize) -> Side {
    let tenant = people.tenant(&format!("{marker} K.K.")).await;
    let mut stores = Vec::new();
    for number in 1..=2 {
        stores.push(seed::store(server.db(), tenant, &format!("{marker}{number}"), rows).await);
    }
    let stores: [StoreData; 2] = stores.try_into().map_err(|_| "two stores").expect("two stores");
    let person = async |name: &str, role, of| people.person(tenant, &format!("{name}@{marker}.example.jp"), role, of).await;
    let first: UserId = person("admin", MembershipRole::TenantAdmin, None).await.id;
    let admin = person("boss", MembershipRole::TenantAdmin, None).await;
    assert_ne!(first, admin.id, "the tenant keeps an administrator who never calls");
    let (spare_token, _) = people.token(TokenRole::TenantMember, Some(tenant), &[]).await;
    let connection = inbox::connection(server, tenant, marker).await;
    let installed = async |store: usize| installs::installation(server, tenant, stores[store].store, connection, &format!("{marker}{}", store + 1)).await;
    let installations = [installed(0).await, installed(1).await];
    let delivery = async |store: usize| inbox::failed_delivery(server, tenant, connection, Some(stores[store].store), &format!("{marker}{}", store + 1)).await;
    let deliveries = [delivery(0).await, delivery(1).await];
    let marked = |store: usize| format!("{marker}{}", store + 1);
    let alert = async |store: usize| alerts::alert(server, Some(tenant), Some(stores[store].store), &marked(store)).await;
    let silence = async |store: usize| alerts::silence(server, tenant, Some(stores[store].store), &marked(store)).await;
    let (alerts, silences) = ([alert(0).await, alert(1).await], [silence(0).await, silence(1).await]);
    let sync_run = async |store: usize| machinery::sync_run(server, tenant, stores[store].store, "COMPLETED").await;
    let sync_runs = [sync_run(0).await, sync_run(1).await];
    let asked = async |store: usize| {
        let kind = PrivacyRequestKind::DataRequest;
        privacy::failed(server, tenant, Some(stores[store].store), kind, &marked(store)).await
    };
    let privacy_requests = [asked(0).await, asked(1).await];
    machinery::used(server, tenant, stores[0].store).await;
    Side {
        tenant,
        marker: marker.to_owned(),
        member: person("member", MembershipRole::TenantMember, None).await,
        clerk: person("clerk", MembershipRole::TenantMember, Some(vec![stores[0].store])).await,
        spare: person("spare", MembershipRole::TenantMember, None).await,
        stores,
        admin,
        spare_token,
        job: machinery::failed_job(server, tenant).await,
        audit_event: machinery::first_audit_event(server, tenant).await,
        webhook: people.webhook_endpoint(tenant, &format!("https://hooks.{marker}.example/noren")).await,
        notification: people.notification_channel(tenant, marker).await,
        connection,
        installations,
        deliveries,
        alerts,
        silences,
        sync_runs,
        privacy_requests,
    }
}

/// Everything that a tenant has, by id, with the store that it is in.
pub type Belongings = HashMap<Uuid, Option<StoreId>>;

/// Where a tenant's things are, and the column of their store.
const TABLES: [(&str, &str); 23] = [
    ("tenants", "null"),
    ("stores", "id"),
    ("customers", "store_id"),
    ("products", "store_id"),
    ("product_variants", "store_id"),
    ("orders", "store_id"),
    ("order_items", "store_id"),
    ("tenant_memberships", "null"),
    ("api_tokens", "null"),
    ("jobs", "null"),
    ("events", "null"),
    ("audit_events", "null"),
    ("webhook_endpoints", "null"),
    ("webhook_deliveries", "null"),
    ("notification_channels", "null"),
    ("notifications", "null"),
    ("connections", "null"),
    ("webhook_events", "store_id"),
    ("installation_events", "store_id"),
    ("alerts", "store_id"),
    ("alert_silences", "store_id"),
    ("sync_runs", "store_id"),
    ("privacy_requests", "store_id"),
];

impl Town {
    /// Deletes the webhook endpoints of a tenant but one.
    pub async fn forget_webhook_endpoints(&self, tenant: TenantId, but: WebhookEndpointId) {
        let tx = self.server.db().read(Access::Platform).await.expect("a transaction");
        let sql = "select id from webhook_endpoints where tenant_id = $1 and id <> $2";
        let rows = tx.query_all_raw(self.server.db().statement(sql, [tenant.into(), but.into()])).await.expect("rows");
        drop(tx);
        for row in rows {
            self.people.delete_webhook_endpoint(row.try_get_by_index(0).expect("an id")).await;
        }
    }

    /// Deletes the notification channels of a tenant but one.
    pub async fn forget_notification_channels(&self, tenant: TenantId, but: NotificationChannelId) {
        let tx = self.server.db().read(Access::Platform).await.expect("a transaction");
        let sql = "select id from notification_channels where tenant_id = $1 and id <> $2";
        let rows = tx.query_all_raw(self.server.db().statement(sql, [tenant.into(), but.into()])).await.expect("rows");
        drop(tx);
        for row in rows {
            self.people.delete_notification_channel(row.try_get_by_index(0).expect("an id")).await;
        }
    }

    /// Everything that a tenant has now.
    pub async fn belongings(&self, tenant: TenantId) -> Belongings {
        let db = self.server.db();
        let tx = db.read(Access::Platform).await.expect("a transaction");
        let mut found = Belongings::new();
        for (table, store) in TABLES {
            let of = if table == "tenants" { "id" } else { "tenant_id" };
            let rows = tx.query_all_raw(db.statement(format!("select id, {store} from {table} where {of} = $1"), [tenant.into()])).await.expect("rows");
            for row in rows {
                let store = if store == "null" { None } else { row.try_get_by_index(1).expect("a store") };
                found.insert(row.try_get_by_index(0).expect("an id"), store);
            }
        }
        // Users belong by their membership; what an endpoint is told in a trial is no event of any feed.
        for sql in ["select user_id from tenant_memberships where tenant_id = $1", "select event_id from webhook_deliveries where tenant_id = $1"] {
            for row in tx.query_all_raw(db.statement(sql, [tenant.into()])).await.expect("rows") {
                found.insert(row.try_get_by_index(0).expect("an id"), None);
            }
        }
        // The audit log names sessions.
        let tx = db.read(Access::Identity).await.expect("a transaction");
        let sessions = db.statement("select id from sessions where user_id in (select user_id from tenant_memberships where tenant_id = $1)", [tenant.into()]);
        for row in tx.query_all_raw(sessions).await.expect("sessions") {
            found.insert(row.try_get_by_index(0).expect("an id"), None);
        }
        found
    }
}

/// Every id in an answer, wherever it stands.
pub fn ids_in(value: &Value) -> Vec<(String, Uuid)> {
    match value {
        Value::String(text) => entities::split_id(text).map(|(_, uuid)| (text.clone(), uuid)).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(ids_in).collect(),
        Value::Object(fields) => fields.values().flat_map(ids_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
