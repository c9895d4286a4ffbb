//! What is known about a client from its handshake.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use pesan::socketio::value::Value;

use crate::engine::HandshakeRequest;

/// Handshake of a socket: the request that opened the connection, and the `auth` payload of its namespace.
///
/// It gives the fields of [`HandshakeRequest`]: `headers`, `query`, `address`, `secure`, `time`, `url`.
///
/// ```
/// use pesan_server::io::Socket;
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
    /// What the client gave as `auth`; an empty object if nothing.
    pub auth: Value,
}

impl Deref for Handshake {
    type Target = HandshakeRequest;

    fn deref(&self) -> &HandshakeRequest {
        &self.request
    }
}

impl Handshake {
    pub(super) fn new(request: Arc<HandshakeRequest>, auth: Value) -> Self {
        Self { request, auth }
    }

    /// Address of the client without its port.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// The same as one object, with the names of the official server; what other nodes see.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let text = |(key, value): (&str, &str)| (key.to_owned(), Value::from(value));
        let issued = self
            .time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        Value::object([
            ("headers", Value::object(self.headers.iter().map(text))),
            (
                "query",
                Value::object(self.query.iter().map(|(key, value)| text((key, value)))),
            ),
            ("address", Value::from(self.ip().to_string())),
            ("xdomain", Value::from(self.is_cross_domain())),
            ("secure", Value::from(self.secure)),
            ("issued", Value::from(u64::try_from(issued).unwrap_or(u64::MAX))),
            ("url", Value::from(&*self.url)),
            ("auth", self.auth.clone()),
        ])
    }
}
