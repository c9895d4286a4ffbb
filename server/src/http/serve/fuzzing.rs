//! What is asked of the headers of proxies, for any bytes. Not for programs: the fuzzers of `tests/fuzz` call it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderValue};

use super::forwarded::{TrustedProxies, parse_network};
use crate::engineio::Peer;

/// Lines of `X-Forwarded-For`, and a network in the first one.
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
        assert_eq!(client, peer, "a stranger is believed");
    }
    // an untrusted address at the end hides those before it
    headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
    let client = proxies.client_addr(peer, &headers);
    let is_trusted = proxies.contains(peer.address.ip());
    if is_trusted && !proxies.contains([192, 0, 2, 1].into()) {
        assert_eq!(client.address.ip(), IpAddr::from([192, 0, 2, 1]));
    }
}
