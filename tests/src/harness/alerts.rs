//! Alerts and silences, made as they are.

use chrono::TimeDelta;
use entities::tables::{alert_silences, alerts};
use entities::{AlertId, AlertSeverity, AlertSilenceId, AlertStatus, StoreId, TenantId};
use platform::Trace;
use platform::db::Access;
use serde_json::json;
use uuid::Uuid;

use super::{Server, seed};

/// An alert that is open.
pub async fn alert(server: &Server, tenant: Option<TenantId>, store: Option<StoreId>, marker: &str) -> AlertId {
    let trace = Trace::system("a town", server.clock());
    let (id, now): (AlertId, _) = (trace.new_id(), trace.now());
    let row = alerts::Model {
        id,
        tenant_id: tenant,
        feed_id: tenant.map_or(Uuid::nil(), TenantId::uuid),
        store_id: store,
        about_id: store.map_or(Uuid::nil(), StoreId::uuid),
        kind: "TownAlert".to_owned(),
        severity: AlertSeverity::Medium,
        source: marker.to_owned(),
        message: format!("{marker} goes wrong"),
        data: json!({ "of": marker }),
        fingerprint: format!("{marker}|{id}"),
        status: AlertStatus::Open,
        count: 1,
        escalation_level: 0,
        silenced_until: None,
        previous_alert_id: None,
        first_seen_at: now,
        last_seen_at: now,
        acknowledged_at: None,
        acknowledged_by: None,
        acknowledgement_note: None,
        resolved_at: None,
        resolved_by: None,
        resolution_notes: None,
        created_at: now,
        updated_at: now,
    };
    let tx = server.db().write(Access::Platform).await.expect("a transaction");
    seed::insert::<alerts::Entity, alerts::ActiveModel>(&tx, &[row]).await;
    tx.commit().await.expect("an alert");
    id
}

/// A silence that holds for a day, of alerts that there are none of.
pub async fn silence(server: &Server, tenant: TenantId, store: Option<StoreId>, marker: &str) -> AlertSilenceId {
    let trace = Trace::system("a town", server.clock());
    let (id, now): (AlertSilenceId, _) = (trace.new_id(), trace.now());
    let row = alert_silences::Model {
        id,
        tenant_id: Some(tenant),
        feed_id: tenant.uuid(),
        store_id: store,
        kind: Some("Nothing".to_owned()),
        severity: None,
        source: None,
        fingerprint: None,
        reason: format!("{marker} is being mended"),
        created_by: "system".to_owned(),
        starts_at: now,
        ends_at: now + TimeDelta::days(1),
        created_at: now,
        updated_at: now,
    };
    let tx = server.db().write(Access::Platform).await.expect("a transaction");
    seed::insert::<alert_silences::Entity, alert_silences::ActiveModel>(&tx, &[row]).await;
    tx.commit().await.expect("a silence");
    id
}
