//! Who is at the other end: the client's address, its bearer, the tenant that it chose.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, header};
use entities::TenantId;
use ipnet::IpNet;

use super::refusal::Refusal;
use crate::graphql::Code;

/// Proxies whose X-Forwarded-For is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// The client's address: the last one in X-Forwarded-For that is not a trusted proxy's, if the peer is one.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let forwarded: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).collect();
        for hop in forwarded.into_iter().rev() {
            if !self.trusts(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }

    /// Whether this address is a trusted proxy's.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The bearer of the Authorization header.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or("the Authorization header must be `Bearer …`")?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err("the Authorization header must be `Bearer …`");
    }
    Ok(Some(token.trim()))
}

/// The tenant that the client chose with the header Noren-Tenant.
pub fn chosen_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, &'static str> {
    match headers.get("noren-tenant") {
        None => Ok(None),
        Some(value) => value.to_str().ok().and_then(|id| id.parse().ok()).map(Some).ok_or("the header Noren-Tenant must be a tenant's id, `tenant_…`"),
    }
}

/// The client's User-Agent, as far as it is kept.
pub fn user_agent(headers: &HeaderMap) -> Option<String> {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).map(|text| text.chars().take(300).collect())
}

/// Who a client says that it is, and which tenant it chose.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The bearer.
    pub bearer: Option<String>,
    /// The tenant.
    pub tenant: Option<TenantId>,
}

impl Credentials {
    /// Those of a request's headers.
    pub fn of_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        let bearer = bearer(headers).map_err(|message| Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message))?.map(str::to_owned);
        Ok(Self { bearer, tenant: chosen_tenant(headers).map_err(Refusal::malformed)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.1.1.1".parse().unwrap());
        let client = |peer: &str| proxies.client(peer.parse().unwrap(), &headers).to_string();
        assert_eq!(client("10.0.0.1"), "203.0.113.9");
        assert_eq!(client("198.51.100.7"), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1"), "203.0.113.9");
    }
}
