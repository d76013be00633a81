//! Where callers' addresses may lead: never inside. What a name resolves to is checked at the moment it is dialled.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The longest address taken, in bytes.
pub const MAX_URL_BYTES: usize = 2_000;

/// Why an address is not dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// Too long to keep.
    #[error("the address is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// Not a URL.
    #[error("the address is not a valid URL: {0}")]
    Malformed(String),
    /// What travels in the open can be read and changed on the way.
    #[error("the address must begin with https://")]
    NotHttps,
    /// A password in an address ends up in logs.
    #[error("the address must not hold a user name or password")]
    UserInfo,
    /// Nothing listens there.
    #[error("the address must not name port 0")]
    PortZero,
    /// It leads to this machine, its network, or an address that is nobody's.
    #[error("the address leads into a private or reserved network; it must be reachable from the internet")]
    Inside,
}

/// Finds the addresses of a host.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Every address of the host.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's way of finding addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// What may be dialled.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// Inside networks that the operator opened.
    pub(super) allowed: Arc<[IpNet]>,
}

impl Guard {
    /// Checks an address as its caller wrote it. A name's addresses are only known once it is dialled.
    pub(super) fn check(&self, input: &str) -> Result<Url, UrlProblem> {
        let input = input.trim();
        if input.len() > MAX_URL_BYTES {
            return Err(UrlProblem::TooLong);
        }
        // The parser would drop line breaks and tabs: what is kept must be what was read.
        if input.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(UrlProblem::Malformed("it holds white space".to_owned()));
        }
        let mut url = Url::parse(input).map_err(|error| UrlProblem::Malformed(error.to_string()))?;
        url.set_fragment(None);
        self.check_parsed(&url)?;
        Ok(url)
    }

    pub(super) fn check_parsed(&self, url: &Url) -> Result<(), UrlProblem> {
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(UrlProblem::TooLong);
        }
        let plain = match url.scheme() {
            "https" => false,
            "http" if !self.allowed.is_empty() => true,
            _ => return Err(UrlProblem::NotHttps),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlProblem::UserInfo);
        }
        if url.port() == Some(0) {
            return Err(UrlProblem::PortZero);
        }
        match url.host() {
            Some(Host::Domain(name)) if is_localhost(name) => self.check_all(&[Ipv4Addr::LOCALHOST.into()], plain),
            Some(Host::Domain(_)) => Ok(()),
            Some(Host::Ipv4(address)) => self.check_all(&[address.into()], plain),
            Some(Host::Ipv6(address)) => self.check_all(&[address.into()], plain),
            None => Err(UrlProblem::Malformed("it names no host".to_owned())),
        }
    }

    /// One address that leads inside is enough to refuse them all: which of them is dialled is not ours to say. Plain HTTP is spoken
    /// within the allowed networks only.
    fn check_all(&self, addresses: &[IpAddr], plain: bool) -> Result<(), UrlProblem> {
        for address in addresses.iter().map(IpAddr::to_canonical) {
            if self.allowed.iter().any(|network| network.contains(&address)) {
                continue;
            }
            if is_inside(address) {
                return Err(UrlProblem::Inside);
            }
            if plain {
                return Err(UrlProblem::NotHttps);
            }
        }
        Ok(())
    }
}

/// A resolver that lets nothing through that leads inside.
pub(super) struct GuardedResolver {
    pub(super) guard: Guard,
    pub(super) resolver: Arc<dyn Resolver>,
    /// Whether plain HTTP is going to be spoken.
    pub(super) plain: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, resolver, plain) = (self.guard.clone(), self.resolver.clone(), self.plain);
        Box::pin(async move {
            let found = resolver.resolve(name.as_str()).await?;
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address").into());
            }
            guard.check_all(&found, plain)?;
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is not one of the public internet (the special-purpose registries of IANA).
pub(super) fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_inside_v4(address),
        IpAddr::V6(address) => is_inside_v6(address),
    }
}

fn is_inside_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        [0 | 10 | 127, ..] => true,                                        // this network, private, loopback
        [100, 64..=127, ..] => true,                                       // carrier-grade NAT
        [169, 254, ..] => true,                                            // link-local, with the metadata services of clouds
        [172, 16..=31, ..] | [192, 168, ..] => true,                       // private
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => true, // protocol assignments, documentation
        [192, 88, 99, _] => true,                                          // 6to4 relays
        [198, 18 | 19, ..] => true,                                        // benchmarking
        [224..=255, ..] => true,                                           // multicast, reserved, broadcast
        _ => false,
    }
}

fn is_inside_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // NAT64: the address that it stands for decides.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_inside_v4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))),
        [0x2001, 0..=0x1ff, ..] => true,         // protocol assignments: Teredo, ORCHID, benchmarking
        [0x2001, 0xdb8, ..] => true,             // documentation
        [0x2002, ..] => true,                    // 6to4
        [0x3fff, 0..=0xfff, ..] => true,         // documentation
        [first, ..] => first & 0xe000 != 0x2000, // only 2000::/3 is the public internet: neither ::1, fc00::/7, fe80::/10 nor ff00::/8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_network_is_inside_to_its_last_address() {
        for network in [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "::1/128",
            "::/96",
            "::ffff:10.0.0.0/104",
            "::ffff:127.0.0.0/104",
            "::ffff:169.254.169.254/128",
            "64:ff9b::7f00:0/104",
            "64:ff9b::a9fe:a9fe/128",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ] {
            let network: IpNet = network.parse().unwrap();
            assert!(is_inside(network.network()), "first of {network}");
            assert!(is_inside(network.broadcast()), "last of {network}");
        }
        for outside in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2606:4700:4700::1111",
            "3ffe::1",
            "3fff:1000::",
        ] {
            assert!(!is_inside(outside.parse().unwrap()), "{outside}");
        }
    }
}
