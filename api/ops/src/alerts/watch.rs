//! Hears the feeds for what goes wrong. What they tell becomes alerts in the relay's own transaction, and what a tenant's feed
//! tells of alerts is copied to the platform's.

use std::sync::Arc;

use async_trait::async_trait;
use entities::{AlertSeverity, ConnectionId, EventType, WebhookEventId};
use platform::outbox::{Event, Listener};
use platform::{Clock, DbErr, Trace, Tx};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::event::{AlertEvent, copy_up};
use super::own::{
    API_VERSION_CHANGED, JOB_FAILED, PRIVACY_REQUEST_DUE, SLOW_REQUEST, SYNC_FAILED, WEBHOOK_ENDPOINT_DISABLED, WEBHOOK_EVENT_FAILED, severity_of_job,
};
use super::raise::{NewAlert, clear, clear_about, raise};
use super::stores::about_store;

/// The longest name of an operation that is told apart from others, in characters.
const OPERATION: usize = 100;

/// Hears events for alerts.
pub struct Watch {
    clock: Arc<dyn Clock>,
}

impl Watch {
    /// What it writes is stamped by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

#[async_trait]
impl Listener for Watch {
    async fn take(&self, tx: &Tx, events: &[Event]) -> Result<(), DbErr> {
        let trace = Trace::system("alerts", self.clock.clone());
        for event in events {
            match AlertEvent::read(event) {
                // Nothing that is told of alerts ever raises one: that would go round for ever.
                Some(told) if event.tenant.is_some() => copy_up(tx, &trace, event, told.kind).await?,
                Some(_) => {}
                None => hear(tx, &trace, event).await?,
            }
        }
        Ok(())
    }
}

/// The table: which event means that something goes wrong, and which that it is over. Jobs and deliveries that are mended, and
/// operations that are fast again, are told of by nobody: see `settle`.
async fn hear(tx: &Tx, trace: &Trace, event: &Event) -> Result<(), DbErr> {
    let Ok(kind) = event.name.parse::<EventType>() else { return Ok(()) };
    let wrong = match kind {
        EventType::JobFailed => job_failed(event),
        EventType::WebhookEndpointDisabled => Some(endpoint_disabled(event)),
        EventType::WebhookEventFailed => delivery_failed(tx, event).await?,
        EventType::RequestSlow => Some(slow_request(event)),
        EventType::SyncFailed => Some(sync_failed(event)),
        EventType::SyncCompleted => {
            let place = (event.tenant, event.store);
            clear_about(tx, trace, place, &sync_print(event, &text(event, "kind")), "a sync of this kind was completed").await?;
            if text(event, "kind") == "FULL" {
                // With everything here nothing is missing that others failed to bring.
                for kind in ["INCREMENT", "RECONCILIATION"] {
                    clear_about(tx, trace, place, &sync_print(event, kind), "a full sync was completed").await?;
                }
            }
            None
        }
        EventType::PrivacyRequestDue => Some(privacy_request_due(event)),
        EventType::PrivacyRequestCompleted => {
            let print = PRIVACY_REQUEST_DUE.fingerprint(&text(event, "privacyRequestId"));
            clear(tx, trace, event.tenant, &print, "the privacy request is done").await?;
            None
        }
        EventType::ApiVersionChanged => Some(version_changed(event)),
        EventType::ApiVersionRestored => {
            clear(tx, trace, event.tenant, &version_print(event), "for 24 hours nothing was seen in another version than is asked for").await?;
            None
        }
        EventType::WebhookEndpointEnabled | EventType::WebhookEndpointDeleted => {
            let why = if kind == EventType::WebhookEndpointEnabled { "the endpoint was enabled" } else { "the endpoint was deleted" };
            let print = WEBHOOK_ENDPOINT_DISABLED.fingerprint(&text(event, "webhookEndpointId"));
            clear(tx, trace, event.tenant, &print, why).await?;
            None
        }
        EventType::StoreUnhealthy
        | EventType::StoreHealthy
        | EventType::StoreAuthorizationLost
        | EventType::StoreAuthorizationRestored
        | EventType::StoreScopesChanged
        | EventType::StoreInstalled
        | EventType::StorePaused
        | EventType::StoreUninstalled => about_store(tx, trace, event, kind).await?,
        _ => None,
    };
    if let Some(alert) = wrong {
        raise(tx, trace, alert).await?;
    }
    Ok(())
}

fn text(event: &Event, key: &str) -> String {
    event.data[key].as_str().unwrap_or_default().to_owned()
}

fn job_failed(event: &Event) -> Option<NewAlert> {
    let kind = text(event, "kind");
    let severity = severity_of_job(&kind)?;
    let message = format!("A job of the kind {kind} has failed for good. `job` says why; when that is mended, `jobRetry` has it tried again.");
    Some(JOB_FAILED.about(&kind, event.tenant, severity, message, json!({ "kind": kind, "jobId": text(event, "jobId") })))
}

fn sync_print(event: &Event, kind: &str) -> String {
    SYNC_FAILED.fingerprint(&format!("{} {kind}", text(event, "storeId")))
}

fn sync_failed(event: &Event) -> NewAlert {
    let kind = text(event, "kind");
    let severity = if kind == "FULL" { AlertSeverity::High } else { AlertSeverity::Medium };
    let message = format!(
        "The store's data is not up to date: a sync ({kind}) was given up because {}. What it had written stays; `storeSync` begins another one.",
        event.data["error"].as_str().unwrap_or("nothing says why")
    );
    let data = json!({ "syncRunId": text(event, "syncRunId"), "storeId": text(event, "storeId"), "kind": kind });
    let alert = SYNC_FAILED.about("", event.tenant, severity, message, data);
    NewAlert { store: event.store, fingerprint: Some(sync_print(event, &kind)), ..alert }
}

/// One alert for each app and way, however many stores' shops it is about.
fn version_about(event: &Event) -> String {
    format!("{} {}", event.data["connectionId"].as_str().unwrap_or("token"), text(event, "channel"))
}

fn version_print(event: &Event) -> String {
    API_VERSION_CHANGED.fingerprint(&version_about(event))
}

fn version_changed(event: &Event) -> NewAlert {
    let seen: Vec<&str> = event.data["seen"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (seen, asked, stores) = (seen.join(", "), text(event, "asked"), event.data["stores"].as_u64().unwrap_or_default());
    let message = if text(event, "channel") == "CALLS" {
        format!(
            "Shops of {stores} stores answer in version {seen} of the provider's API, though {asked} is asked for: the provider keeps that one no more, \
             and answers may change in what the program reads of them. Update the program, or have the connection's `apiVersion` ask for what answers."
        )
    } else {
        format!(
            "Webhooks of {stores} stores come in version {seen} of the provider's API, though the app speaks {asked}: set the version of webhooks in the \
             app's configuration at the provider, or the connection's `apiVersion`."
        )
    };
    API_VERSION_CHANGED.about(&version_about(event), event.tenant, AlertSeverity::Medium, message, event.data.clone())
}

fn endpoint_disabled(event: &Event) -> NewAlert {
    let id = text(event, "webhookEndpointId");
    let message = format!("A webhook endpoint is not told of events any more: {}. `webhookEndpointUpdate` enables it again.", text(event, "reason"));
    WEBHOOK_ENDPOINT_DISABLED.about(&id, event.tenant, AlertSeverity::High, message, event.data.clone())
}

/// One alert for each connection: when one delivery cannot be worked on, the next one often cannot either.
async fn delivery_failed(tx: &Tx, event: &Event) -> Result<Option<NewAlert>, DbErr> {
    let Ok(id) = WebhookEventId::parse(&text(event, "webhookEventId")) else { return Ok(None) };
    let sql = "select connection_id, provider, topic, error_message from webhook_events where id = $1";
    let Some(row) = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, [id.into()])).await? else { return Ok(None) };
    let (connection, provider): (ConnectionId, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let (topic, why): (String, Option<String>) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
    let message = format!(
        "A delivery of {provider} ({topic}) could not be worked on: {}. When that is mended, `webhookEventReplay` has it worked on again.",
        why.as_deref().unwrap_or("nothing says why")
    );
    let data = json!({ "connectionId": connection, "webhookEventId": id, "provider": provider, "topic": topic });
    Ok(Some(WEBHOOK_EVENT_FAILED.about(&connection.to_string(), event.tenant, AlertSeverity::Medium, message, data)))
}

/// Two days before the end somebody must act at once.
fn privacy_request_due(event: &Event) -> NewAlert {
    let (id, days) = (text(event, "privacyRequestId"), event.data["days"].as_i64().unwrap_or_default());
    let severity = if days >= 28 { AlertSeverity::Critical } else { AlertSeverity::High };
    let message = format!(
        "A privacy request ({}) is not done after {days} days; it has to be by {}. `privacyRequest` says how far it is; `privacyRequestRetry` has one that failed tried \
         again.",
        text(event, "kind"),
        text(event, "dueAt")
    );
    PRIVACY_REQUEST_DUE.about(&id, event.tenant, severity, message, event.data.clone())
}

fn slow_request(event: &Event) -> NewAlert {
    let name: String = event.data["operationName"].as_str().unwrap_or("(without a name)").chars().take(OPERATION).collect();
    let message = format!("The operation {name} took {} ms.", event.data["milliseconds"].as_u64().unwrap_or_default());
    let data = if event.data.is_object() { event.data.clone() } else { Value::Object(serde_json::Map::new()) };
    SLOW_REQUEST.about(&name, event.tenant, AlertSeverity::Low, message, data)
}
