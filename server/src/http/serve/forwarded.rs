//! Client address from `X-Forwarded-For`, honouring trusted proxies only.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;

use crate::engineio::Peer;

/// Parses an address such as `10.0.0.1`, or a network such as `10.0.0.0/8`.
///
/// # Errors
/// When the text is neither.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "not an address like 10.0.0.1 or a network like 10.0.0.0/8".to_owned())
}

/// Proxies whose `X-Forwarded-For` is trusted; cheap to clone. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Trusts all addresses in these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    /// Whether an address is trusted; IPv4-mapped IPv6 addresses count as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Client of a request from `peer`: the last address in its headers that is not a trusted proxy.
    pub(super) fn client_addr(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        if !self.contains(peer.address.ip()) {
            return peer;
        }
        let mut client = peer;
        let named = headers.get_all("x-forwarded-for").iter().rev();
        // an invalid address was not written by a trusted proxy, so neither it nor anything before it is trusted
        let named = named.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for name in named {
            let Some(address) = address(name.trim()) else {
                break;
            };
            client.address = address;
            if !self.contains(address.ip()) {
                break;
            }
        }
        if let Some(scheme) = headers.get("x-forwarded-proto") {
            client.secure = scheme.as_bytes().eq_ignore_ascii_case(b"https");
        }
        client
    }
}

/// Address with or without a port.
fn address(text: &str) -> Option<SocketAddr> {
    let alone = text.trim_start_matches('[').trim_end_matches(']');
    let address = alone.parse::<IpAddr>().map(|address| SocketAddr::new(address, 0));
    address.or_else(|_| text.parse()).ok()
}

#[cfg(feature = "chat")]
#[doc(hidden)]
pub mod fuzzing {
    //! Fuzzing target for proxy headers; called by `tests/fuzz` only.

    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use http::{HeaderMap, HeaderValue};

    use super::{TrustedProxies, parse_network};
    use crate::engineio::Peer;

    /// Takes a network in the first line, and `X-Forwarded-For` headers in the others.
    pub fn forwarded(data: &[u8]) {
        let mut lines = data.split(|byte| *byte == b'\n');
        let network = lines.next().and_then(|line| str::from_utf8(line).ok());
        let network = network.and_then(|text| parse_network(text).ok());
        let mut headers = HeaderMap::new();
        for line in lines.take(16) {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                headers.append("x-forwarded-for", value);
            }
        }
        let peer = Peer {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1),
            secure: false,
        };
        let proxies = TrustedProxies::new(network.as_slice());
        let client = proxies.client_addr(peer, &headers);
        if !proxies.contains(peer.address.ip()) {
            assert_eq!(client, peer, "an untrusted peer is not resolved");
        }
        // addresses before an untrusted one are ignored
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        let client = proxies.client_addr(peer, &headers);
        let is_trusted = proxies.contains(peer.address.ip());
        if is_trusted && !proxies.contains([192, 0, 2, 1].into()) {
            assert_eq!(client.address.ip(), IpAddr::from([192, 0, 2, 1]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let networks =
            ["10.0.0.0/8", "192.0.2.7", "fd00::/8"].map(|text| parse_network(text).expect("a network"));
        let peer = Peer {
            address: SocketAddr::new(peer.parse().expect("an address"), 1),
            secure: false,
        };
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("a header"));
        }
        TrustedProxies::new(&networks)
            .client_addr(peer, &headers)
            .address
            .ip()
            .to_string()
    }

    #[test]
    fn forwarded_address_is_used_from_trusted_proxies_only() {
        assert_eq!(client("198.51.100.1", &["203.0.113.5"]), "198.51.100.1");
        assert_eq!(client("192.0.2.8", &["203.0.113.5"]), "192.0.2.8");
        for proxy in ["10.2.3.4", "192.0.2.7", "fd00::1", "::ffff:10.0.0.1"] {
            assert_eq!(client(proxy, &["203.0.113.5"]), "203.0.113.5");
        }
        assert_eq!(client("10.2.3.4", &[]), "10.2.3.4");
    }

    #[test]
    fn forwarded_addresses_before_an_untrusted_one_are_ignored() {
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1, 203.0.113.5, 10.0.0.2"]),
            "203.0.113.5"
        );
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1", "203.0.113.5,10.0.0.2"]),
            "203.0.113.5"
        );
        assert_eq!(client("10.0.0.1", &["1.1.1.1, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn forwarded_address_may_have_a_port() {
        for text in ["203.0.113.5:80", "203.0.113.5"] {
            assert_eq!(client("10.0.0.1", &[text]), "203.0.113.5");
        }
        for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"] {
            assert_eq!(client("10.0.0.1", &[text]), "2001:db8::1");
        }
    }

    #[test]
    fn parse_network_of_other_text_fails() {
        for text in [
            "",
            "proxy",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "::/129",
            "10.0.0.1:80",
        ] {
            assert!(parse_network(text).is_err(), "{text}");
        }
        let all = TrustedProxies::new(&[parse_network("0.0.0.0/0").expect("a network")]);
        assert!(all.contains([203, 0, 113, 5].into()));
    }
}
