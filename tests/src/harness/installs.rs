//! Installations, made as they are.

use entities::tables::{installation_events, installations, store_health};
use entities::{ConnectionId, InstallationAction, InstallationEventId, StoreHealthStatus, StoreId, TenantId};
use platform::Trace;
use platform::db::Access;
use serde_json::json;

use super::{Server, seed};

/// A store's installation by a connection, with an entry in its history, whose id this gives, and a shop that answers.
pub async fn installation(server: &Server, tenant: TenantId, store: StoreId, connection: ConnectionId, marker: &str) -> InstallationEventId {
    let trace = Trace::system("a town", server.clock());
    let now = trace.now();
    let installation = installations::Model {
        id: store,
        tenant_id: tenant,
        connection_id: Some(connection),
        missing_scopes: json!([format!("read_{marker}")]),
        refused_topics: json!([]),
        scopes_at: Some(now),
        refresh_token_sealed: None,
        access_token_expires_at: None,
        refresh_token_expires_at: None,
        generation: 1,
        refresh_lease: None,
        refresh_lease_until: None,
        authorization_lost_at: None,
        set_up_at: Some(now),
        set_up_error: None,
        created_at: now,
        updated_at: now,
    };
    let event_id = trace.new_id();
    let event = installation_events::Model {
        id: event_id,
        tenant_id: tenant,
        store_id: store,
        connection_id: Some(connection),
        action: InstallationAction::Installed,
        scopes: Some(json!([])),
        message: Some(format!("{marker} agreed")),
        occurred_at: now,
        created_at: now,
    };
    let health = store_health::Model {
        id: store,
        tenant_id: tenant,
        status: StoreHealthStatus::Healthy,
        consecutive_failures: 0,
        error_message: Some(format!("nothing of {marker}")),
        response_ms: Some(12),
        checked_at: now,
        healthy_at: Some(now),
        unhealthy_since_at: None,
        updated_at: now,
    };
    let tx = server.db().write(Access::Platform).await.expect("a transaction");
    seed::insert::<installations::Entity, installations::ActiveModel>(&tx, &[installation]).await;
    seed::insert::<installation_events::Entity, installation_events::ActiveModel>(&tx, &[event]).await;
    seed::insert::<store_health::Entity, store_health::ActiveModel>(&tx, &[health]).await;
    tx.commit().await.expect("an installation");
    event_id
}
