//! Encoding of what nodes send each other: messages, sessions, targets.

use std::sync::Arc;

use pesan::socketio::packet::{Body, Packet};
use pesan::socketio::{Limits, Value, msgpack};

use crate::socketio::recovery::{JoinOffsets, Offset, SavedSession};
use crate::socketio::rooms::Target;

/// Decodes a packet of another node; returns it with its first argument, the name of the node.
pub(super) fn read(message: &[u8]) -> Option<(Packet, String)> {
    let mut limits = Limits::default();
    limits.max_frame_bytes = usize::MAX;
    let mut packet = match msgpack::decode(message, &limits) {
        Ok(packet) => packet,
        Err(error) => {
            tracing::warn!(%error, "cannot decode message of another node");
            return None;
        }
    };
    let (Body::Event { args, .. } | Body::Ack { args, .. }) = &mut packet.body else {
        return None;
    };
    if args.is_empty() {
        return None;
    }
    let node = args.remove(0).as_str()?.to_owned();
    Some((packet, node))
}

/// Decodes a session that was saved for this namespace.
pub(super) fn decode_session(message: &[u8], namespace: &str, pid: &str) -> Option<SavedSession> {
    let (packet, _) = read(message)?;
    if packet.namespace != namespace {
        return None;
    }
    let Body::Event { args, .. } = packet.body else {
        return None;
    };
    let [sid, rooms, data, since] = args.try_into().ok()?;
    let rooms = rooms
        .as_array()?
        .iter()
        .filter_map(|room| room.as_str().map(str::to_owned));
    Some(SavedSession {
        sid: sid.as_str()?.to_owned(),
        pid: pid.to_owned(),
        rooms: rooms.collect(),
        since: decode_join_offsets(&since)?,
        data,
    })
}

fn decode_join_offsets(value: &Value) -> Option<JoinOffsets> {
    let decode_offset = |value: &Value| -> Option<Offset> {
        let [millis, number] = value.as_array()? else {
            return None;
        };
        Some((millis.as_number()?.as_u64()?, number.as_number()?.as_u64()?))
    };
    let [connected, Value::Object(rooms)] = value.as_array()? else {
        return None;
    };
    let rooms = rooms
        .iter()
        .map(|(room, at)| Some((room.as_str().into(), decode_offset(at)?)));
    Some(JoinOffsets {
        connected: decode_offset(connected)?,
        rooms: rooms.collect::<Option<_>>()?,
    })
}

pub(super) fn decode_names(value: &Value) -> Option<Vec<Arc<str>>> {
    let names = value.as_array()?.iter().map(|name| name.as_str().map(Arc::from));
    names.collect()
}

/// Decodes a target from the next two arguments.
pub(super) fn decode_target(args: &mut std::vec::IntoIter<Value>) -> Option<Target> {
    Some(Target {
        rooms: decode_names(&args.next()?)?,
        except: decode_names(&args.next()?)?,
    })
}

pub(super) fn decode_list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

/// Encodes the offset at which a socket connected, then those at which it joined its rooms.
pub(super) fn join_offsets_value(since: &JoinOffsets) -> Value {
    let encode = |(millis, number): Offset| Value::from(vec![Value::from(millis), Value::from(number)]);
    let rooms = since.rooms.iter().map(|(room, at)| (&**room, encode(*at)));
    Value::from(vec![encode(since.connected), Value::object(rooms)])
}

/// Encodes a target as two lists: rooms and exceptions.
pub(in crate::socketio) fn target_values(target: &Target) -> [Value; 2] {
    [names_value(&target.rooms), names_value(&target.except)]
}

/// Encodes names of rooms as a list.
pub(in crate::socketio) fn names_value(names: &[Arc<str>]) -> Value {
    Value::from(names.iter().map(|name| Value::from(&**name)).collect::<Vec<_>>())
}
