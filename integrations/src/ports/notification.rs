//! Ways to reach people: what a message says, whom it is for, and what became of sending it. Each provider puts the same message
//! into its own shape; escaping is the provider's.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entities::{AlertSeverity, NotificationChannelKind};
use secrecy::SecretString;
use url::Url;

/// Whom a message is for.
#[derive(Clone, Debug)]
pub enum Destination {
    /// These mail addresses, by one mail.
    Emails(Vec<String>),
    /// Whoever reads where this incoming webhook leads.
    SlackWebhook(SecretString),
    /// Whoever has this telephone number, in the form of E.164.
    Phone(String),
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub link: Option<Url>,
}

/// A message, in plain text: nothing in it is markup of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about, on one line.
    pub subject: String,
    /// The whole of it in one sentence, where there is room for no more.
    pub short: String,
    /// What is known: a label and a value each.
    pub facts: Vec<(String, String)>,
    /// What a digest lists.
    pub items: Vec<Item>,
    /// Where more is to be seen: what the link is called, and where it leads.
    pub link: Option<(String, Url)>,
    /// Why the reader gets it.
    pub footer: String,
    /// The language that it is in, `ja` or `en`.
    pub language: &'static str,
    /// How bad it is.
    pub severity: Option<AlertSeverity>,
    /// When it came to be.
    pub at: DateTime<Utc>,
}

/// By what a provider, or a reader, tells that two messages are one: made from our own row, the same for every attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of a row, from its id.
    pub fn of(id: impl ToString) -> Self {
        Self(id.to_string().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect())
    }

    /// Letters, digits, `_` and `-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The provider has taken it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// What the provider calls it.
    pub provider_id: Option<String>,
    /// Those whom it will never reach, and why, where others have got it.
    pub refused: Vec<(String, String)>,
    /// Those whom it may reach later, and why not now, where others have got it.
    pub later: Vec<(String, String)>,
}

/// Why a message was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It never will be: the address is wrong, or the provider does not want such a thing.
    #[error("{0}")]
    Refused(String),
    /// It was not taken now, and may be later.
    #[error("{why}")]
    Later {
        /// Why not now.
        why: String,
        /// Not before this time, as the provider asks for it.
        after: Option<Duration>,
    },
    /// It was sent, and nobody has said what became of it.
    #[error("{0}")]
    Unknown(String),
}

impl SendError {
    /// It may be taken later; nobody says when.
    pub fn later(why: impl Into<String>) -> Self {
        Self::Later { why: why.into(), after: None }
    }
}

/// A way to reach people.
#[async_trait]
pub trait MessageChannel: Send + Sync {
    /// What kind of way it is.
    fn kind(&self) -> NotificationChannelKind;

    /// Sends a message, once: trying again is the caller's. It comes back within a minute, whatever the other side does.
    async fn send(&self, to: &Destination, message: &Message, key: &IdempotencyKey) -> Result<Receipt, SendError>;
}
