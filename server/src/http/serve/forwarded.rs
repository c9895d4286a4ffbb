//! For whom a proxy speaks: the address in `X-Forwarded-For`, believed only where a trusted proxy wrote it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use http::HeaderMap;

use crate::engineio::Peer;

/// An address, or all that begin with the same bits.
///
/// ```
/// use pesan_server::http::serve::Network;
///
/// let network: Network = "10.1.0.0/16".parse().expect("a network");
/// assert!(network.contains([10, 1, 2, 3].into()));
/// assert!(!network.contains([10, 2, 2, 3].into()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

/// Text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkError;

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an address like 10.0.0.1 or a network like 10.0.0.0/8")
    }
}

impl std::error::Error for NetworkError {}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().map_err(|_| NetworkError)?,
            None => most,
        };
        if bits > most {
            return Err(NetworkError);
        }
        Ok(Self { first, bits })
    }
}

impl Network {
    /// Whether an address belongs to it; IPv4 that came over an IPv6 socket is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let differ = match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(one)) => u128::from(first.to_bits() ^ one.to_bits()) << 96,
            (IpAddr::V6(first), IpAddr::V6(one)) => first.to_bits() ^ one.to_bits(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        differ.leading_zeros() >= self.bits
    }
}

/// Proxies that are believed; cheap to clone. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Arc<[Network]>);

impl Proxies {
    /// Those in any of these networks.
    #[must_use]
    pub fn new(networks: &[Network]) -> Self {
        Self(networks.into())
    }

    /// Whether who has this address is believed.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who sent a request that came from `peer`: the last one named in its headers that is no trusted proxy.
    pub(super) fn sender(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        if !self.contains(peer.address.ip()) {
            return peer;
        }
        let mut sender = peer;
        let named = headers.get_all("x-forwarded-for").iter().rev();
        // what cannot be read was not written by a proxy of ours, and neither was what stands before it
        let named = named.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for name in named {
            let Some(address) = address(name.trim()) else {
                break;
            };
            sender.address = address;
            if !self.contains(address.ip()) {
                break;
            }
        }
        if let Some(scheme) = headers.get("x-forwarded-proto") {
            sender.secure = scheme.as_bytes().eq_ignore_ascii_case(b"https");
        }
        sender
    }
}

/// Address with or without a port.
fn address(text: &str) -> Option<SocketAddr> {
    let alone = text.trim_start_matches('[').trim_end_matches(']');
    let address = alone.parse::<IpAddr>().map(|address| SocketAddr::new(address, 0));
    address.or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(peer: &str, forwarded: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"].map(|text| text.parse().expect("a network"));
        let peer = Peer {
            address: SocketAddr::new(peer.parse().expect("an address"), 1),
            secure: false,
        };
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("a header"));
        }
        Proxies::new(&networks)
            .sender(peer, &headers)
            .address
            .ip()
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_speaks() {
        assert_eq!(sender("198.51.100.1", &["203.0.113.5"]), "198.51.100.1");
        assert_eq!(sender("192.0.2.8", &["203.0.113.5"]), "192.0.2.8");
        for proxy in ["10.2.3.4", "192.0.2.7", "fd00::1", "::ffff:10.0.0.1"] {
            assert_eq!(sender(proxy, &["203.0.113.5"]), "203.0.113.5");
        }
        assert_eq!(sender("10.2.3.4", &[]), "10.2.3.4");
    }

    #[test]
    fn what_stands_before_the_last_stranger_is_not_believed() {
        assert_eq!(
            sender("10.0.0.1", &["1.1.1.1, 203.0.113.5, 10.0.0.2"]),
            "203.0.113.5"
        );
        assert_eq!(
            sender("10.0.0.1", &["1.1.1.1", "203.0.113.5,10.0.0.2"]),
            "203.0.113.5"
        );
        assert_eq!(sender("10.0.0.1", &["1.1.1.1, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(sender("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn addresses_may_have_ports() {
        for text in ["203.0.113.5:80", "203.0.113.5"] {
            assert_eq!(sender("10.0.0.1", &[text]), "203.0.113.5");
        }
        for text in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"] {
            assert_eq!(sender("10.0.0.1", &[text]), "2001:db8::1");
        }
    }

    #[test]
    fn what_is_no_network_is_said_so() {
        for text in [
            "",
            "proxy",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "::/129",
            "10.0.0.1:80",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
        }
        let all: Network = "0.0.0.0/0".parse().expect("a network");
        assert!(all.contains([203, 0, 113, 5].into()));
    }
}
