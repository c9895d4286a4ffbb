//! The msgpack parser: a packet is one binary frame, a map `{type, nsp, id?, data?}`.
//!
//! Wire-compatible with `socket.io-msgpack-parser`, which writes by `notepack.io`. There are no attachments:
//! binary is part of the value, and types are 0 to 4. Chosen by [`Parser::Msgpack`](super::Parser::Msgpack).
//!
//! Hand-written, since no msgpack crate reads and writes the JavaScript types below as `notepack.io` does, with limits for
//! depth and allocation.
//!
//! As in JavaScript: `undefined` (extension 0 of one byte) is `null` in an array and omitted in an object, a
//! date (extension 0 of eight bytes) is its ISO text as in JSON, an `ArrayBuffer` (extension 0 of any other
//! length) is binary, other extensions are `[type, bytes]`, and broken UTF-8 becomes U+FFFD.
//!
//! Unlike JavaScript, on purpose: events require a name that is not reserved and acks require an id, as with the default
//! parser; a namespace begins with `/`; 64-bit integers stay exact; a whole number beyond 64 bits is written as
//! floating point, where `notepack.io` writes other digits; map keys must be strings or numbers.

pub(crate) mod read;
mod write;

pub use read::MsgpackError;

use super::Limits;
use super::packet::{self, Body, DecodeError, Packet};
use super::value::{Number, Value, json};

/// Encodes a packet as one binary frame.
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

/// Decodes a packet from one binary frame; unknown keys of the packet are ignored.
///
/// # Errors
/// [`DecodeError`]; the connection must then be closed.
pub fn decode(frame: &[u8], limits: &Limits) -> Result<Packet, DecodeError> {
    let limit = limits.max_frame_bytes;
    if frame.len() > limit {
        return Err(DecodeError::TooLarge {
            size: frame.len(),
            limit,
        });
    }
    // The packet's map adds one level.
    let Value::Object(entries) = read::document(frame, limits.max_depth.saturating_add(1))? else {
        return Err(DecodeError::InvalidPacket("a packet must be a map"));
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
        return Err(DecodeError::InvalidPacket("a namespace must begin with '/'"));
    };
    let limit = limits.max_namespace_bytes;
    if namespace.len() > limit {
        return Err(DecodeError::NamespaceTooLong { limit });
    }
    let body = match kind {
        Some(0) => packet::connect(data)?,
        Some(1) => packet::disconnect(data.as_ref())?,
        Some(2) => packet::event(ack_id(id)?, data)?,
        Some(3) => packet::ack(ack_id(id)?, data)?,
        Some(4) => packet::connect_error(data)?,
        _ => return Err(DecodeError::InvalidPacket("the type of a packet must be 0 to 4")),
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
