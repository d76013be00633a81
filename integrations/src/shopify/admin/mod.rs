//! The Admin GraphQL API: one document a call, through the guarded dialler, at the shop's pace; whatever can befall a call has its word.

mod answer;
mod calls;
mod documents;
mod download;
mod search;
mod source;
mod version;
mod wire;

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, DurationRound, NaiveDate, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::outgoing::{Outgoing, OutgoingError, OutgoingSettings, Request};
use crate::ports::shop::{CallError, CallRecord, Problem, ShopAccess, ShopSystem, Told};
use answer::Answered;
use documents::Document;
use version::kept_until;

/// The version of the API that the documents are written in.
pub const API_VERSION: &str = "2026-10";
/// The largest answer taken.
const MOST_BYTES: usize = 32 << 20;
/// How often a call that the throttle has not let in is made again.
const THROTTLED_TRIES: u32 = 3;
/// Before it is, at least, times the number of those that failed.
const THROTTLED_PAUSE: Duration = Duration::from_millis(200);

/// Where shops are, and how long to wait for them.
#[derive(Clone, Debug)]
pub struct ShopifySettings {
    /// The address of a shop, in which `{shop}` stands for its domain. Another one than Shopify's own is the operator's: any network may
    /// be dialled then, for shops and for the files of exports.
    pub shop_url: String,
    /// How long a call may take in all, and how long a file may say nothing.
    pub timeout: Duration,
}

impl ShopifySettings {
    /// Where shops are if nobody says otherwise.
    pub const SHOP_URL: &'static str = "https://{shop}";
}

impl Default for ShopifySettings {
    fn default() -> Self {
        Self { shop_url: Self::SHOP_URL.to_owned(), timeout: Duration::from_secs(30) }
    }
}

/// Shopify, as an app speaks to its shops. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ShopifyApp {
    dialler: Outgoing,
    shop_url: String,
}

impl ShopifyApp {
    /// Prepares to call.
    pub fn new(settings: ShopifySettings) -> Result<Self, OutgoingError> {
        let own = settings.shop_url == ShopifySettings::SHOP_URL;
        let networks: &[&str] = if own { &[] } else { &["0.0.0.0/0", "::/0"] };
        let allowed_networks = networks.iter().filter_map(|network| network.parse().ok()).collect();
        let dialler = Outgoing::new(OutgoingSettings { allowed_networks, timeout: settings.timeout, ..OutgoingSettings::default() })?;
        Ok(Self { dialler, shop_url: settings.shop_url })
    }

    pub(super) fn dialler(&self) -> &Outgoing {
        &self.dialler
    }

    /// An address of a shop. Its name has been checked; a template that makes no address of it is the operator's mistake.
    pub(super) fn url(&self, shop: &str, path: &str) -> Result<Url, String> {
        let address = format!("{}{path}", self.shop_url.replace("{shop}", shop).trim_end_matches('/'));
        Url::parse(&address).map_err(|error| format!("`{address}` is not an address: {error}"))
    }

    /// Sends one document, and gives its data. `size` is what makes a call of it dear: how many objects it asks for.
    async fn call<T: DeserializeOwned>(&self, access: &ShopAccess, document: &Document, size: u32, variables: Value) -> Result<T, CallError> {
        Ok(self.dated_call(access, document, size, variables).await?.0)
    }

    /// The same, with when the shop was asked, by its clock.
    async fn dated_call<T: DeserializeOwned>(
        &self,
        access: &ShopAccess,
        document: &Document,
        size: u32,
        variables: Value,
    ) -> Result<(T, Option<DateTime<Utc>>), CallError> {
        let operation = document.name;
        let fails = |problem| CallError { operation, problem };
        super::shop_name(&access.shop).ok_or_else(|| fails(Problem::Refused(format!("`{}` is no shop", access.shop))))?;
        let url = self.url(&access.shop, &format!("/admin/api/{}/graphql.json", access.api_version)).map_err(|why| fails(Problem::Refused(why)))?;
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
            ("x-shopify-access-token", access.token.expose_secret().to_owned()),
        ];
        let body = Bytes::from(json!({ "query": document.text(), "operationName": operation, "variables": variables }).to_string());
        let mut refused = 0;
        loop {
            let turn = access.pace.turn(operation, size).await;
            let request = Request { method: http::Method::POST, url: &url, headers: &headers, body: body.clone(), most_bytes: MOST_BYTES };
            let (outcome, duration) = self.dialler.exchange(request).await;
            let answered = match outcome {
                Ok(whole) => answer::read(whole),
                Err(broken) => Answered::without(broken.into()),
            };
            turn.over(answered.cost.map(|cost| Told { cost, duration }).as_ref());
            access.log.called(&CallRecord {
                operation,
                duration,
                status: answered.status,
                cost: answered.cost.as_ref(),
                api_version: answered.api_version.as_deref(),
                request_id: answered.request_id.as_deref(),
                problem: answered.data.as_ref().err(),
            });
            // What was not let in was not done. The budget knows now that others spend from it, and when there is room again.
            if refused < THROTTLED_TRIES && matches!(answered.data, Err(Problem::Throttled { after: None })) {
                refused += 1;
                tokio::time::sleep(THROTTLED_PAUSE * refused).await;
                continue;
            }
            // Dates are told in whole seconds: what was asked within the one that is told was not asked before it.
            let asked_at =
                answered.answered_at.and_then(|at| at.checked_sub_signed(TimeDelta::from_std(duration).ok()?)?.duration_trunc(TimeDelta::seconds(1)).ok());
            return answered.data.map(|data| (data, asked_at)).map_err(fails);
        }
    }
}

impl ShopSystem for ShopifyApp {
    fn key(&self) -> &'static str {
        super::KEY
    }

    fn api_version(&self) -> &'static str {
        API_VERSION
    }

    fn kept_until(&self, version: &str) -> Option<NaiveDate> {
        kept_until(version)
    }
}
