//! Text messages by Twilio's Messages API: a form, basic auth, numbers in the form of E.164. There is no idempotency key: what may
//! have arrived is told as unknown, and never sent again from here.

mod segments;

use std::fmt::Write;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use entities::NotificationChannelKind;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::outgoing::{Outcome, Outgoing, OutgoingError, OutgoingSettings};
use crate::ports::notification::{Destination, IdempotencyKey, Message, MessageChannel, Receipt, SendError};

/// Segments of one message at most: each is paid for.
const SEGMENTS: usize = 3;

/// How to reach Twilio.
#[derive(Clone, Debug)]
pub struct TwilioSettings {
    /// The account, `AC…`.
    pub account_sid: String,
    /// Its password.
    pub auth_token: SecretString,
    /// The number that messages come from, a sender's name, or a messaging service (`MG…`).
    pub from: String,
    /// Where the API is.
    pub base_url: Url,
    /// How long a call may take in all.
    pub timeout: Duration,
}

/// Twilio.
pub struct Twilio {
    dialler: Outgoing,
    settings: TwilioSettings,
}

#[derive(Deserialize)]
struct Created {
    sid: String,
}

#[derive(Deserialize)]
struct Problem {
    code: i64,
    message: String,
}

impl Twilio {
    /// Twilio, with the operator's account. Its address is the operator's own, so any network may be dialled.
    pub fn new(settings: TwilioSettings) -> Result<Self, OutgoingError> {
        let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
        let dialler = Outgoing::new(OutgoingSettings { allowed_networks: everywhere, timeout: settings.timeout, ..OutgoingSettings::default() })?;
        Ok(Self { dialler, settings })
    }

    fn url(&self) -> Result<Url, SendError> {
        let base = self.settings.base_url.as_str().trim_end_matches('/');
        let address = format!("{base}/2010-04-01/Accounts/{}/Messages.json", self.settings.account_sid);
        Url::parse(&address).map_err(|error| SendError::Refused(format!("the address of the API is wrong: {error}")))
    }

    fn form(&self, number: &str, text: &str) -> String {
        let from = if self.settings.from.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("To", number)
            .append_pair(from, &self.settings.from)
            .append_pair("Body", &segments::fit(text, SEGMENTS))
            .finish()
    }
}

#[async_trait]
impl MessageChannel for Twilio {
    fn kind(&self) -> NotificationChannelKind {
        NotificationChannelKind::Sms
    }

    async fn send(&self, to: &Destination, message: &Message, _key: &IdempotencyKey) -> Result<Receipt, SendError> {
        let Destination::Phone(number) = to else { return Err(SendError::Refused("this is not a telephone number".to_owned())) };
        let mut text = message.short.clone();
        if let Some((_, url)) = &message.link
            && segments::count(&format!("{text} {url}")) <= SEGMENTS
        {
            let _ = write!(text, " {url}");
        }
        let credentials = STANDARD.encode(format!("{}:{}", self.settings.account_sid, self.settings.auth_token.expose_secret()));
        let headers = [
            ("authorization", format!("Basic {credentials}")),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        let (sent, answer) = self.dialler.call(&self.url()?, &headers, Bytes::from(self.form(number, &text))).await;
        match sent.outcome {
            Outcome::Answered { status: 200..=299, .. } => {
                Ok(Receipt { provider_id: serde_json::from_slice::<Created>(&answer).ok().map(|created| created.sid), ..Receipt::default() })
            }
            // These alone say that the message was not taken.
            Outcome::Answered { status: status @ (425 | 429 | 503), retry_after, .. } => {
                Err(SendError::Later { why: told(status, &answer), after: retry_after })
            }
            // It may have been taken before the trouble began.
            Outcome::Answered { status: status @ (408 | 500..=599), .. } => Err(SendError::Unknown(told(status, &answer))),
            Outcome::Answered { status, .. } => Err(SendError::Refused(told(status, &answer))),
            Outcome::Refused(problem) => Err(SendError::Refused(problem.to_string())),
            Outcome::Failed { kind, message } if kind.may_have_arrived() => Err(SendError::Unknown(message)),
            Outcome::Failed { message, .. } => Err(SendError::later(message)),
        }
    }
}

/// What Twilio says of what is wrong.
fn told(status: u16, answer: &[u8]) -> String {
    match serde_json::from_slice::<Problem>(answer) {
        Ok(problem) => format!("Twilio answered {status}: {} (error {})", crate::outgoing::clean(&problem.message, 200), problem.code),
        Err(_) => format!("Twilio answered {status}"),
    }
}
