//! What mutations answer: their subject, or the refusals that a caller should expect.

use async_graphql::{Enum, Error, Result, SimpleObject};
use commerce::installs::InstallError;
use commerce::privacy::PrivacyError;
use commerce::stores::StoreError;
use commerce::sync::SyncError;
use ops::alerts::AlertError;
use ops::audit::AuditError;
use ops::inbox::WebhookEventError;
use ops::jobs::JobRefused;
use ops::notifications::NotificationError;
use ops::webhooks::WebhookError;
use people::api_tokens::ApiTokenError;
use people::connections::ConnectionError;
use people::identity::SignInError;
use people::tenants::TenantError;
use people::users::UserError as UsersError;
use platform::idempotency::IdempotencyError;

use super::errors::{Code, IntoGraphql, internal, refusal};

macro_rules! user_error_codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal,)*) => {
        /// Why a mutation was refused, as far as callers should expect it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
        pub enum UserErrorCode { $($(#[doc = $doc])* $variant,)* }

        impl UserErrorCode {
            fn of(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

user_error_codes! {
    /// There is no such thing, or it is another tenant's.
    NotFound = "NOT_FOUND",
    /// A platform administrator has to name the tenant.
    TenantRequired = "TENANT_REQUIRED",
    /// A text that has to be there is blank.
    Blank = "BLANK",
    /// A text is too long.
    TooLong = "TOO_LONG",
    /// A text is too short.
    TooShort = "TOO_SHORT",
    /// Not an e-mail address.
    InvalidEmail = "INVALID_EMAIL",
    /// Not an IANA time zone.
    InvalidTimeZone = "INVALID_TIME_ZONE",
    /// Not a language that Noren speaks.
    InvalidLocale = "INVALID_LOCALE",
    /// A password that everybody would try first.
    PasswordIsEmail = "PASSWORD_IS_EMAIL",
    /// An end that is over already.
    NotInFuture = "NOT_IN_FUTURE",
    /// A value is missing that is needed with the others.
    Required = "REQUIRED",
    /// A value has no meaning with the others.
    NotAllowed = "NOT_ALLOWED",
    /// What was repeated does not match.
    Mismatch = "MISMATCH",
    /// Not one of the values that are accepted.
    UnknownValue = "UNKNOWN_VALUE",
    /// The tenant cannot go from its state to that one.
    InvalidTransition = "INVALID_TRANSITION",
    /// The tenant is deleted.
    TenantDeleted = "TENANT_DELETED",
    /// The user belongs to the tenant already.
    AlreadyMember = "ALREADY_MEMBER",
    /// The tenant would be left without an administrator.
    LastAdmin = "LAST_ADMIN",
    /// Nobody does this to their own account.
    OwnAccount = "OWN_ACCOUNT",
    /// The user belongs to other tenants too.
    SharedUser = "SHARED_USER",
    /// The user has not accepted an invitation, or is disabled.
    UserNotActive = "USER_NOT_ACTIVE",
    /// The e-mail or the password is wrong.
    InvalidCredentials = "INVALID_CREDENTIALS",
    /// Too many failed attempts from this address; the message says when to come back.
    TooManyAttempts = "TOO_MANY_ATTEMPTS",
    /// The refresh token is not valid; sign in again.
    InvalidRefreshToken = "INVALID_REFRESH_TOKEN",
    /// The refresh token was used before; its session has been ended.
    RefreshTokenReused = "REFRESH_TOKEN_REUSED",
    /// The link was used, has expired or was withdrawn.
    InvalidLink = "INVALID_LINK",
    /// The outside identity is another user's.
    IdentityTaken = "IDENTITY_TAKEN",
    /// The outside identity is not linked to the existing account.
    IdentityNotLinked = "IDENTITY_NOT_LINKED",
    /// The identity provider's token is refused.
    IdentityRefused = "IDENTITY_REFUSED",
    /// The tenant has this shop already.
    AlreadyConnected = "ALREADY_CONNECTED",
    /// The app was removed from the shop.
    StoreUninstalled = "STORE_UNINSTALLED",
    /// The job is being worked on.
    JobRunning = "JOB_RUNNING",
    /// The job is done, has failed or was called off.
    JobOver = "JOB_OVER",
    /// Another job of this kind with this key waits or runs.
    JobSuperseded = "JOB_SUPERSEDED",
    /// Nothing is sent to such an address; the message says what is wrong with it.
    InvalidUrl = "INVALID_URL",
    /// The tenant has as many as it may; the message says how many.
    LimitReached = "LIMIT_REACHED",
    /// The webhook endpoint is disabled: nothing is sent to it.
    EndpointDisabled = "ENDPOINT_DISABLED",
    /// The operator has not set up this way of reaching people; the message says which settings are missing.
    NotConfigured = "NOT_CONFIGURED",
    /// The notification channel is disabled: nothing is sent through it.
    ChannelDisabled = "CHANNEL_DISABLED",
    /// The settings name the notification channel; the message says where.
    ChannelInUse = "CHANNEL_IN_USE",
    /// The API token that made the webhook endpoint may not read what such events show; the message says which scope it needs.
    ScopeMissing = "SCOPE_MISSING",
    /// The payload was deleted: there is nothing left to work on.
    PayloadDeleted = "PAYLOAD_DELETED",
    /// It still waits to be worked on.
    StillPending = "STILL_PENDING",
    /// Somebody else looks after the alert; the message says who.
    AlreadyAcknowledged = "ALREADY_ACKNOWLEDGED",
    /// The alert is over; the message says who said so.
    AlreadyResolved = "ALREADY_RESOLVED",
    /// The store cannot be synced as it is; the message says why.
    StoreNotReady = "STORE_NOT_READY",
    /// A sync of this kind is under way for the store; the message names it.
    SyncUnderWay = "SYNC_UNDER_WAY",
    /// The sync is over already.
    SyncOver = "SYNC_OVER",
    /// Nothing was synced yet that could be gone on from: a FULL sync comes first.
    NothingSyncedYet = "NOTHING_SYNCED_YET",
    /// A part of what is asked for is kept from the app; the message names the scope that it lacks.
    OutOfReach = "OUT_OF_REACH",
}

/// A refusal that a caller should expect, and can mend.
#[derive(Clone, Debug, SimpleObject)]
pub struct UserError {
    /// Why, for programs.
    code: UserErrorCode,
    /// The path of the argument that is to blame.
    field: Option<Vec<String>>,
    /// Why, for people.
    message: String,
}

impl UserError {
    /// Why, for people.
    pub fn into_message(self) -> String {
        self.message
    }
}

/// Errors of rooms that may be a caller's to mend.
pub trait Expected: Sized {
    /// The refusal as data; or, what is not the caller's to mend, a top-level error.
    fn expected(self) -> Result<UserError>;
}

fn data(code: &str, field: Option<&str>, message: String) -> Result<UserError> {
    let code = UserErrorCode::of(code).ok_or_else(|| internal(format_args!("the refusal {code} has no code in the schema")))?;
    Ok(UserError {
        code,
        field: field.map(|field| if field == "idempotencyKey" { vec![field.to_owned()] } else { vec!["input".to_owned(), field.to_owned()] }),
        message,
    })
}

fn idempotency(error: IdempotencyError) -> Error {
    match error {
        IdempotencyError::Conflict => refusal(Code::Conflict, error.to_string()),
        IdempotencyError::Malformed => refusal(Code::BadUserInput, error.to_string()),
        IdempotencyError::Storage(error) => error.into_graphql(),
    }
}

impl Expected for TenantError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Idempotency(error) => Err(idempotency(error)),
            Self::Key(error) => Err(internal(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound | Self::Invalid(_) | Self::Transition(_) | Self::Deleted => data(code, field, message),
        }
    }
}

impl Expected for UsersError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_)
            | Self::TenantRequired
            | Self::Invalid(_)
            | Self::AlreadyMember
            | Self::LastAdmin
            | Self::OwnAccount
            | Self::SharedUser
            | Self::NotActive => data(code, field, message),
        }
    }
}

impl Expected for ApiTokenError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_) | Self::TenantRequired | Self::TooMany(_) | Self::Invalid(_) => data(code, field, message),
        }
    }
}

impl Expected for SignInError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Storage(error) => Err(error.into_graphql()),
            Self::Hashing => Err(internal("a password could not be hashed")),
            Self::InvalidCredentials
            | Self::TooManyAttempts { .. }
            | Self::InvalidRefreshToken
            | Self::RefreshTokenReused
            | Self::InvalidLink
            | Self::IdentityTaken
            | Self::IdentityNotLinked
            | Self::Outside(_)
            | Self::Invalid(_) => data(code, field, message),
        }
    }
}

impl Expected for StoreError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Idempotency(error) => Err(idempotency(error)),
            Self::Key(error) => Err(internal(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_) | Self::TenantRequired | Self::Invalid(_) | Self::AlreadyConnected(_) | Self::Uninstalled => data(code, field, message),
        }
    }
}

impl Expected for InstallError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Key(error) => Err(internal(error)),
            Self::Shop(error) => Err(internal(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_) | Self::Invalid(_) | Self::Uninstalled | Self::NotConfigured(_) => data(code, field, message),
            // What befalls browsers at the doors of installations befalls no mutation.
            error => Err(internal(error)),
        }
    }
}

impl Expected for SyncError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Idempotency(error) => Err(idempotency(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_) | Self::Invalid(_) | Self::StoreNotReady(_) | Self::UnderWay(_) | Self::NothingYet | Self::OutOfReach(_) | Self::Over => {
                data(code, field, message)
            }
        }
    }
}

impl Expected for AuditError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound | Self::NotAPerson(_) | Self::Oneself => data(code, field, message),
        }
    }
}

impl Expected for JobRefused {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound | Self::Running | Self::Over(_) | Self::Superseded => data(code, field, message),
        }
    }
}

impl Expected for WebhookError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Key(error) => Err(internal(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_) | Self::TenantRequired | Self::Invalid(_) | Self::Url(_) | Self::TooMany | Self::EndpointDisabled | Self::ScopeMissing(_) => {
                data(code, field, message)
            }
        }
    }
}

impl Expected for NotificationError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Key(error) => Err(internal(error)),
            Self::Seal(error) => Err(internal(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_)
            | Self::NoSuchChannel(_)
            | Self::Invalid(_)
            | Self::Url(_)
            | Self::NotConfigured(_)
            | Self::TooMany
            | Self::TooManyTests
            | Self::ChannelDisabled
            | Self::ChannelInUse(_) => data(code, field, message),
        }
    }
}

impl Expected for ConnectionError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Idempotency(error) => Err(idempotency(error)),
            Self::Key(error) => Err(internal(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_) | Self::TenantRequired | Self::Invalid(_) => data(code, field, message),
        }
    }
}

impl Expected for WebhookEventError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound | Self::PayloadDeleted | Self::StillPending => data(code, field, message),
        }
    }
}

impl Expected for PrivacyError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Key(error) => Err(internal(error)),
            Self::Unreadable(error) => Err(internal(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound | Self::StillPending | Self::NotAllowed(_) | Self::BundleDeleted => data(code, field, message),
        }
    }
}

impl Expected for AlertError {
    fn expected(self) -> Result<UserError> {
        let (code, field, message) = (self.code(), self.field(), self.to_string());
        match self {
            Self::Denied(denied) => Err(denied.into_graphql()),
            Self::Idempotency(error) => Err(idempotency(error)),
            Self::Storage(error) => Err(error.into_graphql()),
            Self::NotFound(_) | Self::Invalid(_) | Self::AlreadyAcknowledged(_) | Self::AlreadyResolved(_) | Self::TooMany => data(code, field, message),
        }
    }
}

/// Declares what a mutation answers.
macro_rules! payload {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $field_doc:literal])* $field:ident: $type:ty,)* })*) => {$(
        $(#[doc = $doc])*
        #[derive(Default, async_graphql::SimpleObject)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub(in crate::graphql) $field: Option<$type>,)*
            /// Why nothing was done; empty when it was.
            pub(in crate::graphql) user_errors: Vec<$crate::graphql::payload::UserError>,
        }

        impl $name {
            /// Nothing was done.
            pub(in crate::graphql) fn refused(error: impl $crate::graphql::payload::Expected) -> async_graphql::Result<Self> {
                Ok(Self { user_errors: vec![error.expected()?], ..Self::default() })
            }
        }
    )*};
}
pub(crate) use payload;
