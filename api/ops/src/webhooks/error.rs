//! Why something about webhooks is refused.

use entities::EventType;
use integrations::outgoing::UrlProblem;
use people::tenants::TenantKeyError;
use people::validation::Invalid;
use platform::{DbErr, Denied};

use super::service::MAX_ENDPOINTS;

fn told_to(kind: &EventType) -> String {
    match kind.scope() {
        Some(needs) => format!("to integrations whose API token has the scope {needs}"),
        None => "to the endpoints of administrators alone".to_owned(),
    }
}

/// Why something about webhooks is refused.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such endpoint, delivery or tenant, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A platform administrator has to say which tenant.
    #[error("say which tenant: a platform administrator has none of their own")]
    TenantRequired,
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An address that nothing is sent to.
    #[error("url: {0}")]
    Url(#[from] UrlProblem),
    /// The tenant has as many as it may.
    #[error("a tenant has at most {MAX_ENDPOINTS} webhook endpoints; change or delete one of them")]
    TooMany,
    /// Nothing is sent to an endpoint that is disabled.
    #[error("the endpoint is disabled; enable it with webhookEndpointUpdate first")]
    EndpointDisabled,
    /// The API token that made the endpoint may not read what such events show.
    #[error("{0} is told {to}", to = told_to(.0))]
    ScopeMissing(EventType),
    /// A key could not be had.
    #[error("internal error")]
    Key(#[from] TenantKeyError),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

impl WebhookError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound(_) => "NOT_FOUND",
            Self::TenantRequired => "TENANT_REQUIRED",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::Url(_) => "INVALID_URL",
            Self::TooMany => "LIMIT_REACHED",
            Self::EndpointDisabled => "ENDPOINT_DISABLED",
            Self::ScopeMissing(_) => "SCOPE_MISSING",
            Self::Key(_) | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound("tenant") | Self::TenantRequired => Some("tenantId"),
            Self::NotFound(_) | Self::EndpointDisabled => Some("id"),
            Self::Invalid(invalid) => Some(invalid.field),
            Self::Url(_) => Some("url"),
            Self::ScopeMissing(_) => Some("eventTypes"),
            Self::Denied(_) | Self::TooMany | Self::Key(_) | Self::Storage(_) => None,
        }
    }
}
