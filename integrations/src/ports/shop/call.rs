//! A call to a shop: with what it is made, and at what it fails.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::{Cost, Pace};
use crate::outgoing::Broken;

/// An app of a provider, as its owner registered it.
#[derive(Clone, Debug)]
pub struct App {
    /// Its public name.
    pub client_id: String,
    /// Its secrets, the current one first; more than one while a rotation lasts.
    pub secrets: Vec<SecretString>,
    /// What it asks merchants for.
    pub scopes: Vec<String>,
}

/// What opens a shop.
#[derive(Clone)]
pub struct ShopAccess {
    /// The shop's domain, in the one spelling that is stored.
    pub shop: String,
    /// The access token.
    pub token: SecretString,
    /// The version of the API that is asked for.
    pub api_version: String,
    /// The shop's budget, one for all who call this shop for this app.
    pub pace: Arc<Pace>,
    /// Who is told of every call.
    pub log: Arc<dyn CallLog>,
}

/// Is told of every call, whatever became of it.
pub trait CallLog: Send + Sync {
    /// A call is over.
    fn called(&self, call: &CallRecord<'_>);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLog;

impl CallLog for NoLog {
    fn called(&self, _call: &CallRecord<'_>) {}
}

/// A call, done with.
#[derive(Clone, Copy, Debug)]
pub struct CallRecord<'a> {
    /// What was asked.
    pub operation: &'static str,
    /// How long it took, without the wait for its turn.
    pub duration: Duration,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What it cost, if the answer says so.
    pub cost: Option<&'a Cost>,
    /// The version of the API that answered: another one than was asked for when that one is no longer kept.
    pub api_version: Option<&'a str>,
    /// By what the provider finds the call again.
    pub request_id: Option<&'a str>,
    /// What went wrong, if anything.
    pub problem: Option<&'a Problem>,
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {problem}")]
pub struct CallError {
    /// What was asked.
    pub operation: &'static str,
    /// What went wrong.
    pub problem: Problem,
}

/// At what a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The budget is used up, by others who share it.
    #[error("the shop's budget of calls is used up")]
    Throttled {
        /// When to come back, if the answer says so.
        after: Option<Duration>,
    },
    /// More than the provider grants in one call: ask for less.
    #[error("this asks for more than one call may: {0}")]
    TooCostly(String),
    /// The token is void: expired, or the app was removed.
    #[error("the access token is void")]
    Unauthorized,
    /// The merchant has not granted what this needs.
    #[error("a scope is missing: {0}")]
    MissingScope(String),
    /// The shop is frozen, locked or gone.
    #[error("the shop is closed to the app (status {status}): {why}")]
    ShopClosed {
        /// The HTTP status.
        status: u16,
        /// What the shop says.
        why: String,
    },
    /// As many of these are under way as the provider allows.
    #[error("as many as may be are under way: {0}")]
    Busy(String),
    /// The shop does not do it, however often it is asked.
    #[error("refused: {0}")]
    Refused(String),
    /// The other side has trouble of its own.
    #[error("{why}")]
    Failed {
        /// What it says.
        why: String,
        /// When to come back, if the answer says so.
        after: Option<Duration>,
    },
    /// It was sent, and nobody can tell what became of it: no answer in time, a cut one, or one that says nothing.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// It never arrived.
    #[error("{0}")]
    Unreachable(String),
}

impl Problem {
    /// The word in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "THROTTLED",
            Self::TooCostly(_) => "TOO_COSTLY",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::MissingScope(_) => "MISSING_SCOPE",
            Self::ShopClosed { .. } => "SHOP_CLOSED",
            Self::Busy(_) => "BUSY",
            Self::Refused(_) => "REFUSED",
            Self::Failed { .. } => "FAILED",
            Self::Unknown(_) => "UNKNOWN",
            Self::Unreachable(_) => "UNREACHABLE",
        }
    }

    /// Whether the other side may have done what it was asked.
    pub const fn may_have_acted(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Unknown(_))
    }

    /// Whether it is worth asking again later.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Busy(_) | Self::Failed { .. } | Self::Unknown(_) | Self::Unreachable(_))
    }
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Refused(problem) => Self::Refused(problem.to_string()),
            Broken::Unreachable(why) => Self::Unreachable(why),
            Broken::Lost(why) => Self::Unknown(why),
        }
    }
}
