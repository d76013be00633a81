//! Why something about notifications is refused.

use entities::NotificationChannelKind;
use integrations::outgoing::UrlProblem;
use people::tenants::TenantKeyError;
use people::validation::Invalid;
use platform::crypto::SealError;
use platform::{DbErr, Denied};

use super::channels::MAX_CHANNELS;
use super::testing::TESTS_A_MINUTE;

/// Why something about notifications is refused.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such channel or tenant, or not the caller's.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A channel is named that is not there.
    #[error("{0} names a channel that is not there")]
    NoSuchChannel(&'static str),
    /// A value that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An address that nothing is sent to.
    #[error("slackWebhookUrl: {0}")]
    Url(#[from] UrlProblem),
    /// Nobody is set up to reach people in this way.
    #[error("{}", not_configured(*.0))]
    NotConfigured(NotificationChannelKind),
    /// There are as many as there may be.
    #[error("there are at most {MAX_CHANNELS} channels; change or delete one of them")]
    TooMany,
    /// Tests cost money and patience.
    #[error("a channel is tested at most {TESTS_A_MINUTE} times a minute; wait a little")]
    TooManyTests,
    /// The channel is disabled.
    #[error("the channel is disabled; enable it with notificationChannelUpdate first")]
    ChannelDisabled,
    /// The settings name the channel.
    #[error("the channel is named in {0}; take it out with notificationSettingsUpdate first")]
    ChannelInUse(&'static str),
    /// A key could not be had.
    #[error("internal error")]
    Key(#[from] TenantKeyError),
    /// The platform's own secret does not open.
    #[error("internal error")]
    Seal(#[from] SealError),
    /// The database failed.
    #[error("internal error")]
    Storage(#[from] DbErr),
}

/// What the operator has to set before people can be reached in this way.
pub(super) fn not_configured(kind: NotificationChannelKind) -> &'static str {
    match kind {
        NotificationChannelKind::Email => "mail is not set up: the operator has to set smtp_url and mail_from",
        NotificationChannelKind::Sms => "text messages are not set up: the operator has to set twilio_account_sid, twilio_auth_token and twilio_from",
        NotificationChannelKind::Slack => "Slack is not set up",
    }
}

impl NotificationError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Denied(denied) => denied.code(),
            Self::NotFound(_) | Self::NoSuchChannel(_) => "NOT_FOUND",
            Self::Invalid(invalid) => invalid.problem.code(),
            Self::Url(_) => "INVALID_URL",
            Self::NotConfigured(_) => "NOT_CONFIGURED",
            Self::TooMany | Self::TooManyTests => "LIMIT_REACHED",
            Self::ChannelDisabled => "CHANNEL_DISABLED",
            Self::ChannelInUse(_) => "CHANNEL_IN_USE",
            Self::Key(_) | Self::Seal(_) | Self::Storage(_) => "INTERNAL",
        }
    }

    /// The input's field that is to blame.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotFound("tenant") => Some("tenantId"),
            Self::NotFound(_) | Self::ChannelDisabled | Self::ChannelInUse(_) => Some("id"),
            Self::NoSuchChannel(field) => Some(field),
            Self::Invalid(invalid) => Some(invalid.field),
            Self::Url(_) => Some("slackWebhookUrl"),
            Self::NotConfigured(_) => Some("kind"),
            Self::Denied(_) | Self::TooMany | Self::TooManyTests | Self::Key(_) | Self::Seal(_) | Self::Storage(_) => None,
        }
    }
}
