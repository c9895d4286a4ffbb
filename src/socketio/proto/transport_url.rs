//! Query strings as `encodeURIComponent` writes them, and the URL of a transport.

mod component;

use super::{Address, Config, TransportKind};

/// Splits at `&` and `=` and decodes both sides; what is not valid percent-encoding stays as it is.
pub(super) fn decode(query: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = query;
    while !rest.is_empty() {
        let (pair, after) = rest.split_once('&').unwrap_or((rest, ""));
        rest = after;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !pair.is_empty() {
            assign(&mut pairs, component::decode(key), component::decode(value));
        }
    }
    pairs
}

/// Sets a key in its place, as an assignment in JavaScript does: the last one of a repeated key counts.
fn assign<T: PartialEq>(pairs: &mut Vec<(T, T)>, key: T, value: T) {
    match pairs.iter_mut().find(|(name, _)| *name == key) {
        Some((_, old)) => *old = value,
        None => pairs.push((key, value)),
    }
}

/// URL of a transport, parameters in the official order: the user's, `EIO`, `transport`, `sid`, time, `b64`.
pub(super) fn url(
    config: &Config,
    address: &Address,
    kind: TransportKind,
    sid: Option<&str>,
    unique: impl FnOnce() -> String,
) -> String {
    let stamped = config.timestamp_requests.unwrap_or(kind.is_polling());
    let text_only = config.force_base64 && (!kind.is_polling() || sid.is_none());
    let unique = stamped.then(unique);
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
    // What the protocol says takes the place of what the user says under the same key.
    let protocol = [
        ("EIO", Some("4")),
        ("transport", Some(kind.as_str())),
        ("sid", sid),
        (&*config.timestamp_param, unique.as_deref()),
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
        component::encode(&mut out, key);
        out.push('=');
        component::encode(&mut out, value);
    }
    out
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
    fn a_websocket_url_has_the_official_parts_in_order() {
        assert_eq!(
            first(
                &config("https://a.b:8443/ns?token=x%20y"),
                TransportKind::WebSocket
            ),
            "wss://a.b:8443/socket.io/?token=x%20y&EIO=4&transport=websocket"
        );
    }

    #[test]
    fn polling_stamps_each_request_unless_told_not_to() {
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
    fn base64_is_announced_at_the_handshake() {
        let mut config = config("http://a.b");
        config.force_base64 = true;
        assert!(first(&config, TransportKind::WebSocket).ends_with("&b64=1"));
        assert!(first(&config, TransportKind::Polling).ends_with("&b64=1"));
        let kind = TransportKind::Polling;
        let later = url(&config, &config.address, kind, Some("s"), String::new);
        assert!(!later.contains("b64"));
    }

    #[test]
    fn the_path_keeps_one_slash_at_its_end_or_none() {
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
    fn the_address_overrides_the_option_and_the_protocol_overrides_both() {
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
    fn last_one_of_a_repeated_key_counts_in_the_place_of_the_first() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(decode("a=1&b=2&a=3"), [pair("a", "3"), pair("b", "2")]);
        let mut with_option = config("http://a.b");
        with_option.query = vec![pair("a", "1"), pair("b", "2"), pair("a", "3")];
        assert_eq!(
            first(&with_option, TransportKind::WebSocket),
            "ws://a.b/socket.io/?a=3&b=2&EIO=4&transport=websocket"
        );
    }

    #[test]
    fn broken_percent_encoding_stays_as_it_is() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            decode("a=%&b=%4&c=%zz&d=%ff&e=%41"),
            [
                pair("a", "%"),
                pair("b", "%4"),
                pair("c", "%zz"),
                pair("d", "%ff"),
                pair("e", "A"),
            ]
        );
        assert_eq!(decode("&&a&=b"), [pair("a", ""), pair("", "b")]);
    }
}
