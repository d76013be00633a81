//! The floor of webhooks: the signature is checked, and the delivery stored with one statement by a role that no policy holds.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entities::ConnectionId;
use hmac::{Hmac, KeyInit, Mac};
use platform::db::DatabaseSettings;
use platform::{Ids, SystemClock};
use serde_json::json;
use sha2::Sha256;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::SECRET;
use crate::bench::Outcome;
use crate::bench::floor::LISTEN;

/// One row, as the product writes it. Nobody is to work on it.
const STORE: &str = "insert into webhook_events (id, tenant_id, connection_id, store_id, provider, topic, account, event_id, provider_event_id, api_version,
      headers, payload, payload_bytes, status, attempts, triggered_at, received_at, payload_deletion_at, updated_at)
    values ($1, $2, $3, null, 'shopify', $4, $5, $6, $7, $8, $9, $10, $11, 'PROCESSED', 0, now(), now(), now() + interval '30 days', now())
    on conflict (connection_id, event_id) do nothing";

struct Floor {
    pool: PgPool,
    ids: Ids,
    tenant: Uuid,
}

/// Serves until it is killed.
pub async fn serve(url: &str, tenant: Uuid) -> Outcome<()> {
    let address: SocketAddr = std::env::var(LISTEN)?.parse()?;
    let pool = PgPoolOptions::new().max_connections(DatabaseSettings::new(url).max_connections).test_before_acquire(false).connect(url).await?;
    let router =
        Router::new().route("/webhooks/shopify/{connection}", post(receive)).with_state(Arc::new(Floor { pool, ids: Ids::new(Arc::new(SystemClock)), tenant }));
    Ok(axum::serve(tokio::net::TcpListener::bind(address).await?, router).await?)
}

async fn receive(State(floor): State<Arc<Floor>>, Path(connection): Path<String>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signature = STANDARD.decode(header("x-shopify-hmac-sha256")).unwrap_or_default();
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any secret will do").chain_update(&body);
    let Ok(connection) = ConnectionId::parse(&connection) else { return StatusCode::NOT_FOUND };
    if mac.verify_slice(&signature).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let kept: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
    let stored = sqlx::query(STORE)
        .bind(floor.ids.next::<Uuid>())
        .bind(floor.tenant)
        .bind(connection.uuid())
        .bind(header("x-shopify-topic"))
        .bind(header("x-shopify-shop-domain"))
        .bind(header("x-shopify-webhook-id"))
        .bind(header("x-shopify-event-id"))
        .bind(header("x-shopify-api-version"))
        .bind(json!(kept))
        .bind(body.as_ref())
        .bind(body.len() as i64)
        .execute(&floor.pool)
        .await;
    if stored.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
