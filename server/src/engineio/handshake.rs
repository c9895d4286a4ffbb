//! Handshakes: session ids, and the request that opened a session. A connection holds its request, so it is kept small.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};

/// Client end of a connection; the accept loop adds it to the extensions of each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Address of the client.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub secure: bool,
}

/// Random id of 120 bits: 20 characters that need no escaping in URLs.
pub(crate) fn random_id() -> String {
    let bytes: [u8; 15] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Request that opened a session.
#[derive(Debug, Clone)]
pub struct HandshakeRequest {
    /// Path and query, not decoded.
    pub url: Box<str>,
    /// Decoded query parameters, in order.
    pub query: Box<[(Box<str>, Box<str>)]>,
    /// Headers.
    pub headers: Headers,
    /// Address of the client: that of [`Peer`], or of axum's `ConnectInfo` (feature `axum`); `0.0.0.0:0` if the request has
    /// neither, and then limits for an address do not apply.
    pub address: SocketAddr,
    /// Whether the connection is TLS.
    pub secure: bool,
    /// Time of the request.
    pub time: SystemTime,
    /// Extensions that outer layers added to the request, such as a user that a layer authenticated.
    pub extensions: Extensions,
}

impl HandshakeRequest {
    /// Copies the relevant parts of a request, so that its buffers can be freed.
    #[must_use]
    pub fn new(parts: &Parts) -> Self {
        let mut extensions = parts.extensions.clone();
        let peer = extensions.remove::<Peer>().unwrap_or_else(|| Peer {
            address: connect_info(&mut extensions),
            secure: false,
        });
        if extensions.is_empty() {
            extensions = Extensions::new();
        }
        Self {
            url: parts
                .uri
                .path_and_query()
                .map_or("/", http::uri::PathAndQuery::as_str)
                .into(),
            query: parse_query(parts.uri.query().unwrap_or_default()),
            headers: Headers::from(&parts.headers),
            address: peer.address,
            secure: peer.secure,
            time: SystemTime::now(),
            extensions,
        }
    }

    /// Last value of a query parameter, as in the official server.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| &**value)
    }

    /// Approximate memory use.
    pub(crate) fn held_bytes(&self) -> usize {
        let pairs = self.query.iter();
        let query: usize = pairs
            .map(|(key, value)| size_of::<(Box<str>, Box<str>)>() + key.len() + value.len())
            .sum();
        size_of::<Self>() + self.url.len() + self.headers.0.len() + query
    }

    /// Whether the request has an `Origin` header, that is, was sent by a page.
    #[must_use]
    pub fn is_cross_domain(&self) -> bool {
        self.headers.get("origin").is_some()
    }
}

/// Address that axum adds for `into_make_service_with_connect_info`.
fn connect_info(extensions: &mut Extensions) -> SocketAddr {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(address)) = extensions.remove() {
        return address;
    }
    #[cfg(not(feature = "axum"))]
    let _ = extensions;
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)
}

/// Headers in one allocation. Values that are not text are omitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Box<str>);

impl Headers {
    /// First value of a header; `name` in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Pairs of lower-case name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .split_terminator('\n')
            .filter_map(|sink| sink.split_once(':'))
    }

    /// Headers as a [`HeaderMap`].
    #[must_use]
    pub fn to_map(&self) -> HeaderMap {
        let pair = |(name, value): (&str, &str)| {
            Some((
                HeaderName::try_from(name).ok()?,
                HeaderValue::try_from(value).ok()?,
            ))
        };
        self.iter().filter_map(pair).collect()
    }
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        let mut text = String::new();
        for (name, value) in map {
            if let Ok(value) = std::str::from_utf8(value.as_bytes()) {
                text.extend([name.as_str(), ":", value, "\n"]);
            }
        }
        Self(text.into())
    }
}

/// Splits a query and decodes `%` and `+`; invalid UTF-8 becomes U+FFFD.
pub(super) fn parse_query(query: &str) -> Box<[(Box<str>, Box<str>)]> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (unescape(key).into(), unescape(value).into()))
        .collect()
}

fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let hex = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits.get(..2)?).ok()?;
            digits
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then(|| u8::from_str_radix(digits, 16).ok())?
        };
        match byte {
            b'+' => out.push(b' '),
            b'%' => match hex(bytes.as_slice()) {
                Some(decoded) => {
                    out.push(decoded);
                    bytes.nth(1);
                }
                None => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_id_is_twenty_url_safe_characters_and_differs_each_time() {
        let (one, two) = (random_id(), random_id());
        assert_eq!(one.len(), 20);
        assert!(
            one.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        );
        assert_ne!(one, two);
    }

    #[test]
    fn query_with_escapes_and_repeated_separators_is_decoded() {
        let query = parse_query("EIO=4&token=a%20b+c%C3%A9&flag&bad=%zz&cut=%4&&x=%ff");
        let pairs: Vec<(&str, &str)> = query.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(
            pairs,
            [
                ("EIO", "4"),
                ("token", "a b cé"),
                ("flag", ""),
                ("bad", "%zz"),
                ("cut", "%4"),
                ("x", "\u{fffd}")
            ]
        );
    }

    #[test]
    fn param_repeated_has_its_last_value() {
        let request = http::Request::builder().uri("/socket.io/?EIO=4&EIO=3");
        let (parts, ()) = request.body(()).expect("a valid request").into_parts();
        assert_eq!(HandshakeRequest::new(&parts).param("EIO"), Some("3"));
    }

    #[test]
    fn headers_with_lower_case_name_are_found() {
        let request = http::Request::builder()
            .uri("/socket.io/?EIO=4")
            .header("Origin", "http://a:1")
            .header("X-Two", "1")
            .header("X-Two", "2");
        let (parts, ()) = request.body(()).expect("a valid request").into_parts();
        let handshake = HandshakeRequest::new(&parts);
        assert_eq!(handshake.headers.get("origin"), Some("http://a:1"));
        assert_eq!(
            handshake
                .headers
                .iter()
                .filter(|(name, _)| *name == "x-two")
                .count(),
            2
        );
        assert_eq!(handshake.headers.to_map().len(), 3);
        assert_eq!(handshake.param("EIO"), Some("4"));
        assert!(handshake.is_cross_domain());
    }
}
