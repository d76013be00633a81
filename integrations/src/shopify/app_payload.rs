//! Webhooks about the app itself, and about people's rights over their data.

use serde::Deserialize;

use super::order_wire::Id;
use super::values::{Read, id_text, json, required, short};
use super::{NOT_A_SHOP, shop_name};
use crate::ports::commerce::{PrivacyKind, PrivacyRequest, PrivacySubject};

#[derive(Deserialize)]
struct Bare {
    id: Option<Id>,
}

/// The id of what is gone.
pub(super) fn id(body: &[u8]) -> Read<String> {
    Ok(id_text(required(json::<Bare>(body)?.id, "id")?.0))
}

#[derive(Deserialize)]
struct ShopNamed {
    myshopify_domain: Option<String>,
    domain: Option<String>,
}

/// The shop that a body is about, if it says so. A `domain` may be the merchant's own.
pub(super) fn shop(body: &[u8]) -> Read<Option<String>> {
    let ShopNamed { myshopify_domain, domain } = json(body)?;
    let named = myshopify_domain.or(domain).map(|domain| domain.to_ascii_lowercase());
    Ok(named.filter(|domain| shop_name(domain).is_some()))
}

#[derive(Deserialize)]
struct Scopes {
    current: Option<Vec<String>>,
}

pub(super) fn scopes(body: &[u8]) -> Read<Vec<String>> {
    required(json::<Scopes>(body)?.current, "current")
}

#[derive(Deserialize)]
struct BulkOperation {
    admin_graphql_api_id: Option<String>,
}

pub(super) fn export(body: &[u8]) -> Read<String> {
    let id = required(json::<BulkOperation>(body)?.admin_graphql_api_id, "admin_graphql_api_id")?;
    if id.starts_with("gid://shopify/BulkOperation/") { Ok(id) } else { Err(format!("`{}` is not the id of a bulk operation", short(&id))) }
}

#[derive(Deserialize)]
struct Privacy {
    shop_domain: Option<String>,
    customer: Option<Subject>,
    data_request: Option<Bare>,
    orders_requested: Option<Vec<Id>>,
    orders_to_redact: Option<Vec<Id>>,
}

#[derive(Deserialize)]
struct Subject {
    id: Option<Id>,
    email: Option<String>,
    phone: Option<String>,
}

pub(super) fn privacy(kind: PrivacyKind, body: &[u8]) -> Read<PrivacyRequest> {
    let wire: Privacy = json(body)?;
    let domain = required(wire.shop_domain, "shop_domain")?.to_ascii_lowercase();
    let some = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let customer =
        wire.customer.map(|subject| PrivacySubject { external_id: subject.id.map(|id| id_text(id.0)), email: some(subject.email), phone: some(subject.phone) });
    if kind == PrivacyKind::ShopErasure && customer.is_some() {
        // The topic is not signed: what is about a customer is no request of a shop.
        return Err("a shop's request names no customer".to_owned());
    }
    if kind != PrivacyKind::ShopErasure && customer.as_ref().is_none_or(|customer| *customer == PrivacySubject::default()) {
        return Err("missing customer".to_owned());
    }
    let orders = match kind {
        PrivacyKind::CustomerData => wire.orders_requested,
        PrivacyKind::CustomerErasure => wire.orders_to_redact,
        PrivacyKind::ShopErasure => None,
    };
    Ok(PrivacyRequest {
        kind,
        shop: shop_name(&domain).map(str::to_owned).ok_or_else(|| format!("shop_domain: {NOT_A_SHOP}"))?,
        request_id: wire.data_request.and_then(|request| request.id).map(|id| id_text(id.0)),
        customer,
        orders: orders.unwrap_or_default().into_iter().map(|id| id_text(id.0)).collect(),
    })
}
