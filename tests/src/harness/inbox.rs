//! Connections and what came by them: made as they are, or signed and sent as Shopify does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use entities::tables::webhook_events;
use entities::{ConnectionId, StoreId, TenantId, WebhookEventId, WebhookEventStatus};
use hmac::{Hmac, KeyInit, Mac};
use people::connections::{Connections, NewConnection};
use people::tenants::TenantKeys;
use platform::Trace;
use platform::db::Access;
use serde_json::json;
use sha2::Sha256;

use super::Server;
use super::people::People;
use super::seed;

/// What deliveries are signed with.
pub const SECRET: &str = "hush-of-the-noren-app";

/// A connection to Shopify, whose secret is [`SECRET`].
pub async fn connection(server: &Server, tenant: TenantId, marker: &str) -> ConnectionId {
    let connections = Connections::new(TenantKeys::new(server.master.clone()));
    let (name, account) = (format!("{marker} app"), Some(format!("{marker}-account")));
    let input = NewConnection {
        tenant: Some(tenant),
        provider: "shopify".to_owned(),
        name,
        account,
        webhook_secret: SECRET.into(),
        scopes: Vec::new(),
        api_version: None,
    };
    connections.create(&People::of(server).system(), input, None).await.expect("a connection").id
}

/// A delivery of last spring that could not be worked on: what is counted and listed by day today knows nothing of it.
pub async fn failed_delivery(server: &Server, tenant: TenantId, connection: ConnectionId, store: Option<StoreId>, marker: &str) -> WebhookEventId {
    let trace = Trace::system("a town", server.clock());
    let (id, now): (WebhookEventId, _) = (trace.new_id(), trace.now());
    let then = now - TimeDelta::days(200);
    let row = webhook_events::Model {
        id,
        tenant_id: tenant,
        connection_id: connection,
        store_id: store,
        provider: "shopify".to_owned(),
        topic: format!("{marker}/topic"),
        account: Some(format!("{marker}.myshopify.com")),
        event_id: format!("{marker}-{id}"),
        provider_event_id: None,
        api_version: Some("2026-10".to_owned()),
        headers: json!([["x-shopify-topic", format!("{marker}/topic")]]),
        payload: Some(json!({ "of": marker }).to_string().into_bytes()),
        payload_bytes: 20,
        status: WebhookEventStatus::Failed,
        attempts: 1,
        error_message: Some(format!("nothing for {marker}")),
        triggered_at: Some(then),
        received_at: then,
        processed_at: None,
        payload_deletion_at: Some(now + TimeDelta::days(30)),
        payload_deleted_at: None,
        updated_at: now,
    };
    let tx = server.db().write(Access::Platform).await.expect("a transaction");
    seed::insert::<webhook_events::Entity, webhook_events::ActiveModel>(&tx, &[row]).await;
    tx.commit().await.expect("a delivery");
    id
}

/// A delivery of Shopify's, to be changed before it is sent.
#[derive(Clone, Debug)]
pub struct ShopifyDelivery {
    /// The path that it is sent to.
    pub path: String,
    /// Its headers, but for the signature.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// What it is signed with.
    pub secret: String,
    /// The name of the header that the signature goes in.
    pub signature: String,
}

impl ShopifyDelivery {
    /// What a shop tells, under an id that no other delivery has.
    pub fn new(connection: ConnectionId, shop: &str, topic: &str, body: impl Into<Vec<u8>>) -> Self {
        let id = uuid::Uuid::from_u128(rand::random());
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("x-shopify-topic", topic.to_owned()),
            ("x-shopify-shop-domain", shop.to_owned()),
            ("x-shopify-webhook-id", id.to_string()),
            ("x-shopify-event-id", "98880550-7158-44d4-b7cd-2c97c8a091b5".to_owned()),
            ("x-shopify-triggered-at", "2026-11-02T00:15:31.877041743Z".to_owned()),
            ("x-shopify-api-version", "2026-10".to_owned()),
        ];
        Self {
            path: format!("/webhooks/shopify/{connection}"),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.into(),
            secret: SECRET.to_owned(),
            signature: "x-shopify-hmac-sha256".to_owned(),
        }
    }

    /// The same with another secret.
    pub fn signed_with(&self, secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..self.clone() }
    }

    /// The same with the names of headers that newer events have.
    pub fn in_new_spelling(&self) -> Self {
        let new = |name: &str| name.strip_prefix("x-").filter(|rest| rest.starts_with("shopify-")).unwrap_or(name).to_owned();
        let headers = self.headers.iter().map(|(name, value)| (new(name), value.clone())).collect();
        Self { headers, signature: new(&self.signature), ..self.clone() }
    }

    /// The signature of the body.
    pub fn signature(&self) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any secret will do").chain_update(&self.body);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// Sends it, and tells the status of the answer and its body.
    pub async fn send(&self, server: &Server) -> (u16, String) {
        let mut request = server.client.post(server.url(&self.path)).header(&self.signature, self.signature()).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.text().await.expect("text"))
    }
}
