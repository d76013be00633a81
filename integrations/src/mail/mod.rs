//! Mail by SMTP: over TLS from the first byte, by STARTTLS, or in the open to this very machine. The conversation is held step by
//! step, so that it is known at which step it broke: until the last full stop nothing was sent.

mod compose;

use std::time::Duration;

use async_trait::async_trait;
use entities::NotificationChannelKind;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

use crate::outgoing::clean;
use crate::ports::notification::{Destination, IdempotencyKey, Message, MessageChannel, Receipt, SendError};

/// The longest reason that is kept, in characters.
const REASON: usize = 300;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS after a greeting in the open; without it nothing is said.
    StartTls,
    /// None: to this very machine.
    Plain,
}

/// How to reach the mail server.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// The name and the password to sign in with.
    pub credentials: Option<(String, SecretString)>,
    /// Whom mails come from: an address, or `Name <address>`.
    pub from: String,
    /// A certificate in PEM that is trusted besides those that the machine trusts.
    pub trusted: Option<Vec<u8>>,
    /// How long sending may take in all.
    pub timeout: Duration,
}

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Not an address that mails can come from.
    #[error("`{0}` is not an address that mails can come from")]
    From(String),
    /// Certificates cannot be used.
    #[error("cannot prepare mail: {0}")]
    Tls(#[from] Error),
}

/// A mail server.
pub struct Mail {
    settings: MailSettings,
    from: lettre::message::Mailbox,
    tls: Option<TlsParameters>,
    hello: ClientId,
}

/// How far the conversation has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing of the message was said.
    Before,
    /// The message was sent, or a part of it.
    Sent,
}

impl Mail {
    /// A mail server, and whom mails come from.
    pub fn new(settings: MailSettings) -> Result<Self, MailError> {
        let from: lettre::message::Mailbox = settings.from.parse().map_err(|_| MailError::From(settings.from.clone()))?;
        let tls = match settings.security {
            SmtpSecurity::Plain => None,
            SmtpSecurity::Tls | SmtpSecurity::StartTls => {
                let builder = TlsParameters::builder(settings.host.clone());
                let builder = match &settings.trusted {
                    Some(pem) => builder.add_root_certificate(Certificate::from_pem(pem)?),
                    None => builder,
                };
                Some(builder.build()?)
            }
        };
        let hello = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { settings, from, tls, hello })
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let from_the_start = self.tls.clone().filter(|_| self.settings.security == SmtpSecurity::Tls);
        let server = (self.settings.host.as_str(), self.settings.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(self.settings.timeout), &self.hello, from_the_start, None).await?;
        if let (SmtpSecurity::StartTls, Some(tls)) = (self.settings.security, self.tls.clone()) {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some((name, password)) = &self.settings.credentials {
            let credentials = Credentials::new(name.clone(), password.expose_secret().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    async fn hand_over(&self, addresses: &[String], message: &Message, key: &IdempotencyKey, step: &mut Step) -> Result<Receipt, SendError> {
        let (mut receipt, mut to) = (Receipt::default(), Vec::new());
        for address in addresses {
            match address.parse::<Address>() {
                Ok(parsed) => to.push((address, parsed)),
                Err(error) => receipt.refused.push((address.clone(), error.to_string())),
            }
        }
        let mut connection = self.connect().await.map_err(|error| before(&error))?;
        let utf8 = connection.server_info().supports_feature(Extension::SmtpUtfEight);
        let parameters = if utf8 && to.iter().any(|(_, address)| !<Address as AsRef<str>>::as_ref(address).is_ascii()) {
            vec![MailParameter::SmtpUtfEight]
        } else {
            Vec::new()
        };
        connection.command(MailFrom::new(Some(self.from.email.clone()), parameters)).await.map_err(|error| before(&error))?;
        let mut taken = Vec::new();
        for (address, parsed) in to {
            if !utf8 && !address.is_ascii() {
                receipt.refused.push((address.clone(), "the mail server takes ASCII addresses alone".to_owned()));
                continue;
            }
            match connection.command(Rcpt::new(parsed.clone(), Vec::new())).await {
                Ok(_) => taken.push(parsed),
                Err(error) if error.is_permanent() => receipt.refused.push((address.clone(), reason(&error))),
                Err(error) if error.is_transient() => receipt.later.push((address.clone(), reason(&error))),
                Err(error) => return Err(before(&error)),
            }
        }
        if taken.is_empty() {
            connection.abort().await;
            return Err(nobody(&receipt));
        }
        let mail = compose::mail(&self.from, taken, message, key).map_err(|error| SendError::Refused(format!("the mail cannot be written: {error}")))?;
        connection.command(Data).await.map_err(|error| before(&error))?;
        *step = Step::Sent;
        let answer = connection.message(&mail).await.map_err(|error| match error.is_permanent() || error.is_transient() {
            true => before(&error),
            false => SendError::Unknown(reason(&error)),
        })?;
        receipt.provider_id = answer.first_line().map(|line| clean(line, 200));
        // It is taken, whatever becomes of the goodbye.
        let _ = tokio::time::timeout(Duration::from_secs(1), connection.quit()).await;
        Ok(receipt)
    }
}

/// Nobody was accepted.
fn nobody(receipt: &Receipt) -> SendError {
    let all = receipt.later.iter().chain(&receipt.refused).map(|(address, why)| format!("{address}: {why}")).collect::<Vec<_>>().join("; ");
    if receipt.later.is_empty() { SendError::Refused(clean(&all, REASON)) } else { SendError::later(clean(&all, REASON)) }
}

/// What broke before the message was sent, or was answered with a refusal: only the server's own word is for good.
fn before(error: &Error) -> SendError {
    let why = reason(error);
    if error.is_permanent() { SendError::Refused(why) } else { SendError::later(why) }
}

fn reason(error: &Error) -> String {
    clean(&format!("the mail server: {error}"), REASON)
}

#[async_trait]
impl MessageChannel for Mail {
    fn kind(&self) -> NotificationChannelKind {
        NotificationChannelKind::Email
    }

    async fn send(&self, to: &Destination, message: &Message, key: &IdempotencyKey) -> Result<Receipt, SendError> {
        let Destination::Emails(addresses) = to else { return Err(SendError::Refused("this is not a list of mail addresses".to_owned())) };
        let mut step = Step::Before;
        let sent = timeout_at(Instant::now() + self.settings.timeout, self.hand_over(addresses, message, key, &mut step)).await;
        match (sent, step) {
            (Ok(sent), _) => sent,
            (Err(_), Step::Before) => Err(SendError::later("the mail server did not answer in time")),
            (Err(_), Step::Sent) => Err(SendError::Unknown("the mail server did not say in time whether it took the mail".to_owned())),
        }
    }
}
