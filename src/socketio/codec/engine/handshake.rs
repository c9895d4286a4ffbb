//! Handshake: the JSON of the open packet, with session id, heartbeat intervals and limits.

use std::time::Duration;

use crate::socketio::codec::value::json::{self, JsonError};
use crate::socketio::codec::value::{Number, Value};

/// Data of the server's open packet.
///
/// ```
/// use pesan::socketio::engine::Handshake;
/// let open = r#"{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
/// let handshake = Handshake::decode(open).expect("all fields are there");
/// assert_eq!(handshake.ping_interval.as_secs(), 25);
/// assert_eq!(handshake.encode(), open);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// Id of the Engine.IO session. Secret: with it, anyone can act as the client.
    pub sid: String,
    /// Transports that the client may upgrade to.
    pub upgrades: Vec<String>,
    /// Time between two pings of the server.
    pub ping_interval: Duration,
    /// Time that the server waits for a pong.
    pub ping_timeout: Duration,
    /// Maximum size of a frame or payload that the server accepts, in bytes; `None` if it is not given.
    pub max_payload: Option<u64>,
}

/// Why an open packet is invalid.
///
/// ```
/// use pesan::socketio::engine::{Handshake, HandshakeError};
/// assert_eq!(Handshake::decode("{}"), Err(HandshakeError::Field("sid")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Not a JSON object.
    #[error("handshake is not JSON: {0}")]
    Json(JsonError),
    /// A field is missing or of the wrong type.
    #[error("handshake field '{0}' is missing or of the wrong type")]
    Field(&'static str),
}

/// Maximum heartbeat interval: a day.
const MAX_HEARTBEAT_MILLIS: u64 = 24 * 60 * 60 * 1000;

impl Handshake {
    /// Decodes the data of an open packet.
    ///
    /// # Errors
    /// [`HandshakeError`] when a required field is missing or invalid.
    pub fn decode(data: &str) -> Result<Self, HandshakeError> {
        let json = json::parse(data, 8).map_err(HandshakeError::Json)?;
        let number = |name| json.get(name).and_then(Value::as_number).and_then(Number::as_u64);
        let millis = |name| match number(name) {
            Some(millis @ 1..=MAX_HEARTBEAT_MILLIS) => Ok(Duration::from_millis(millis)),
            _ => Err(HandshakeError::Field(name)),
        };
        let sid = match json.get("sid") {
            Some(Value::String(sid)) if !sid.is_empty() => sid.clone(),
            _ => return Err(HandshakeError::Field("sid")),
        };
        let mut upgrades = Vec::new();
        if let Some(Value::Array(names)) = json.get("upgrades") {
            for name in names.iter().filter_map(Value::as_str) {
                upgrades.push(name.to_owned());
            }
        }
        Ok(Self {
            sid,
            upgrades,
            ping_interval: millis("pingInterval")?,
            ping_timeout: millis("pingTimeout")?,
            max_payload: number("maxPayload"),
        })
    }

    /// Encodes the data of an open packet, with fields in the official order.
    #[must_use]
    pub fn encode(&self) -> String {
        let millis =
            |duration: Duration| Value::from(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let mut fields = vec![
            ("sid".to_owned(), Value::from(self.sid.as_str())),
            (
                "upgrades".to_owned(),
                Value::Array(
                    self.upgrades
                        .iter()
                        .map(|name| Value::from(name.as_str()))
                        .collect(),
                ),
            ),
            ("pingInterval".to_owned(), millis(self.ping_interval)),
            ("pingTimeout".to_owned(), millis(self.ping_timeout)),
        ];
        if let Some(max) = self.max_payload {
            fields.push(("maxPayload".to_owned(), Value::from(max)));
        }
        json::to_string(&Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(field: &str) -> Result<Handshake, HandshakeError> {
        let fields = [
            ("sid", "\"x\""),
            ("pingInterval", "25000"),
            ("pingTimeout", "20000"),
        ];
        let fields: Vec<String> = fields
            .iter()
            .filter(|(name, _)| *name != field)
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        Handshake::decode(&format!("{{{}}}", fields.join(",")))
    }

    #[test]
    fn handshake_without_optional_fields_is_accepted() {
        let handshake = without("").expect("enough fields");
        assert_eq!((handshake.upgrades.len(), handshake.max_payload), (0, None));
    }

    #[test]
    fn handshake_without_required_field_is_refused() {
        for field in ["sid", "pingInterval", "pingTimeout"] {
            assert_eq!(without(field), Err(HandshakeError::Field(field)));
        }
    }

    #[test]
    fn handshake_with_invalid_interval_is_refused() {
        for interval in ["0", "-1", "1.5", "1e400", "86400001", "\"1000\"", "null"] {
            let data = format!(r#"{{"sid":"x","pingInterval":{interval},"pingTimeout":1}}"#);
            assert_eq!(
                Handshake::decode(&data),
                Err(HandshakeError::Field("pingInterval")),
                "{interval}"
            );
        }
    }

    #[test]
    fn handshake_not_json_is_refused() {
        assert!(matches!(Handshake::decode("{"), Err(HandshakeError::Json(_))));
        assert_eq!(Handshake::decode("[]"), Err(HandshakeError::Field("sid")));
    }
}
