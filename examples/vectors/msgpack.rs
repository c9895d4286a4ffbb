//! Cases of socket.io-msgpack-parser.

use pesan::socketio::value::Value;
use pesan::socketio::{DecodeError, Limits, msgpack};

use super::socketio::{packet, packet_of};
use super::{Verdict, marked, text_of};

/// Decodes one frame (`in`, hexadecimal); the official result is a `packet` or an `error`.
pub(super) fn decode(case: &Value) -> Result<Verdict, String> {
    let frame = marked::bytes_of(text_of(case, "in").ok_or("no frame")?)?;
    let ours = msgpack::decode(&frame, &Limits::default());
    match (case.get("packet"), ours) {
        (Some(theirs), Ok(ours)) => packet(theirs, &ours),
        (None, Err(_)) => Ok(Verdict::Same),
        (None, Ok(ours)) if text_of(case, "error") == Some("invalid payload") => match ours.body {
            pesan::socketio::packet::Body::ConnectError(None) => {
                Ok(Verdict::OnPurpose("a refused connection needs no reason"))
            }
            _ => Err("accepted".to_owned()),
        },
        (None, Ok(_)) => Err("accepted".to_owned()),
        (Some(theirs), Err(error)) => refused(theirs, &error)
            .map(Verdict::OnPurpose)
            .ok_or_else(|| format!("fails with '{error}'")),
    }
}

/// Finds the rule by which this decoder refuses a packet that the official parser accepts as `theirs`.
fn refused(theirs: &Value, error: &DecodeError) -> Option<&'static str> {
    let name = theirs.get("data").and_then(Value::as_array).map(<[_]>::first);
    let (holds, rule) = match error {
        DecodeError::InvalidPayload(_) => (
            !matches!(name, Some(Some(Value::String(_) | Value::Number(_)))),
            "an event has a name",
        ),
        DecodeError::ReservedName(reserved) => (
            name.flatten().and_then(Value::as_str) == Some(*reserved),
            "reserved names are refused with msgpack too",
        ),
        DecodeError::MissingAckId => (theirs.get("id").is_none(), "an ack needs an id"),
        DecodeError::AckIdOutOfRange => (
            theirs
                .get("id")
                .and_then(Value::as_number)
                .is_some_and(|id| id.as_u64().is_none()),
            "ack ids are not negative",
        ),
        DecodeError::InvalidPacket(_) => (
            text_of(theirs, "nsp").is_some_and(|namespace| !namespace.starts_with('/')),
            "a namespace begins with '/'",
        ),
        DecodeError::Msgpack(msgpack::MsgpackError::Key) => (true, "keys are texts or numbers"),
        _ => return None,
    };
    holds.then_some(rule)
}

/// Encodes the packet `in`; `out` is the official frame.
pub(super) fn encode(case: &Value) -> Result<Verdict, String> {
    let packet = packet_of(case.get("in").ok_or("no packet")?)?;
    let theirs = marked::bytes_of(text_of(case, "out").ok_or("no frame")?)?;
    let ours = msgpack::encode(&packet);
    if ours == theirs {
        return Ok(Verdict::Same);
    }
    match msgpack::decode(&theirs, &Limits::default()) {
        Ok(read) if read == packet => Err(format!("written otherwise: {ours:02x?}")),
        // The official frame does not decode to the packet, this one does.
        _ if msgpack::decode(&ours, &Limits::default()).as_ref() == Ok(&packet) => Ok(Verdict::OnPurpose(
            "whole numbers beyond 64 bits keep their value",
        )),
        _ => Err(format!("written as {ours:02x?}")),
    }
}
