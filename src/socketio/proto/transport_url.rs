//! URLs of transports and of polling requests.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use super::address::{Address, assign};
use super::config::Config;
use super::connection::Connection;
use super::rng::Rng;
use super::state::{PollingSession, State};
use super::transport::{TransportId, TransportKind};

/// Characters that `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

fn encode_component(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, COMPONENT)
}

/// URL of a transport. Query parameters in the official order: the user's, `EIO`, `transport`, `sid`, cache buster,
/// `b64`.
pub(super) fn url(
    config: &Config,
    address: &Address,
    kind: TransportKind,
    sid: Option<&str>,
    cache_buster: impl FnOnce() -> String,
) -> String {
    let stamped = config.timestamp_requests.unwrap_or(kind.is_polling());
    let text_only = config.force_base64 && (!kind.is_polling() || sid.is_none());
    let cache_buster = stamped.then(cache_buster);
    let mut out = address.with_scheme(match (kind.is_polling(), address.is_secure()) {
        (false, false) => "ws",
        (false, true) => "wss",
        (true, false) => "http",
        (true, true) => "https",
    });
    if !config.path.starts_with('/') {
        out.push('/');
    }
    out.push_str(config.path.strip_suffix('/').unwrap_or(&config.path));
    if config.add_trailing_slash {
        out.push('/');
    }
    let own = address.query();
    let own = if own.is_empty() { &config.query } else { own };
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (key, value) in own {
        assign(&mut pairs, key, value);
    }
    // Parameters of the protocol replace those of the user with the same key.
    let protocol = [
        ("EIO", Some("4")),
        ("transport", Some(kind.as_str())),
        ("sid", sid),
        (&*config.timestamp_param, cache_buster.as_deref()),
        ("b64", text_only.then_some("1")),
    ];
    for (key, value) in protocol {
        if let Some(value) = value {
            assign(&mut pairs, key, value);
        }
    }
    let mut separator = '?';
    for (key, value) in pairs {
        out.push(separator);
        separator = '&';
        out.extend(encode_component(key));
        out.push('=');
        out.extend(encode_component(value));
    }
    out
}

impl Connection {
    /// URL for the next request of a polling transport, with the session id once it is known. Take a new URL for each
    /// request. The most recently closed transport still has one, for frames that it must send; `None` for older
    /// transports and for WebSockets.
    pub fn request_url(&mut self, id: TransportId) -> Option<String> {
        let session = match &self.last_polling {
            _ if self.is_current(id) => self.polling_session(),
            Some((last, session)) if *last == id => Some(session.clone()),
            _ => None,
        };
        let PollingSession { kind, address, sid } = session?;
        Some(url(&self.config, &address, kind, sid.as_deref(), || {
            cache_buster(&mut self.rng)
        }))
    }

    fn polling_session(&self) -> Option<PollingSession> {
        let (kind, address, session) = match &self.state {
            State::Connecting(connecting) => (connecting.kind, &connecting.address, &connecting.session),
            State::Established(open) => (open.kind, &open.address, &open.session),
            State::Idle | State::Backoff { .. } => return None,
        };
        kind.is_polling().then(|| PollingSession {
            kind,
            address: address.clone(),
            sid: session.handshake().map(|handshake| handshake.sid.clone()),
        })
    }

    /// Whether the current transport is polling.
    pub(crate) fn is_polling(&self) -> bool {
        self.transport().is_some_and(|(_, kind)| kind.is_polling())
    }

    /// Remembers the session of a polling transport that is about to close.
    pub(super) fn remember_polling_session(&mut self) {
        if let Some((id, _)) = self.transport()
            && let Some(session) = self.polling_session()
            && session.sid.is_some()
        {
            self.last_polling = Some((id, session));
        }
    }
}

/// Unique value that keeps caches from answering a request: eight characters in base 36.
pub(super) fn cache_buster(rng: &mut Rng) -> String {
    let mut bits = rng.next_u64();
    let mut text = String::new();
    for _ in 0..8 {
        let digit = u32::try_from(bits % 36).unwrap_or(0);
        bits /= 36;
        text.push(char::from_digit(digit, 36).unwrap_or('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(uri: &str) -> Config {
        Config::new(uri.parse().expect("a legal address"))
    }

    fn first(config: &Config, kind: TransportKind) -> String {
        url(config, &config.address, kind, None, || "abc".to_owned())
    }

    #[test]
    fn websocket_url_has_official_parameters_in_order() {
        assert_eq!(
            first(
                &config("https://a.b:8443/ns?token=x%20y"),
                TransportKind::WebSocket
            ),
            "wss://a.b:8443/socket.io/?token=x%20y&EIO=4&transport=websocket"
        );
    }

    #[test]
    fn polling_url_has_cache_buster_unless_disabled() {
        let mut config = config("http://a.b");
        let kind = TransportKind::Polling;
        assert_eq!(
            first(&config, kind),
            "http://a.b/socket.io/?EIO=4&transport=polling&t=abc"
        );
        assert_eq!(
            url(&config, &config.address, kind, Some("s/1"), || "abc".to_owned()),
            "http://a.b/socket.io/?EIO=4&transport=polling&sid=s%2F1&t=abc"
        );
        config.timestamp_requests = Some(false);
        assert_eq!(
            first(&config, kind),
            "http://a.b/socket.io/?EIO=4&transport=polling"
        );
        config.timestamp_requests = Some(true);
        config.timestamp_param = "ts".to_owned();
        assert_eq!(
            first(&config, TransportKind::WebSocket),
            "ws://a.b/socket.io/?EIO=4&transport=websocket&ts=abc"
        );
    }

    #[test]
    fn base64_forced_is_announced_in_handshake() {
        let mut config = config("http://a.b");
        config.force_base64 = true;
        assert!(first(&config, TransportKind::WebSocket).ends_with("&b64=1"));
        assert!(first(&config, TransportKind::Polling).ends_with("&b64=1"));
        let kind = TransportKind::Polling;
        let later = url(&config, &config.address, kind, Some("s"), String::new);
        assert!(!later.contains("b64"));
    }

    #[test]
    fn url_path_has_one_trailing_slash_or_none() {
        let mut config = config("http://[::1]:3000");
        for path in ["/my", "/my/", "my"] {
            config.path = path.to_owned();
            assert!(
                first(&config, TransportKind::WebSocket).starts_with("ws://[::1]:3000/my/?"),
                "{path}"
            );
        }
        config.add_trailing_slash = false;
        assert!(first(&config, TransportKind::WebSocket).starts_with("ws://[::1]:3000/my?"));
    }

    #[test]
    fn query_of_address_overrides_option_and_protocol_overrides_both() {
        let mut with_both = config("http://a.b?EIO=3&a=1&a=2");
        with_both.query = vec![("b".to_owned(), "3".to_owned())];
        assert_eq!(
            first(&with_both, TransportKind::WebSocket),
            "ws://a.b/socket.io/?EIO=4&a=2&transport=websocket"
        );
        let mut with_option = config("http://a.b");
        with_option.query = vec![("b".to_owned(), "é&".to_owned())];
        assert!(first(&with_option, TransportKind::WebSocket).contains("/?b=%C3%A9%26&EIO=4"));
    }

    #[test]
    fn query_repeated_key_keeps_last_value_at_first_position() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut with_option = config("http://a.b");
        with_option.query = vec![pair("a", "1"), pair("b", "2"), pair("a", "3")];
        assert_eq!(
            first(&with_option, TransportKind::WebSocket),
            "ws://a.b/socket.io/?a=3&b=2&EIO=4&transport=websocket"
        );
    }

    #[test]
    fn component_is_encoded_as_encode_uri_component_does() {
        let encoded: String = encode_component("a b&é=\u{1f600}-_.!~*'()/?#[]@+").collect();
        assert_eq!(
            encoded,
            "a%20b%26%C3%A9%3D%F0%9F%98%80-_.!~*'()%2F%3F%23%5B%5D%40%2B"
        );
    }
}
