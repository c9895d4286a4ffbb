//! Handshake of a socket: request and `auth` payload.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use pesan::socketio::value::Value;

use crate::engineio::HandshakeRequest;

/// Handshake of a socket: the request that opened the connection, and the `auth` payload of its namespace.
///
/// It dereferences to the fields of [`HandshakeRequest`]: `headers`, `query`, `address`, `secure`, `url`.
///
/// ```
/// use pesan_server::socketio::Socket;
///
/// fn describe(socket: &Socket) -> String {
///     let handshake = socket.handshake();
///     let token = handshake.auth.get("token").and_then(|token| token.as_str());
///     format!("{} {:?} {token:?}", handshake.address, handshake.param("room"))
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Handshake {
    request: Arc<HandshakeRequest>,
    /// `auth` payload of the client; an empty object if there is none.
    pub auth: Value,
    /// Time of the CONNECT.
    pub time: SystemTime,
}

impl Deref for Handshake {
    type Target = HandshakeRequest;

    fn deref(&self) -> &HandshakeRequest {
        &self.request
    }
}

impl Handshake {
    pub(super) fn new(request: Arc<HandshakeRequest>, auth: Value) -> Self {
        Self {
            request,
            auth,
            time: SystemTime::now(),
        }
    }

    /// Address of the client without its port.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Handshake as one object, with the names of the official server; this is what other nodes get.
    ///
    /// Like in the official server, a repeated query parameter has its last value, and repeated headers are joined by commas.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let issued = self
            .time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        Value::object([
            ("headers", merged(self.headers.iter(), join_header)),
            ("time", Value::from(date_string(self.time))),
            ("address", Value::from(self.ip().to_string())),
            ("xdomain", Value::from(self.is_cross_domain())),
            ("secure", Value::from(self.secure)),
            ("issued", Value::from(u64::try_from(issued).unwrap_or(u64::MAX))),
            ("url", Value::from(&*self.url)),
            (
                "query",
                merged(
                    self.query.iter().map(|(key, value)| (&**key, &**value)),
                    |_, known, value| {
                        value.clone_into(known);
                    },
                ),
            ),
            ("auth", self.auth.clone()),
        ])
    }
}

/// Object with each key once; `merge` combines a further value with the first one.
fn merged<'t>(
    entries: impl Iterator<Item = (&'t str, &'t str)>,
    merge: impl Fn(&str, &mut String, &str),
) -> Value {
    let mut places = HashMap::new();
    let mut list: Vec<(&str, String)> = Vec::new();
    for (key, value) in entries {
        let place = *places.entry(key).or_insert(list.len());
        match list.get_mut(place) {
            Some((_, known)) => merge(key, known, value),
            None => list.push((key, value.to_owned())),
        }
    }
    Value::object(list.into_iter().map(|(key, value)| (key, Value::from(value))))
}

/// Headers of which Node.js keeps the first value.
const SINGLE: [&str; 18] = [
    "age",
    "authorization",
    "content-length",
    "content-type",
    "etag",
    "expires",
    "from",
    "host",
    "if-modified-since",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "referer",
    "retry-after",
    "server",
    "user-agent",
];

fn join_header(name: &str, known: &mut String, value: &str) {
    if !SINGLE.contains(&name) {
        known.push_str(if name == "cookie" { "; " } else { ", " });
        known.push_str(value);
    }
}

/// Formats a time like JavaScript's `Date`, in UTC.
fn date_string(time: SystemTime) -> String {
    // such as `Mon, 30 Nov 2026 17:00:33 GMT`
    let date = httpdate::fmt_http_date(time);
    let mut words = date.split([',', ' ']).filter(|word| !word.is_empty());
    let mut word = || words.next().unwrap_or_default();
    let (weekday, day, month, year, clock) = (word(), word(), word(), word(), word());
    format!("{weekday} {month} {day} {year} {clock} GMT+0000 (Coordinated Universal Time)")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_is_formatted_like_javascript_date() {
        let time = UNIX_EPOCH + Duration::from_secs(1_796_058_033);
        assert_eq!(
            date_string(time),
            "Mon Nov 30 2026 17:00:33 GMT+0000 (Coordinated Universal Time)"
        );
    }

    #[test]
    fn headers_repeated_are_merged_like_in_node() {
        let headers = [
            ("cookie", "a=1"),
            ("host", "a"),
            ("x", "1"),
            ("cookie", "b=2"),
            ("host", "b"),
            ("x", "2"),
        ];
        let expected = [("cookie", "a=1; b=2"), ("host", "a"), ("x", "1, 2")];
        let expected = Value::object(expected.map(|(key, value)| (key, Value::from(value))));
        assert_eq!(merged(headers.into_iter(), join_header), expected);
    }
}
