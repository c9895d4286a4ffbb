//! Address of a server, in the URL forms of the official client.
//!
//! ```text
//! [<scheme>:]//<host>[:<port>][/<namespace>][?<handshake query>]
//! ```
//!
//! The path is the namespace, not the path of the requests, which is `Config::path`. The query is sent in the handshake.
//! A fragment and `user:password@` are dropped, as in the official client.
//!
//! Parsed by hand: the short forms and the namespace are specific to Socket.IO, and the crate `url` would add about 77 kB
//! to a page.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::socketio::codec::value::json::escaped;
use crate::socketio::codec::value::number::uint;

/// Maximum length of an address in bytes, as in the official client.
const MAX_BYTES: usize = 8000;

/// Server, namespace and handshake query.
///
/// ```
/// use pesan::socketio::proto::Address;
///
/// let address: Address = "wss://example.org/admin?token=a%20b".parse().expect("a legal address");
/// assert_eq!(address.origin(), "https://example.org");
/// assert_eq!(address.namespace(), "/admin");
/// assert_eq!(address.query(), [("token".to_owned(), "a b".to_owned())]);
///
/// let page = "http://localhost:8080/index.html";
/// let same_host = Address::resolve("/admin", Some(page)).expect("a legal address");
/// assert_eq!(same_host.origin(), "http://localhost:8080");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    port: u16,
    namespace: String,
    query: Vec<(String, String)>,
}

/// Why an address is invalid.
///
/// ```
/// use pesan::socketio::proto::{Address, AddressError};
///
/// assert_eq!("ftp://example.org".parse::<Address>(), Err(AddressError::Scheme("ftp".to_owned())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Longer than 8000 bytes.
    #[error("address is {0} bytes; the maximum is {MAX_BYTES}")]
    TooLong(usize),
    /// A relative address without a page to resolve it against.
    #[error("relative address outside of a page")]
    NoLocation,
    /// No scheme, outside of a page, which would supply its own.
    #[error("address without scheme; write 'http://{uri}' or 'https://{uri}'", uri = escaped(.0))]
    NoScheme(String),
    /// Scheme other than `http`, `https`, `ws` and `wss`.
    #[error("unknown scheme '{}'", escaped(.0))]
    Scheme(String),
    /// No host, or a host with illegal characters.
    #[error("'{}' is not a host", escaped(.0))]
    Host(String),
    /// Invalid port.
    #[error("'{}' is not a port", escaped(.0))]
    Port(String),
}

impl Address {
    /// Resolves `uri` against a page at `location` (its `href` or `origin`). An empty `uri` is the page's host.
    ///
    /// | `uri` | result |
    /// |---|---|
    /// | empty | scheme and host of the page, namespace `/` |
    /// | `/admin` | scheme and host of the page, namespace `/admin` |
    /// | `//host/admin` | scheme of the page |
    /// | `host:3000/admin` | scheme of the page |
    /// | `http:`, `https:`, `ws:`, `wss:` | as written |
    ///
    /// # Errors
    /// [`AddressError`] with the invalid part.
    pub fn resolve(uri: &str, location: Option<&str>) -> Result<Self, AddressError> {
        if uri.len() > MAX_BYTES {
            return Err(AddressError::TooLong(uri.len()));
        }
        let page = location.map(Location::parse).transpose()?;
        let relative = uri.is_empty() || uri.starts_with('/');
        if relative && page.is_none() {
            return Err(AddressError::NoLocation);
        }
        let (secure, absolute) = match split_scheme(uri) {
            Some((scheme, rest)) => (is_secure(scheme)?, rest),
            None => match &page {
                Some(page) => (page.secure, uri.strip_prefix("//").unwrap_or(uri)),
                None => return Err(AddressError::NoScheme(uri.to_owned())),
            },
        };
        let (authority, rest) = match page {
            Some(page) if relative && absolute.len() == uri.len() => (page.authority, uri),
            _ => split_authority(absolute),
        };
        Self::read(secure, authority, rest)
    }

    fn read(secure: bool, authority: &str, rest: &str) -> Result<Self, AddressError> {
        let authority = authority_alone(authority);
        let (host, port) = split_port(authority)?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Self {
            secure,
            host: host.to_ascii_lowercase(),
            port: match port {
                Some(port) => port,
                None if secure => 443,
                None => 80,
            },
            namespace: if path.is_empty() { "/" } else { path }.to_owned(),
            query: decode_query(query),
        })
    }

    /// `http://localhost`.
    #[cfg(any(feature = "web", feature = "native"))]
    pub(crate) fn local() -> Self {
        Self {
            secure: false,
            host: "localhost".to_owned(),
            port: 80,
            namespace: "/".to_owned(),
            query: Vec::new(),
        }
    }

    /// Whether TLS protects the connection.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host without brackets or port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port; 80 or 443 by default.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Namespace in the path, `/` by default.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Takes the namespace and leaves `/`.
    #[cfg(any(feature = "web", feature = "native"))]
    pub(crate) fn take_namespace(&mut self) -> String {
        std::mem::replace(&mut self.namespace, "/".to_owned())
    }

    /// Decoded query for the handshake; replaces `Config::query` unless it is empty.
    #[must_use]
    pub fn query(&self) -> &[(String, String)] {
        &self.query
    }

    /// Scheme `http` or `https`, host, and the port unless it is the scheme's default.
    #[must_use]
    pub fn origin(&self) -> String {
        self.with_scheme(if self.secure { "https" } else { "http" })
    }

    /// Key for sharing connections: scheme, host, port, and the path of the requests.
    #[must_use]
    pub fn key(&self, path: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        self.server(scheme, true) + path
    }

    pub(super) fn with_scheme(&self, scheme: &str) -> String {
        self.server(scheme, self.port != if self.secure { 443 } else { 80 })
    }

    fn server(&self, scheme: &str, with_port: bool) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if with_port {
            format!("{scheme}://{host}:{}", self.port)
        } else {
            format!("{scheme}://{host}")
        }
    }
}

/// Parses an address outside of a page, which must have a scheme.
impl FromStr for Address {
    type Err = AddressError;

    fn from_str(uri: &str) -> Result<Self, AddressError> {
        Self::resolve(uri, None)
    }
}

/// Splits a query at `&` and `=`, and decodes keys and values.
fn decode_query(query: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = query;
    while !rest.is_empty() {
        let (pair, after) = rest.split_once('&').unwrap_or((rest, ""));
        rest = after;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !pair.is_empty() {
            assign(&mut pairs, decode_component(key), decode_component(value));
        }
    }
    pairs
}

/// Sets a key like an assignment in JavaScript: a repeated key keeps its position and gets the last value.
pub(super) fn assign<T: PartialEq>(pairs: &mut Vec<(T, T)>, key: T, value: T) {
    match pairs.iter_mut().find(|(name, _)| *name == key) {
        Some((_, old)) => *old = value,
        None => pairs.push((key, value)),
    }
}

/// Decodes a key or value as `decodeURIComponent` does. Malformed encoding is returned unchanged.
fn decode_component(text: &str) -> String {
    let is_encoded = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let well_formed = text.split('%').skip(1).all(is_encoded);
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if well_formed => decoded.into_owned(),
        _ => text.to_owned(),
    }
}

/// Parts of a page's URL that complete a relative address.
struct Location<'t> {
    secure: bool,
    authority: &'t str,
}

impl<'t> Location<'t> {
    fn parse(href: &'t str) -> Result<Self, AddressError> {
        let (scheme, rest) = split_scheme(href).ok_or(AddressError::NoLocation)?;
        Ok(Self {
            secure: is_secure(scheme)?,
            authority: split_authority(rest).0,
        })
    }
}

/// Splits `<scheme>://<rest>`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    // A scheme contains no colon.
    let (scheme, rest) = text.split_once(':')?;
    let rest = rest.strip_prefix("//")?;
    let legal = scheme
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    (legal && !scheme.is_empty()).then_some((scheme, rest))
}

fn is_secure(scheme: &str) -> Result<bool, AddressError> {
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is("https") || is("wss") {
        Ok(true)
    } else if is("http") || is("ws") {
        Ok(false)
    } else {
        Err(AddressError::Scheme(scheme.to_owned()))
    }
}

/// Host and port, without `user:password@`.
fn authority_alone(mut authority: &str) -> &str {
    while let Some((_, host)) = authority.split_once('@') {
        authority = host;
    }
    authority
}

/// Splits the authority from the rest, which begins with `/`, `?` or `#`.
fn split_authority(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// White space, control characters, and characters that a URL forbids in a host.
fn is_illegal(char: char) -> bool {
    matches!(
        char,
        '\0'..=' ' | '\u{7f}'..='\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}'
            | '\u{202f}' | '\u{205f}' | '\u{3000}'
            | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' | '[' | ']' | '%'
    )
}

/// Host without brackets, and the port if there is one.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), AddressError> {
    let Some((host, port)) = split_host(authority) else {
        return Err(AddressError::Host(authority.to_owned()));
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    match uint(port).map(u16::try_from) {
        Some(Ok(number @ 1..)) => Ok((host, Some(number))),
        _ => Err(AddressError::Port(port.to_owned())),
    }
}

/// Host without brackets, and the port as text; `None` for an invalid host.
fn split_host(authority: &str) -> Option<(&str, &str)> {
    let Some(rest) = authority.strip_prefix('[') else {
        let parts = authority.split_once(':').unwrap_or((authority, ""));
        return (!parts.0.is_empty() && !parts.0.chars().any(is_illegal)).then_some(parts);
    };
    let (host, rest) = rest.split_once(']')?;
    let legal = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    if !host.contains(':') || !host.bytes().all(legal) {
        return None;
    }
    match rest.strip_prefix(':') {
        None if !rest.is_empty() => None,
        port => Some((host, port.unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Origin and namespace of the resolved `uri`.
    fn resolved(uri: &str, location: Option<&str>) -> (String, String) {
        let address = Address::resolve(uri, location).expect("a legal address");
        (address.origin(), address.namespace().to_owned())
    }

    #[test]
    fn address_in_official_forms_is_parsed() {
        let page = Some("http://example.org:8080/a/page.html?x#y");
        for (uri, location, origin, namespace) in [
            ("", page, "http://example.org:8080", "/"),
            ("/admin", page, "http://example.org:8080", "/admin"),
            ("//other.org/admin", page, "http://other.org", "/admin"),
            (
                "//other.org/admin",
                Some("https://a.b"),
                "https://other.org",
                "/admin",
            ),
            ("other.org:3000", page, "http://other.org:3000", "/"),
            ("other.org:3000/x/y", page, "http://other.org:3000", "/x/y"),
            ("localhost", Some("https://a.b"), "https://localhost", "/"),
            ("http://a.b:80/", None, "http://a.b", "/"),
            ("http://a.b:443", None, "http://a.b:443", "/"),
            ("https://a.b:443/ns", page, "https://a.b", "/ns"),
            ("ws://a.b", None, "http://a.b", "/"),
            ("wss://a.b/ns?x=1#frag", None, "https://a.b", "/ns"),
            ("WSS://A.B", None, "https://a.b", "/"),
            ("http://user:pass@a.b/ns", None, "http://a.b", "/ns"),
            ("http://[::1]:3000/ns", None, "http://[::1]:3000", "/ns"),
            ("https://[2001:db8::1]", None, "https://[2001:db8::1]", "/"),
            ("http://a.b?x=http://c.d/e", None, "http://a.b", "/"),
            ("/a?x=http://c.d/e", page, "http://example.org:8080", "/a"),
        ] {
            assert_eq!(
                resolved(uri, location),
                (origin.to_owned(), namespace.to_owned()),
                "{uri}"
            );
        }
    }

    #[test]
    fn address_invalid_is_refused_with_the_offending_part() {
        let wrong = |uri: &str| Address::resolve(uri, None).expect_err("no address");
        assert_eq!(wrong(""), AddressError::NoLocation);
        assert_eq!(wrong("/admin"), AddressError::NoLocation);
        assert_eq!(wrong("//host"), AddressError::NoLocation);
        let missing = wrong("127.0.0.1:5000/ns");
        assert_eq!(missing, AddressError::NoScheme("127.0.0.1:5000/ns".into()));
        let text = "address without scheme; write 'http://127.0.0.1:5000/ns' or 'https://127.0.0.1:5000/ns'";
        assert_eq!(missing.to_string(), text);
        assert_eq!(wrong("ftp://a.b"), AddressError::Scheme("ftp".into()));
        assert_eq!(wrong("http://"), AddressError::Host(String::new()));
        assert_eq!(wrong("http:///x"), AddressError::Host(String::new()));
        assert_eq!(wrong("http://a b"), AddressError::Host("a b".into()));
        assert_eq!(wrong("http://[::1"), AddressError::Host("[::1".into()));
        assert_eq!(wrong("http://a.b:0"), AddressError::Port("0".into()));
        assert_eq!(wrong("http://a.b:+1"), AddressError::Port("+1".into()));
        assert_eq!(wrong("http://a.b:65536"), AddressError::Port("65536".into()));
        assert_eq!(wrong("http://::1"), AddressError::Host("::1".into()));
        assert_eq!(wrong(&"a".repeat(8001)), AddressError::TooLong(8001));
    }

    #[test]
    fn address_key_with_same_host_port_and_path_is_equal() {
        let key = |uri: &str| resolved_key(uri, "/socket.io");
        assert_eq!(key("http://a.b/one"), "http://a.b:80/socket.io");
        assert_eq!(key("http://a.b/one"), key("ws://a.b:80/two?x=1"));
        assert_ne!(key("http://a.b"), key("https://a.b"));
        assert_ne!(key("http://a.b"), resolved_key("http://a.b", "/other"));
        assert_eq!(key("http://[::1]"), "http://[::1]:80/socket.io");
    }

    fn resolved_key(uri: &str, path: &str) -> String {
        Address::resolve(uri, None).expect("a legal address").key(path)
    }

    #[test]
    fn query_component_is_percent_decoded() {
        let encoded = "a%20b%26%C3%A9%3D%F0%9F%98%80-_.!~*'()%2F%3F%23%5B%5D%40%2B";
        assert_eq!(decode_component(encoded), "a b&é=\u{1f600}-_.!~*'()/?#[]@+");
    }

    #[test]
    fn query_component_malformed_stays_unchanged() {
        for text in ["%", "%4", "%zz", "%ff", "%41%"] {
            assert_eq!(decode_component(text), text);
        }
    }

    #[test]
    fn query_malformed_encoding_stays_unchanged() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            decode_query("a=%&b=%4&c=%zz&d=%ff&e=%41"),
            [
                pair("a", "%"),
                pair("b", "%4"),
                pair("c", "%zz"),
                pair("d", "%ff"),
                pair("e", "A"),
            ]
        );
        assert_eq!(decode_query("a=1&b=2&a=3"), [pair("a", "3"), pair("b", "2")]);
        assert_eq!(decode_query("&&a&=b"), [pair("a", ""), pair("", "b")]);
    }
}
