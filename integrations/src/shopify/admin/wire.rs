//! The answers of the API, as far as they are read.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

macro_rules! answers {
    ($($name:ident { $($(#[$attribute:meta])? $field:ident: $type:ty,)* })*) => {$(
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name { $($(#[$attribute])? pub(super) $field: $type,)* }
    )*};
}

answers! {
    ShopAnswer { shop: Shop, }
    Shop { name: String, myshopify_domain: String, currency_code: String, iana_timezone: String, plan: Option<Plan>, }
    Plan { public_display_name: String, }
    Installation { current_app_installation: AppInstallation, }
    AppInstallation { access_scopes: Vec<Scope>, }
    Scope { handle: String, }
    Subscriptions { webhook_subscriptions: Nodes<Subscription>, }
    Subscription {
        id: String,
        topic: String,
        uri: String,
        format: String,
        filter: Option<String>,
        include_fields: Vec<String>,
    }
    Subscribed { webhook_subscription_create: UserErrors, }
    Uninstalled { app_uninstall: UserErrors, }
    UserErrors { user_errors: Vec<UserError>, }
    UserError {
        #[serde(default)]
        code: Option<String>,
        message: String,
    }
    BulkStarted { bulk_operation_run_query: BulkPayload, }
    BulkCancelled { bulk_operation_cancel: BulkPayload, }
    BulkPayload { bulk_operation: Option<BulkOperation>, user_errors: Vec<UserError>, }
    BulkFound { bulk_operation: Option<BulkOperation>, }
    BulkList { bulk_operations: Plain<BulkOperation>, }
    BulkOperation {
        id: String,
        status: String,
        error_code: Option<String>,
        created_at: DateTime<Utc>,
        completed_at: Option<DateTime<Utc>>,
        #[serde(deserialize_with = "unsigned")]
        object_count: u64,
        #[serde(deserialize_with = "unsigned")]
        root_object_count: u64,
        #[serde(default, deserialize_with = "optional_unsigned")]
        file_size: Option<u64>,
        url: Option<String>,
        partial_data_url: Option<String>,
        query: String,
    }
    Count { count: u64, precision: String, }
    IdNode { id: String, updated_at: DateTime<Utc>, }
    Deletions { events: Nodes<Event>, }
    Event {
        action: String,
        created_at: DateTime<Utc>,
        #[serde(default)]
        subject_id: Option<String>,
        #[serde(default)]
        subject_type: Option<String>,
    }
    PageInfo { has_next_page: bool, end_cursor: Option<String>, }
    Parent {
        id: String,
        #[serde(default)]
        updated_at: Option<DateTime<Utc>>,
        #[serde(default)]
        closed: bool,
        #[serde(default)]
        status: Option<String>,
        #[serde(default, alias = "lineItems", alias = "variants")]
        children: Option<Nodes<Box<RawValue>>>,
    }
}

/// A connection, and what comes after it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Nodes<T> {
    pub(super) nodes: Vec<T>,
    pub(super) page_info: PageInfo,
}

/// A connection whose first page is enough.
#[derive(Deserialize)]
pub(super) struct Plain<T> {
    pub(super) nodes: Vec<T>,
}

impl PageInfo {
    /// After what the next page begins.
    pub(super) fn next(self) -> Option<String> {
        self.end_cursor.filter(|_| self.has_next_page)
    }
}

/// `UnsignedInt64` is text at the wire; a number is taken too.
fn unsigned<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    optional_unsigned(input)?.ok_or_else(|| serde::de::Error::custom("a count is missing"))
}

fn optional_unsigned<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    match Option::<Written>::deserialize(input)? {
        None => Ok(None),
        Some(Written::Number(number)) => Ok(Some(number)),
        Some(Written::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}
