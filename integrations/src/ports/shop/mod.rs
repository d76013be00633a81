//! A shop system as the app's side sees it: how merchants install the app, what is asked of a shop, how its data is fetched. Providers
//! keep their wire types; what they meet on the way is told in these words.

mod budget;
mod call;
mod install;
mod pace;
mod reader;
mod source;

pub use budget::{Begun, Budget, Cost, Told, Wait};
pub use call::{App, CallError, CallLog, CallRecord, NoLog, Problem, ShopAccess};
pub use install::{Callback, CallbackError, ClaimedSession, SessionError, ShopInstaller, ShopSession, TokenError, Tokens};
pub use pace::{Pace, Turn};
pub use reader::{DownloadReader, Fetched};
pub use source::{
    Counted, DataKind, Deleted, DeletionPage, Download, DownloadError, Export, ExportAsk, ExportStatus, IdPage, Instants, Page, PageAsk, Range, Reach,
    ShopSource, Unfinished,
};

use async_trait::async_trait;
use chrono::NaiveDate;
use url::Url;

/// A shop, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopFacts {
    /// Its domain, in the one spelling that is stored.
    pub domain: String,
    /// Its name.
    pub name: String,
    /// The currency that it sells in, as an ISO 4217 code.
    pub currency: String,
    /// Its time zone, as IANA names it.
    pub time_zone: String,
    /// Its plan with the provider.
    pub plan: Option<String>,
}

/// What became of the registration of webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookRegistration {
    /// Topics that were as they should be.
    pub kept: Vec<String>,
    /// Topics that were subscribed to now.
    pub created: Vec<String>,
    /// Topics whose subscription led to another place of the same host, or did so twice, and was taken away.
    pub removed: Vec<String>,
    /// Topics that the shop refuses, and what it says.
    pub refused: Vec<(String, String)>,
}

/// What the app asks of a shop, beside its data.
#[async_trait]
pub trait ShopAdmin: Send + Sync {
    /// The light call: whether the shop answers, and who it is.
    async fn shop(&self, access: &ShopAccess) -> Result<ShopFacts, CallError>;

    /// The scopes that the merchant has granted.
    async fn granted_scopes(&self, access: &ShopAccess) -> Result<Vec<String>, CallError>;

    /// Sees to it that the shop delivers every topic that the program reads to `callback`, each once. Run again it changes nothing.
    async fn register_webhooks(&self, access: &ShopAccess, callback: &Url) -> Result<WebhookRegistration, CallError>;

    /// Removes the app from the shop; the tokens are void then.
    async fn uninstall(&self, access: &ShopAccess) -> Result<(), CallError>;

    /// Which of the scopes that are asked for a grant lacks; what implies another counts as that other too.
    fn missing_scopes(&self, asked: &[String], granted: &[String]) -> Vec<String>;
}

/// Everything that there is to do with a shop of one provider.
pub trait ShopSystem: ShopInstaller + ShopAdmin + ShopSource {
    /// The provider's name in the database (`stores.provider`).
    fn key(&self) -> &'static str;

    /// The version of its API that the program speaks, unless an app says otherwise: letters, digits and `-`, 20 at most.
    fn api_version(&self) -> &'static str;

    /// The day until which the provider keeps a version of its API at least; none when that is not known of it.
    fn kept_until(&self, version: &str) -> Option<NaiveDate>;
}
