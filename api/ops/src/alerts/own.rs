//! The program's own alerts: what they are called, and when they are over by themselves.

use chrono::TimeDelta;
use entities::{AlertSeverity, StoreId, TenantId};
use platform::inbox::PROCESS;
use serde_json::Value;

use super::raise::NewAlert;
use crate::webhooks::DELIVER;

/// A kind of alert that the program raises itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnAlert {
    /// Which part of the program says so.
    pub source: &'static str,
    /// The field `type`.
    pub kind: &'static str,
}

/// A job failed for good; one alert for each kind of work.
pub const JOB_FAILED: OwnAlert = OwnAlert { source: "noren/jobs", kind: "JobFailed" };
/// Deliveries of a provider could not be worked on; one alert for each connection.
pub const WEBHOOK_EVENT_FAILED: OwnAlert = OwnAlert { source: "noren/inbox", kind: "WebhookEventFailed" };
/// An endpoint is told of nothing any more; one alert for each.
pub const WEBHOOK_ENDPOINT_DISABLED: OwnAlert = OwnAlert { source: "noren/webhooks", kind: "WebhookEndpointDisabled" };
/// A store's data could not be brought up to date; one alert for each store and kind of sync.
pub const SYNC_FAILED: OwnAlert = OwnAlert { source: "noren/sync", kind: "SyncFailed" };
/// Requests took long; one alert for each operation.
pub const SLOW_REQUEST: OwnAlert = OwnAlert { source: "noren/http", kind: "SlowRequest" };
/// A store's shop does not answer; one alert for each store.
pub const STORE_CONNECTION_LOST: OwnAlert = OwnAlert { source: "noren/stores", kind: "StoreConnectionLost" };
/// A store's tokens are void, and there are no others; one alert for each store.
pub const STORE_AUTHORIZATION_LOST: OwnAlert = OwnAlert { source: "noren/stores", kind: "StoreAuthorizationLost" };
/// A merchant has not granted what the app asks for; one alert for each store.
pub const STORE_SCOPES_MISSING: OwnAlert = OwnAlert { source: "noren/stores", kind: "StoreScopesMissing" };
/// Shops answer an app, or deliver to it, in another version of the provider's API than it asks for; one alert for each app and way.
pub const API_VERSION_CHANGED: OwnAlert = OwnAlert { source: "noren/connections", kind: "ApiVersionChanged" };
/// A privacy request is not done and soon has to be; one alert for each request.
pub const PRIVACY_REQUEST_DUE: OwnAlert = OwnAlert { source: "noren/privacy", kind: "PrivacyRequestDue" };
/// What is measured of a machine that the program runs on; one alert for each machine.
pub const HOST: &str = "noren/host";
/// What a health check says that is not well.
pub const HEALTH: &str = "noren/health";

/// An operation that was slow once is watched for so long.
pub(super) const SLOW_FOR: TimeDelta = TimeDelta::hours(1);
/// What is measured again and again, and was not for so long, is measured by nobody any more.
pub(super) const UNMEASURED_FOR: TimeDelta = TimeDelta::minutes(10);

impl OwnAlert {
    /// Its fingerprint about one of many.
    pub fn fingerprint(&self, about: &str) -> String {
        format!("{}|{}|{about}", self.source, self.kind)
    }

    /// One about a store, which has one of a kind at most.
    pub fn about_store(&self, store: StoreId, tenant: Option<TenantId>, severity: AlertSeverity, message: String, data: Value) -> NewAlert {
        NewAlert { store: Some(store), ..self.about(&store.to_string(), tenant, severity, message, data) }
    }

    /// One about one of many.
    pub fn about(&self, about: &str, tenant: Option<TenantId>, severity: AlertSeverity, message: String, data: Value) -> NewAlert {
        NewAlert {
            tenant,
            store: None,
            kind: self.kind.to_owned(),
            severity,
            source: self.source.to_owned(),
            message,
            data,
            fingerprint: Some(self.fingerprint(about)),
        }
    }
}

/// How bad it is when a kind of job fails for good; none when something else says so.
pub(super) fn severity_of_job(kind: &str) -> Option<AlertSeverity> {
    match kind {
        // The endpoint is disabled if it takes nothing; what it missed can be sent again.
        kind if kind == DELIVER.name => None,
        // What a provider told us is not worked on.
        kind if kind == PROCESS.name => Some(AlertSeverity::High),
        // Whoever would be notified of it is who could not be notified.
        kind if kind.starts_with("notification.") => Some(AlertSeverity::Low),
        _ => Some(AlertSeverity::Medium),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_fails_is_as_bad_as_what_it_was_for() {
        assert_eq!(severity_of_job("webhook.deliver"), None);
        assert_eq!(severity_of_job("webhook_event.process"), Some(AlertSeverity::High));
        assert_eq!(severity_of_job("usage.stored_data"), Some(AlertSeverity::Medium));
        assert_eq!(severity_of_job("notification.send"), Some(AlertSeverity::Low));
    }
}
