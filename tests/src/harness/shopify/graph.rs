//! Answers what the Admin API is asked, from what is in the shop: by the types of the schema beside this file, and nothing else.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::LazyLock;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{JsonMap, JsonValue};
use apollo_compiler::schema::Type;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::search::{Search, instant};
use super::shop::{Kind, Shop, Subscription, graph};

/// What the stand-in knows of the API.
pub(super) static SCHEMA: LazyLock<Valid<Schema>> =
    LazyLock::new(|| Schema::parse_and_validate(include_str!("schema.graphql"), "schema.graphql").unwrap_or_else(|errors| panic!("{errors}")));

/// What the stand-in would say against a document.
pub fn objection(document: &str) -> Option<String> {
    ExecutableDocument::parse_and_validate(&SCHEMA, document, "document.graphql").err().map(|errors| errors.errors.to_string())
}

type Resolved<'a> = Result<ResolvedValue<'a>, FieldError>;

fn wrong(message: impl Into<String>) -> FieldError {
    FieldError { message: message.into() }
}

/// An object of the shop, as JSON.
struct Node<'s> {
    kind: String,
    value: Cow<'s, JsonValue>,
    /// Lists are whole, as bulk operations want them.
    whole: bool,
}

fn owned<'a>(kind: &str, value: &Value) -> ResolvedValue<'a> {
    ResolvedValue::object(Node { kind: kind.to_owned(), value: Cow::Owned(graph(value)), whole: false })
}

impl ObjectValue for Node<'_> {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let kind = info.field_definition().ty.inner_named_type().as_str();
        let value = self.value.get(info.field_name()).ok_or_else(|| wrong(format!("the {} has no {}", self.kind, info.field_name())))?;
        if let Some(of) = kind.strip_suffix("Connection") {
            let nodes = value.as_array().ok_or_else(|| wrong("children are a list"))?;
            return connection(of, nodes.iter().map(Cow::Borrowed).collect(), info.arguments(), self.whole);
        }
        Ok(resolved(&info.field_definition().ty, value, self.whole))
    }
}

fn resolved<'a>(ty: &Type, value: &'a JsonValue, whole: bool) -> ResolvedValue<'a> {
    match value {
        JsonValue::Object(_) if !is_leaf(ty) => {
            ResolvedValue::object(Node { kind: concrete(ty.inner_named_type()).to_owned(), value: Cow::Borrowed(value), whole })
        }
        JsonValue::Array(items) if ty.is_list() => {
            let of = ty.item_type();
            ResolvedValue::list(items.iter().map(|item| resolved(of, item, whole)).collect::<Vec<_>>())
        }
        other => ResolvedValue::leaf(other.clone()),
    }
}

fn is_leaf(ty: &Type) -> bool {
    let name = ty.inner_named_type();
    SCHEMA.get_scalar(name).is_some() || SCHEMA.get_enum(name).is_some()
}

fn concrete(kind: &str) -> &str {
    if kind == "Event" { "BasicEvent" } else { kind }
}

/// A page of a list.
struct Connection<'s> {
    kind: String,
    of: String,
    nodes: Vec<Cow<'s, JsonValue>>,
    has_more: bool,
    whole: bool,
}

struct Edge<'s> {
    kind: String,
    of: String,
    node: Cow<'s, JsonValue>,
    whole: bool,
}

fn cursor(node: &JsonValue) -> String {
    node.get("id").and_then(JsonValue::as_str).map(|id| format!("after {id}")).unwrap_or_default()
}

fn connection<'s>(of: &str, nodes: Vec<Cow<'s, JsonValue>>, arguments: &JsonMap, whole: bool) -> Result<ResolvedValue<'s>, FieldError> {
    let first = arguments.get("first").and_then(JsonValue::as_u64);
    if whole != first.is_none() {
        return Err(wrong(if whole { "a bulk operation has no pages" } else { "you must provide one of first or last" }));
    }
    let start = match arguments.get("after").and_then(JsonValue::as_str) {
        Some(after) => nodes.iter().position(|node| cursor(node) == after).ok_or_else(|| wrong("the cursor is not valid"))? + 1,
        None => 0,
    };
    let first = first.map_or(usize::MAX, |first| first as usize);
    if first > 250 && !whole {
        return Err(wrong("at most 250 at once"));
    }
    let has_more = nodes.len().saturating_sub(start) > first;
    let nodes = nodes.into_iter().skip(start).take(first).collect();
    Ok(ResolvedValue::object(Connection { kind: format!("{of}Connection"), of: of.to_owned(), nodes, has_more, whole }))
}

impl ObjectValue for Connection<'_> {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let node = |node: &'a Cow<'_, JsonValue>| Node { kind: concrete(&self.of).to_owned(), value: Cow::Borrowed(&**node), whole: self.whole };
        match info.field_name() {
            "nodes" => Ok(ResolvedValue::list(self.nodes.iter().map(move |one| ResolvedValue::object(node(one))).collect::<Vec<_>>())),
            "edges" => {
                let edge = |one: &'a Cow<'_, JsonValue>| Edge {
                    kind: format!("{}Edge", self.of),
                    of: self.of.clone(),
                    node: Cow::Borrowed(&**one),
                    whole: self.whole,
                };
                Ok(ResolvedValue::list(self.nodes.iter().map(|one| ResolvedValue::object(edge(one))).collect::<Vec<_>>()))
            }
            "pageInfo" => {
                let end = self.nodes.last().map(|node| cursor(node));
                Ok(owned("PageInfo", &json!({ "hasNextPage": self.has_more, "hasPreviousPage": false, "endCursor": end, "startCursor": null })))
            }
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

impl ObjectValue for Edge<'_> {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        match info.field_name() {
            "node" => Ok(ResolvedValue::object(Node { kind: concrete(&self.of).to_owned(), value: Cow::Borrowed(&*self.node), whole: self.whole })),
            "cursor" => Ok(ResolvedValue::leaf(cursor(&self.node))),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

/// Where queries begin.
pub(super) struct Query<'s> {
    pub(super) shop: &'s Shop,
    pub(super) now: DateTime<Utc>,
    /// For a bulk operation.
    pub(super) whole: bool,
}

/// The kind that a field of the root is about.
pub(super) fn kind_of(field: &str) -> Option<Kind> {
    match field {
        "orders" | "order" | "ordersCount" => Some(Kind::Order),
        "products" | "product" | "productsCount" => Some(Kind::Product),
        "customers" | "customer" | "customersCount" => Some(Kind::Customer),
        _ => None,
    }
}

impl<'s> Query<'s> {
    fn all(&self, kind: Kind) -> impl Iterator<Item = &'s JsonValue> + use<'s> {
        let oldest = self.shop.oldest_order(self.now);
        let shop = self.shop;
        let of_kind = shop.things.iter().filter(move |((known, _), _)| *known == kind).map(|(_, thing)| thing);
        of_kind.filter(move |thing| kind != Kind::Order || instant(thing, "createdAt") >= oldest)
    }

    fn found(&self, kind: Kind, arguments: &JsonMap) -> Result<Vec<&'s JsonValue>, FieldError> {
        let search = Search::parse(arguments.get("query").and_then(JsonValue::as_str).unwrap_or_default()).map_err(wrong)?;
        Ok(self.all(kind).filter(|thing| search.holds(thing)).collect())
    }
}

/// Sorts by what is asked for; what is equal stays in the order of ids.
fn sorted<'s>(mut found: Vec<&'s JsonValue>, arguments: &JsonMap) -> Vec<Cow<'s, JsonValue>> {
    let field = match arguments.get("sortKey").and_then(JsonValue::as_str) {
        Some("UPDATED_AT") => Some("updatedAt"),
        Some("CREATED_AT") => Some("createdAt"),
        Some("PROCESSED_AT") => Some("processedAt"),
        _ => None,
    };
    if let Some(field) = field {
        found.sort_by_key(|thing| instant(thing, field));
    }
    if arguments.get("reverse").and_then(JsonValue::as_bool) == Some(true) {
        found.reverse();
    }
    found.into_iter().map(Cow::Borrowed).collect()
}

fn wired(subscription: &Subscription) -> JsonValue {
    graph(&json!({ "id": subscription.id, "topic": subscription.topic, "uri": subscription.uri, "format": "JSON", "filter": null, "includeFields": [] }))
}

impl ObjectValue for Query<'_> {
    fn type_name(&self) -> &str {
        "QueryRoot"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let (field, arguments, shop) = (info.field_name(), info.arguments(), self.shop);
        let id = arguments.get("id").and_then(JsonValue::as_str).unwrap_or_default();
        if let Some(kind) = kind_of(field) {
            if field.ends_with("Count") {
                let count = self.found(kind, arguments)?.len();
                let limit = arguments.get("limit").and_then(JsonValue::as_u64).map_or(usize::MAX, |limit| limit as usize);
                let precision = if count > limit { "AT_LEAST" } else { "EXACT" };
                return Ok(owned("Count", &json!({ "count": count.min(limit), "precision": precision })));
            }
            if field.ends_with('s') {
                return connection(kind.name(), sorted(self.found(kind, arguments)?, arguments), arguments, self.whole);
            }
            let found = self.all(kind).find(|thing| thing.get("id").and_then(JsonValue::as_str) == Some(id));
            return Ok(ResolvedValue::nullable_object(found.map(|value| Node {
                kind: kind.name().to_owned(),
                value: Cow::Borrowed(value),
                whole: self.whole,
            })));
        }
        match field {
            "shop" => Ok(owned(
                "Shop",
                &json!({
                    "id": "gid://shopify/Shop/1", "name": shop.name, "myshopifyDomain": shop.domain, "currencyCode": shop.currency, "ianaTimezone": "Asia/Tokyo",
                    "plan": { "publicDisplayName": "Basic", "partnerDevelopment": false },
                }),
            )),
            "currentAppInstallation" => {
                let scopes: Vec<Value> = shop.granted.iter().map(|scope| json!({ "handle": scope, "description": scope })).collect();
                Ok(owned("AppInstallation", &json!({ "id": "gid://shopify/AppInstallation/1", "accessScopes": scopes })))
            }
            "webhookSubscriptions" => {
                let nodes = shop.subscriptions.iter().map(|subscription| Cow::Owned(wired(subscription))).collect();
                connection("WebhookSubscription", nodes, arguments, false)
            }
            "bulkOperation" => {
                let found = shop.operations.iter().find(|operation| operation.id == id);
                Ok(found.map_or_else(ResolvedValue::null, |operation| owned("BulkOperation", &operation.wire())))
            }
            "bulkOperations" => {
                let search = Search::parse(arguments.get("query").and_then(JsonValue::as_str).unwrap_or_default()).map_err(wrong)?;
                let mut nodes: Vec<_> = shop.operations.iter().map(|operation| graph(&operation.wire())).filter(|operation| search.holds(operation)).collect();
                if arguments.get("reverse").and_then(JsonValue::as_bool) == Some(true) {
                    nodes.reverse();
                }
                connection("BulkOperation", nodes.into_iter().map(Cow::Owned).collect(), arguments, false)
            }
            "events" => {
                let search = Search::parse(arguments.get("query").and_then(JsonValue::as_str).unwrap_or_default()).map_err(wrong)?;
                connection("Event", shop.events.iter().filter(|event| search.holds(event)).map(Cow::Borrowed).collect(), arguments, false)
            }
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

/// Where mutations begin.
pub(super) struct Mutation<'s> {
    pub(super) shop: RefCell<&'s mut Shop>,
    pub(super) now: DateTime<Utc>,
    pub(super) base: &'s str,
    pub(super) number: u64,
}

impl ObjectValue for Mutation<'_> {
    fn type_name(&self) -> &str {
        "Mutation"
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let arguments = info.arguments();
        let text = |name: &str| arguments.get(name).and_then(JsonValue::as_str).unwrap_or_default().to_owned();
        let mut shop = self.shop.borrow_mut();
        let payload = match info.field_name() {
            "appUninstall" => {
                shop.uninstall();
                json!({ "app": { "id": "gid://shopify/App/1" }, "userErrors": [] })
            }
            "webhookSubscriptionCreate" => {
                let uri = arguments.get("webhookSubscription").and_then(|input| input.get("uri")).and_then(JsonValue::as_str).unwrap_or_default().to_owned();
                let topic = text("topic");
                if shop.subscriptions.iter().any(|known| known.topic == topic && known.uri == uri) {
                    json!({ "webhookSubscription": null, "userErrors": [{ "field": ["webhookSubscription", "uri"], "message": "Address for this topic has already been taken" }] })
                } else {
                    let subscription = Subscription { id: format!("gid://shopify/WebhookSubscription/{}", self.number), topic, uri };
                    let wired = serde_json::to_value(wired(&subscription)).expect("JSON is JSON");
                    shop.subscriptions.push(subscription);
                    json!({ "webhookSubscription": wired, "userErrors": [] })
                }
            }
            "webhookSubscriptionDelete" => {
                let (id, before) = (text("id"), shop.subscriptions.len());
                shop.subscriptions.retain(|known| known.id != id);
                if shop.subscriptions.len() == before {
                    json!({ "deletedWebhookSubscriptionId": null, "userErrors": [{ "field": ["id"], "message": "Webhook subscription does not exist" }] })
                } else {
                    json!({ "deletedWebhookSubscriptionId": id, "userErrors": [] })
                }
            }
            "bulkOperationRunQuery" => match shop.run_bulk(&text("query"), self.now, self.base, self.number) {
                Ok(operation) => json!({ "bulkOperation": operation, "userErrors": [] }),
                Err((code, message)) => json!({ "bulkOperation": null, "userErrors": [{ "code": code, "field": ["query"], "message": message }] }),
            },
            "bulkOperationCancel" => match shop.cancel_bulk(&text("id"), self.now) {
                Ok(operation) => json!({ "bulkOperation": operation, "userErrors": [] }),
                Err((operation, message)) => json!({ "bulkOperation": operation, "userErrors": [{ "field": ["id"], "message": message }] }),
            },
            _ => return Err(self.unknown_field_error(info)),
        };
        Ok(owned(info.field_definition().ty.inner_named_type(), &payload))
    }
}
