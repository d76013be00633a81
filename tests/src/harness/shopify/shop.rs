//! A shop: what is in it, who may look, and how its throttle stands.

use std::collections::BTreeMap;

use apollo_compiler::response::JsonValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::bulk::{BulkFault, Operation};
use super::cost::Bucket;
use super::webhooks::Happened;

/// The kinds of things in a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Buyers.
    Customer,
    /// Products with their variants.
    Product,
    /// Orders with their lines.
    Order,
}

impl Kind {
    /// As ids name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "Customer",
            Self::Product => "Product",
            Self::Order => "Order",
        }
    }

    /// As topics name it.
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Customer => "customers",
            Self::Product => "products",
            Self::Order => "orders",
        }
    }

    pub(super) const fn scope(self) -> &'static str {
        match self {
            Self::Customer => "read_customers",
            Self::Product => "read_products",
            Self::Order => "read_orders",
        }
    }
}

/// A pair of tokens.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub access: String,
    pub access_until: Option<DateTime<Utc>>,
    pub refresh: Option<String>,
    pub refresh_until: Option<DateTime<Utc>>,
    /// The refresh token that it was got for.
    pub after: Option<String>,
    /// Since when its refresh token has been used.
    pub first_refresh: Option<DateTime<Utc>>,
    pub is_void: bool,
}

pub(super) struct Subscription {
    pub id: String,
    pub topic: String,
    pub uri: String,
}

/// A shop.
pub struct Shop {
    /// Its domain.
    pub domain: String,
    /// Its name.
    pub name: String,
    /// The currency that it sells in.
    pub currency: String,
    /// What the merchant grants to the app; nothing before it is installed.
    pub granted: Vec<String>,
    /// The status that everything is answered with, when the shop is closed.
    pub closed: Option<u16>,
    /// The version that answers, when it is another one than was asked for.
    pub serves_version: Option<String>,
    /// How often a bulk operation is asked after before it has ended.
    pub bulk_patience: u32,
    /// Whether files come packed.
    pub packs_files: bool,
    pub(super) bulk_faults: Vec<BulkFault>,
    pub(super) things: BTreeMap<(Kind, u64), JsonValue>,
    pub(super) events: Vec<JsonValue>,
    pub(super) pairs: Vec<Pair>,
    pub(super) codes: Vec<(String, Vec<String>)>,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) operations: Vec<Operation>,
    pub(super) bucket: Bucket,
    pub(super) happened: Vec<Happened>,
}

/// The same value in the GraphQL library's type.
pub(super) fn graph(value: &Value) -> JsonValue {
    serde_json::from_value(value.clone()).expect("JSON is JSON")
}

fn number(value: &Value) -> u64 {
    value["id"].as_str().and_then(|gid| gid.rsplit('/').next()).and_then(|number| number.parse().ok()).expect("a gid")
}

impl Shop {
    pub(super) fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            name: domain.split('.').next().unwrap_or(domain).to_owned(),
            currency: "USD".to_owned(),
            granted: Vec::new(),
            closed: None,
            serves_version: None,
            bulk_patience: 1,
            packs_files: false,
            bulk_faults: Vec::new(),
            things: BTreeMap::new(),
            events: Vec::new(),
            pairs: Vec::new(),
            codes: Vec::new(),
            subscriptions: Vec::new(),
            operations: Vec::new(),
            bucket: Bucket::new(2_000, 100),
            happened: Vec::new(),
        }
    }

    /// How large the bucket of its throttle is, and how fast it fills.
    pub fn throttle(&mut self, maximum: u64, restore_rate: u64) {
        self.bucket = Bucket::new(maximum, restore_rate);
    }

    /// Somebody else spends from the same bucket.
    pub fn others_spend(&mut self, points: u64) {
        self.bucket.take(points);
    }

    /// Puts something into the shop, or changes what is there. Its children are lists of their own inside of it.
    pub fn put(&mut self, kind: Kind, thing: &Value) {
        let known = self.things.insert((kind, number(thing)), graph(thing));
        if kind == Kind::Customer {
            self.show_in_orders(thing);
        }
        let verb = match (known, kind) {
            (None, _) => "create",
            (Some(_), Kind::Order) => "updated",
            (Some(_), _) => "update",
        };
        self.happened.push(Happened::changed(kind, verb, thing));
    }

    /// Orders show their customers as they are now.
    fn show_in_orders(&mut self, customer: &Value) {
        for (id, mut order) in self.things(Kind::Order) {
            if order["customer"]["id"] == customer["id"] {
                for name in ["firstName", "lastName", "defaultEmailAddress"] {
                    order["customer"][name] = customer[name].clone();
                }
                self.things.insert((Kind::Order, id), graph(&order));
            }
        }
    }

    /// Gives money of an order back, in cents: that is told, and that the order is another one.
    pub fn refund(&mut self, order: u64, refund: u64, cents: u64, at: DateTime<Utc>) {
        let mut refunded = self.things(Kind::Order)[&order].clone();
        refunded["displayFinancialStatus"] = json!("PARTIALLY_REFUNDED");
        refunded["updatedAt"] = json!(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        self.happened.push(Happened::refunded(order, refund, cents, &self.currency, at));
        self.put(Kind::Order, &refunded);
    }

    /// Takes something out of the shop. Its log tells of products alone.
    pub fn delete(&mut self, kind: Kind, id: u64, at: DateTime<Utc>) {
        self.things.remove(&(kind, id)).expect("it was there");
        if kind == Kind::Product {
            self.events.push(graph(&json!({
                "id": format!("gid://shopify/BasicEvent/{}", self.events.len() + 1),
                "action": "destroy",
                "createdAt": at.to_rfc3339(),
                "subjectId": format!("gid://shopify/Product/{id}"),
                "subjectType": "PRODUCT",
            })));
        }
        self.happened.push(Happened::deleted(kind, id, at));
    }

    /// What is in the shop, by the numbers of the ids.
    pub fn things(&self, kind: Kind) -> BTreeMap<u64, Value> {
        let of_kind = self.things.iter().filter(|((known, _), _)| *known == kind);
        of_kind.map(|((_, id), thing)| (*id, serde_json::to_value(thing).expect("JSON is JSON"))).collect()
    }

    /// How many there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.things.keys().filter(|(known, _)| *known == kind).count()
    }

    /// The topics that the app has subscribed to, each with where its deliveries go.
    pub fn subscribed(&self) -> Vec<(String, String)> {
        self.subscriptions.iter().map(|subscription| (subscription.topic.clone(), subscription.uri.clone())).collect()
    }

    /// Somebody made a subscription by hand.
    pub fn subscribe(&mut self, topic: &str, uri: &str) {
        let id = format!("gid://shopify/WebhookSubscription/{}", 700 + self.subscriptions.len());
        self.subscriptions.push(Subscription { id, topic: topic.to_owned(), uri: uri.to_owned() });
    }

    /// After too many failed deliveries the app's subscriptions are gone.
    pub fn unsubscribe(&mut self) {
        self.subscriptions.clear();
    }

    /// What happens to bulk operations that are begun from now on, one after the other.
    pub fn bulk_then(&mut self, faults: impl IntoIterator<Item = BulkFault>) {
        self.bulk_faults.extend(faults);
    }

    /// Bulk operations that are begun from now on are as they should be.
    pub fn forget_bulk_faults(&mut self) {
        self.bulk_faults.clear();
    }

    /// The bulk operations so far.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Whether a token opens the shop. Its use retires the refresh token that it was got for.
    pub(super) fn opens(&mut self, access: &str, now: DateTime<Utc>) -> bool {
        let Some(at) = self.pairs.iter().position(|pair| pair.access == access && !pair.is_void && pair.access_until.is_none_or(|until| now < until)) else {
            return false;
        };
        self.replaces(at);
        true
    }

    /// The pair is in use: what it replaces is over.
    pub(super) fn replaces(&mut self, at: usize) {
        let after = self.pairs[at].after.clone();
        for (other, pair) in self.pairs.iter_mut().enumerate() {
            if other != at && after.is_some() && (pair.refresh == after || pair.after == after) {
                pair.is_void = true;
            }
        }
    }

    /// How many pairs of tokens were given out so far.
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Access tokens open the shop no more; what they are renewed with is still good.
    pub fn void_access(&mut self) {
        self.pairs.iter_mut().for_each(|pair| pair.access_until = Some(DateTime::UNIX_EPOCH));
    }

    /// Every secret that was given out so far.
    pub fn secrets(&self) -> Vec<String> {
        self.pairs.iter().flat_map(|pair| [Some(pair.access.clone()), pair.refresh.clone()]).flatten().collect()
    }

    /// Removes the app.
    pub fn uninstall(&mut self) {
        self.pairs.iter_mut().for_each(|pair| pair.is_void = true);
        self.happened.push(Happened::uninstalled(&self.domain));
        self.granted.clear();
    }

    /// Orders older than this are kept from an app without `read_all_orders`.
    pub(super) fn oldest_order(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.granted.iter().any(|scope| scope == "read_all_orders") { DateTime::UNIX_EPOCH } else { now - TimeDelta::days(60) }
    }
}
