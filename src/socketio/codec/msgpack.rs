//! The msgpack parser: a packet is one binary frame, a map `{type, nsp, id?, data?}`.
//!
//! Wire-compatible with `socket.io-msgpack-parser`, which writes by `notepack.io`. There are no attachments:
//! binary stands where it belongs, and types are 0 to 4. Chosen by [`Parser::Msgpack`](super::Parser::Msgpack).
//!
//! As JavaScript has it: `undefined` (extension 0 of one byte) is `null` in an array and no key in an object, a
//! date (extension 0 of eight bytes) is its ISO text as in JSON, an `ArrayBuffer` (extension 0 of any other
//! length) is binary, other extensions are `[type, bytes]`, and broken UTF-8 becomes U+FFFD.
//!
//! Other than JavaScript, on purpose: events need a name that is not reserved and acks an id, as with the default
//! parser; a namespace begins with `/`; 64-bit integers stay exact; a whole number beyond 64 bits is written as
//! floating point, where `notepack.io` writes other digits; of a map's keys only texts and numbers are taken.

mod date;
mod read;
mod write;

use super::Limits;
use super::packet::{Body, DecodeError, Packet, body};
use super::value::{Number, Value, json};

/// Why bytes are not msgpack.
///
/// ```
/// use pesan::socketio::{DecodeError, Limits, msgpack};
/// let error = msgpack::decode(&[0xc1], &Limits::default()).unwrap_err();
/// assert_eq!(error, DecodeError::Msgpack(msgpack::MsgpackError::UnknownPrefix(0xc1)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MsgpackError {
    /// Bytes ended inside a value.
    #[error("unexpected end of msgpack")]
    UnexpectedEnd,
    /// More bytes than the value has.
    #[error("{count} bytes behind the msgpack value")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A byte that begins no value.
    #[error("unknown msgpack prefix {0:#04x}")]
    UnknownPrefix(u8),
    /// Key of a map is neither text nor number.
    #[error("key of a msgpack map is neither text nor number")]
    Key,
    /// Nested deeper than the limit.
    #[error("msgpack nested deeper than {limit}")]
    TooDeep {
        /// Limit that was exceeded.
        limit: usize,
    },
}

/// Writes a packet as one binary frame.
///
/// ```
/// use pesan::socketio::{Limits, Packet, msgpack, packet::Body};
/// let packet = Packet::new("/", Body::event("a", vec![vec![1, 2].into()]));
/// let frame = msgpack::encode(&packet);
/// assert_eq!(msgpack::decode(&frame, &Limits::default()), Ok(packet));
/// ```
#[must_use]
pub fn encode(packet: &Packet) -> Vec<u8> {
    let (kind, id, has_data) = match &packet.body {
        Body::Connect(data) => (0, None, data.is_some()),
        Body::Disconnect => (1, None, false),
        Body::Event { id, .. } => (2, *id, true),
        Body::Ack { id, .. } => (3, Some(*id), true),
        Body::ConnectError(data) => (4, None, data.is_some()),
    };
    let mut out = Vec::with_capacity(64);
    write::map_header(&mut out, 2 + usize::from(id.is_some()) + usize::from(has_data));
    write::text(&mut out, "type");
    write::uint(&mut out, kind);
    write::text(&mut out, "nsp");
    write::text(&mut out, &packet.namespace);
    if let Some(id) = id {
        write::text(&mut out, "id");
        write::uint(&mut out, id);
    }
    if has_data {
        write::text(&mut out, "data");
    }
    match &packet.body {
        Body::Connect(Some(data)) | Body::ConnectError(Some(data)) => write::value(&mut out, data),
        Body::Event { name, args, .. } => {
            write::array_header(&mut out, 1 + args.len());
            match json::parse(name.as_str(), 0) {
                Ok(number) if name.is_numeric() => write::value(&mut out, &number),
                _ => write::text(&mut out, name.as_str()),
            }
            args.iter().for_each(|arg| write::value(&mut out, arg));
        }
        Body::Ack { args, .. } => {
            write::array_header(&mut out, args.len());
            args.iter().for_each(|arg| write::value(&mut out, arg));
        }
        Body::Connect(None) | Body::Disconnect | Body::ConnectError(None) => {}
    }
    out
}

/// Reads a packet from one binary frame; unknown keys of the packet are ignored.
///
/// # Errors
/// [`DecodeError`]; the connection is to be closed then.
pub fn decode(frame: &[u8], limits: &Limits) -> Result<Packet, DecodeError> {
    let limit = limits.max_frame_bytes;
    if frame.len() > limit {
        return Err(DecodeError::TooLarge {
            size: frame.len(),
            limit,
        });
    }
    // The packet's own map is one level more.
    let Value::Object(entries) = read::document(frame, limits.max_depth.saturating_add(1))? else {
        return Err(DecodeError::InvalidPacket("a packet is a map"));
    };
    let (mut kind, mut namespace, mut id, mut data) = (None, None, None, None);
    for (key, value) in entries {
        match key.as_str() {
            "type" => kind = value.as_number().and_then(Number::as_u64),
            "nsp" => namespace = Some(value),
            "id" => id = Some(value),
            "data" => data = Some(value),
            _ => {}
        }
    }
    let Some(Value::String(namespace)) =
        namespace.filter(|name| name.as_str().is_some_and(|name| name.starts_with('/')))
    else {
        return Err(DecodeError::InvalidPacket("a namespace begins with '/'"));
    };
    let limit = limits.max_namespace_bytes;
    if namespace.len() > limit {
        return Err(DecodeError::NamespaceTooLong { limit });
    }
    let body = match kind {
        Some(0) => body::connect(data)?,
        Some(1) => body::disconnect(data.as_ref())?,
        Some(2) => body::event(ack_id(id)?, data)?,
        Some(3) => body::ack(ack_id(id)?, data)?,
        Some(4) => body::connect_error(data)?,
        _ => return Err(DecodeError::InvalidPacket("a packet's type is 0 to 4")),
    };
    Ok(Packet::new(namespace, body))
}

fn ack_id(id: Option<Value>) -> Result<Option<u64>, DecodeError> {
    let number = id.map(|id| {
        id.as_number()
            .and_then(Number::as_u64)
            .ok_or(DecodeError::AckIdOutOfRange)
    });
    number.transpose()
}

#[cfg(test)]
mod tests;
