//! What goes wrong between the program and a store's shop, and when it is over.

use entities::{AlertSeverity, EventType, StoreId};
use platform::outbox::Event;
use platform::{DbErr, Trace, Tx};

use super::own::{OwnAlert, STORE_AUTHORIZATION_LOST, STORE_CONNECTION_LOST, STORE_SCOPES_MISSING};
use super::raise::{NewAlert, clear_about};

/// What an event about a store means: an alert, or the end of some.
pub(super) async fn about_store(tx: &Tx, trace: &Trace, event: &Event, kind: EventType) -> Result<Option<NewAlert>, DbErr> {
    let Some(store) = event.data["storeId"].as_str().and_then(|id| StoreId::parse(id).ok()) else { return Ok(None) };
    let reason = event.data["reason"].as_str().unwrap_or("nothing says why");
    let raise = |alert: OwnAlert, severity, message: String| Some(alert.about_store(store, event.tenant, severity, message, event.data.clone()));
    let over = |alert: OwnAlert, why: &'static str| Over { tx, trace, event, store, alert, why }.end();
    Ok(match kind {
        EventType::StoreUnhealthy => {
            let message = format!("The shop has not answered three times in a row: {reason}. The alert ends by itself when it answers again.");
            raise(STORE_CONNECTION_LOST, AlertSeverity::High, message)
        }
        EventType::StoreHealthy => {
            over(STORE_CONNECTION_LOST, "the shop answers again").await?;
            None
        }
        EventType::StoreAuthorizationLost => {
            let message = format!("The shop does not let the app in any more: {reason}. The merchant has to install it again; `storeInstallBegin` says where.");
            raise(STORE_AUTHORIZATION_LOST, AlertSeverity::High, message)
        }
        EventType::StoreAuthorizationRestored => {
            over(STORE_AUTHORIZATION_LOST, "the shop lets the app in again").await?;
            None
        }
        EventType::StoreInstalled => {
            over(STORE_AUTHORIZATION_LOST, "the app was installed again").await?;
            None
        }
        EventType::StoreScopesChanged => match event.data["missing"].as_array().filter(|missing| !missing.is_empty()) {
            Some(missing) => {
                let missing: Vec<&str> = missing.iter().filter_map(|scope| scope.as_str()).collect();
                let message = format!(
                    "The merchant has not granted what the app asks for: {}. What needs it is not fetched. Let the merchant install the app again; \
                     `storeInstallBegin` says where.",
                    missing.join(", ")
                );
                raise(STORE_SCOPES_MISSING, AlertSeverity::Medium, message)
            }
            None => {
                over(STORE_SCOPES_MISSING, "everything that the app asks for is granted").await?;
                None
            }
        },
        EventType::StorePaused => {
            over(STORE_CONNECTION_LOST, "the store was paused: its shop is not asked any more").await?;
            None
        }
        EventType::StoreUninstalled => {
            for alert in [STORE_CONNECTION_LOST, STORE_AUTHORIZATION_LOST, STORE_SCOPES_MISSING] {
                over(alert, "the app was removed from the shop").await?;
            }
            None
        }
        _ => None,
    })
}

struct Over<'a> {
    tx: &'a Tx,
    trace: &'a Trace,
    event: &'a Event,
    store: StoreId,
    alert: OwnAlert,
    why: &'static str,
}

impl Over<'_> {
    async fn end(self) -> Result<(), DbErr> {
        let about = (self.event.tenant, Some(self.store));
        clear_about(self.tx, self.trace, about, &self.alert.fingerprint(&self.store.to_string()), self.why).await.map(drop)
    }
}
