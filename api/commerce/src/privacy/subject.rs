//! Who a request is about, as far as the rows of a store tell, and whether a text names them.

use std::collections::BTreeSet;

use entities::{CustomerId, OrderId, StoreId, TenantId};
use platform::db::{FromRow, in_ids, rows_of};
use platform::text::fold;
use platform::{DbErr, Tx};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use serde_json::Value as Json;

use super::row::PrivacyRequestRow;
use crate::customers::CustomerRow;
use crate::orders::{OrderItemRow, OrderRow};

/// The fewest digits of a telephone number that are looked for.
const DIGITS: usize = 7;
/// The shortest address that is looked for in texts, in bytes.
const SHORTEST: usize = 5;

/// Somebody, with what is kept of them.
#[derive(Debug, Default)]
pub(super) struct Subject {
    pub customers: Vec<CustomerRow>,
    pub orders: Vec<OrderRow>,
    customer_ids: BTreeSet<String>,
    order_ids: BTreeSet<String>,
    emails: BTreeSet<String>,
    phones: BTreeSet<String>,
}

/// The ids in a JSON list.
fn ids(listed: &Json) -> Vec<String> {
    listed.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

impl Subject {
    /// Who a request is about. A customer is found by the provider's id, or by the e-mail address when the request has none; orders by
    /// their customer, by their ids, and by the address where they have no customer.
    pub async fn of(tx: &Tx, request: &PrivacyRequestRow) -> Result<Self, DbErr> {
        let mut subject = Self::default();
        subject.customer_ids.extend(request.external_customer_id.clone());
        subject.order_ids.extend(ids(&request.external_order_ids));
        let contact = request.contact.clone().unwrap_or_default();
        subject.knows(contact["email"].as_str(), contact["phone"].as_str());
        let Some(store) = request.store_id else { return Ok(subject) };
        subject.find_customers(tx, request.tenant_id, store).await?;
        subject.find_orders(tx, request.tenant_id, store).await?;
        Ok(subject)
    }

    fn knows(&mut self, email: Option<&str>, phone: Option<&str>) {
        self.emails.extend(email.map(fold).filter(|email| !email.is_empty()));
        self.phones.extend(phone.map(digits).filter(|digits| digits.len() >= DIGITS));
    }

    async fn find_customers(&mut self, tx: &Tx, tenant: TenantId, store: StoreId) -> Result<(), DbErr> {
        let mut select = in_store::<CustomerRow>("customers", tenant, store);
        if self.customer_ids.is_empty() {
            select.and_where(Expr::col(("customers", "email_key")).is_in(self.emails.iter().cloned()));
        } else {
            select.and_where(Expr::col(("customers", "external_id")).is_in(self.customer_ids.iter().cloned()));
        }
        self.customers = rows_of(tx, &select).await?;
        for customer in self.customers.clone() {
            self.knows(customer.email.as_deref(), customer.phone.as_deref());
            self.knows(None, customer.address_phone.as_deref());
            self.customer_ids.insert(customer.external_id);
        }
        Ok(())
    }

    async fn find_orders(&mut self, tx: &Tx, tenant: TenantId, store: StoreId) -> Result<(), DbErr> {
        let column = |name: &'static str| Expr::col(("orders", name));
        let guests = column("customer_id").is_null().and(column("external_customer_id").is_null());
        for condition in [
            column("customer_id").is_in(self.customers.iter().map(|customer| customer.id)),
            column("external_customer_id").is_in(self.customer_ids.iter().cloned()),
            column("external_id").is_in(self.order_ids.iter().cloned()),
            guests.and(column("email_key").is_in(self.emails.iter().cloned())),
        ] {
            let mut select = in_store::<OrderRow>("orders", tenant, store);
            for order in rows_of::<OrderRow>(tx, select.and_where(condition)).await? {
                if !self.orders.iter().any(|known| known.id == order.id) {
                    self.knows(order.email.as_deref(), None);
                    self.order_ids.insert(order.external_id.clone());
                    self.orders.push(order);
                }
            }
        }
        Ok(())
    }

    /// The provider's ids of their orders.
    pub fn order_ids(&self) -> impl Iterator<Item = &str> {
        self.order_ids.iter().map(String::as_str)
    }

    /// The provider's ids of theirs.
    pub fn customer_ids(&self) -> impl Iterator<Item = &str> {
        self.customer_ids.iter().map(String::as_str)
    }

    /// Whether a body is about them: it has their address or number anywhere, or their id or that of an order of theirs as an id.
    pub fn is_in_body(&self, body: &[u8]) -> bool {
        match serde_json::from_slice::<Json>(body) {
            Ok(body) => self.is_in(&body, ""),
            Err(_) => self.is_in_text(&String::from_utf8_lossy(body)),
        }
    }

    fn is_in(&self, value: &Json, key: &str) -> bool {
        match value {
            Json::Object(fields) => fields.iter().any(|(key, value)| self.is_in(value, key)),
            Json::Array(values) => values.iter().any(|value| self.is_in(value, key)),
            Json::Number(number) => self.is_id(&number.to_string(), key),
            Json::String(text) => self.is_id(text, key) || self.is_in_text(text) || self.phones.contains(&digits(text)),
            Json::Null | Json::Bool(_) => false,
        }
    }

    /// Whether a value under this name is an id of theirs, by itself or at the end of a global one.
    fn is_id(&self, text: &str, key: &str) -> bool {
        let named = key == "id" || key.ends_with("_id") || key.starts_with("orders_");
        let known = |id: &str| self.customer_ids.contains(id) || self.order_ids.contains(id);
        let end = || text.strip_prefix("gid://").and_then(|rest| rest.rsplit_once('/'));
        named && known(text)
            || end().is_some_and(|(kind, id)| {
                kind.ends_with("/Customer") && self.customer_ids.contains(id) || kind.ends_with("/Order") && self.order_ids.contains(id)
            })
    }

    /// Whether a text has their address, or their number as it was written.
    pub fn is_in_text(&self, text: &str) -> bool {
        let folded = fold(text);
        let long = |address: &&String| address.len() >= SHORTEST;
        self.emails.iter().filter(long).any(|email| folded.contains(email.as_str())) || self.has_number(&folded)
    }

    /// Whether an e-mail address or a telephone number is theirs.
    pub fn is_contact(&self, contact: &Json) -> bool {
        let known = |name: &str, theirs: &BTreeSet<String>, read: fn(&str) -> String| contact[name].as_str().is_some_and(|text| theirs.contains(&read(text)));
        known("email", &self.emails, fold) || known("phone", &self.phones, digits)
    }

    /// Whether a text has their id at the provider, as a word of its own. Short ones might be any number.
    pub fn has_id(&self, text: &str) -> bool {
        let long = |word: &&str| word.len() >= DIGITS;
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(long).any(|word| self.customer_ids.contains(word))
    }

    fn has_number(&self, text: &str) -> bool {
        if self.phones.is_empty() {
            return false;
        }
        // Numbers are grouped by spaces, dashes and brackets; anything else ends one.
        let mut run = String::new();
        for c in text.chars().chain([';']) {
            match c {
                '0'..='9' => run.push(c),
                '+' | '-' | ' ' | '(' | ')' | '.' => {}
                _ => {
                    if self.phones.iter().any(|phone| run == *phone) {
                        return true;
                    }
                    run.clear();
                }
            }
        }
        false
    }

    /// The ids of their rows.
    pub fn customer_rows(&self) -> Vec<CustomerId> {
        self.customers.iter().map(|customer| customer.id).collect()
    }

    /// The ids of their orders' rows.
    pub fn order_rows(&self) -> Vec<OrderId> {
        self.orders.iter().map(|order| order.id).collect()
    }
}

fn in_store<T: FromRow>(table: &'static str, tenant: TenantId, store: StoreId) -> SelectStatement {
    let mut select = Query::select();
    T::select(&mut select).from(table).and_where(Expr::col((table, "tenant_id")).eq(tenant)).and_where(Expr::col((table, "store_id")).eq(store));
    select
}

/// The items of orders, as they are.
pub(super) async fn items_of(tx: &Tx, tenant: TenantId, orders: &[OrderId]) -> Result<Vec<OrderItemRow>, DbErr> {
    let mut select = Query::select();
    OrderItemRow::select(&mut select).from("order_items");
    select.and_where(Expr::col(("order_items", "tenant_id")).eq(tenant));
    select.and_where(in_ids(tx.get_database_backend(), Expr::col(("order_items", "order_id")), orders.iter().map(|id| id.uuid())));
    rows_of(tx, &select).await
}
