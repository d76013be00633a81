//! Which providers there are. Adding one is its folder and its lines here.

use std::sync::Arc;

use entities::NotificationChannelKind;

use crate::mail::{Mail, MailError, MailSettings};
use crate::outgoing::{Outgoing, OutgoingError};
use crate::ports::commerce::CommerceProvider;
use crate::ports::delivery::WebhookSource;
use crate::ports::notification::MessageChannel;
use crate::ports::shop::{ClaimedSession, ShopSystem};
use crate::shopify::{Shopify, ShopifyApp, ShopifySettings};
use crate::slack::Slack;
use crate::twilio::{Twilio, TwilioSettings};

/// The providers of commerce.
pub static COMMERCE: &[&dyn CommerceProvider] = &[&Shopify];

/// The provider of commerce with this key (`stores.provider`).
pub fn commerce(key: &str) -> Option<&'static dyn CommerceProvider> {
    COMMERCE.iter().copied().find(|provider| provider.key() == key)
}

/// The provider with this key, of whatever kind, as a sender of webhooks.
pub fn webhooks(key: &str) -> Option<&'static dyn WebhookSource> {
    commerce(key).map(|provider| provider as &dyn WebhookSource)
}

/// The keys of those that send webhooks.
pub fn webhook_keys() -> impl Iterator<Item = &'static str> {
    COMMERCE.iter().map(|provider| provider.key())
}

/// How shop systems are reached, as the operator has set it up.
#[derive(Clone, Debug, Default)]
pub struct ShopSystemSettings {
    /// Shopify's shops.
    pub shopify: ShopifySettings,
}

/// What apps speak to in shops. Cheap to clone.
#[derive(Clone)]
pub struct ShopSystems(Arc<[Arc<dyn ShopSystem>]>);

impl ShopSystems {
    /// All that there are; a new one has its line here.
    pub fn new(settings: ShopSystemSettings) -> Result<Self, OutgoingError> {
        let all: Vec<Arc<dyn ShopSystem>> = vec![Arc::new(ShopifyApp::new(settings.shopify)?)];
        Ok(Self(all.into()))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &dyn ShopSystem> {
        self.0.iter().map(|system| &**system)
    }

    /// The shops of the provider with this key (`stores.provider`).
    pub fn of(&self, key: &str) -> Option<Arc<dyn ShopSystem>> {
        self.0.iter().find(|system| system.key() == key).cloned()
    }

    /// Whose token of an open app a bearer says that it is, if it could be one.
    pub fn claimed_session(&self, token: &str) -> Option<(Arc<dyn ShopSystem>, ClaimedSession)> {
        self.0.iter().find_map(|system| Some((system.clone(), system.claimed_session(token)?)))
    }
}

/// By whom people can be reached, as the operator has set it up.
#[derive(Clone, Debug, Default)]
pub struct MessengerSettings {
    /// The mail server.
    pub mail: Option<MailSettings>,
    /// The account for text messages.
    pub twilio: Option<TwilioSettings>,
}

/// Why people cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum MessengerError {
    /// Mail cannot be prepared.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Calls cannot be prepared.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
}

/// By whom people can be reached. Cheap to clone.
#[derive(Clone)]
pub struct Messengers(Arc<[Arc<dyn MessageChannel>]>);

impl Messengers {
    /// All that are set up; a new one has its line here.
    pub fn new(settings: MessengerSettings, outgoing: Outgoing) -> Result<Self, MessengerError> {
        let mut all: Vec<Arc<dyn MessageChannel>> = vec![Arc::new(Slack::new(outgoing))];
        if let Some(mail) = settings.mail {
            all.push(Arc::new(Mail::new(mail)?));
        }
        if let Some(twilio) = settings.twilio {
            all.push(Arc::new(Twilio::new(twilio)?));
        }
        Ok(Self(all.into()))
    }

    /// Who reaches people in this way; none when nobody is set up for it.
    pub fn of(&self, kind: NotificationChannelKind) -> Option<Arc<dyn MessageChannel>> {
        self.0.iter().find(|messenger| messenger.kind() == kind).cloned()
    }
}
