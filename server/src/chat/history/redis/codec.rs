//! How messages and rooms are stored in Redis, and reading them.

use std::collections::HashMap;

use pesan::protocol::{Message, Person, Quote, RoomKind};
use redis::Pipeline;
use redis::streams::{StreamId, StreamRangeReply};
use serde::{Deserialize, Serialize};

use super::super::{RedisClient, SavedRoom, StoreError};

/// Version of the keys, kept in Redis.
pub(super) const VERSION: u32 = 1;
/// Approximate number of entries in the feed. A node that missed fewer of them can catch up.
pub(super) const FEED_LENGTH: usize = 10_000;

/// Value of a room in the hash `rooms`; the field is its id.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    name: String,
    kind: RoomKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    members: Option<[Person; 2]>,
}

/// Position in the feed: milliseconds since 1970, and a counter.
pub(super) type FeedPosition = (u64, u64);

/// Parses an entry id `<milliseconds>-<counter>`.
pub(super) fn parse_position(id: &str) -> Option<FeedPosition> {
    let (millis, number) = id.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}

/// Adds the query for the newest entry of a stream.
pub(super) fn query_newest(pipeline: &mut Pipeline, stream: &str) {
    pipeline
        .cmd("XREVRANGE")
        .arg(stream)
        .arg("+")
        .arg("-")
        .arg("COUNT")
        .arg(1);
}

/// Position of the entry that [`query_newest`] found.
pub(super) fn newest_position(found: &StreamRangeReply) -> Option<FeedPosition> {
    found.ids.first().and_then(|entry| parse_position(&entry.id))
}

/// Encodes the record of a room.
pub(super) fn record(room: &SavedRoom) -> Result<String, StoreError> {
    let record = Record {
        name: room.name.clone(),
        kind: room.kind,
        members: room.members.clone(),
    };
    serde_json::to_string(&record).map_err(|error| StoreError::Other(error.to_string()))
}

/// Decodes the record of a room; its messages are not included.
pub(super) fn room(id: &str, record: &str) -> Option<SavedRoom> {
    let Record { name, kind, members } = serde_json::from_str(record).ok()?;
    Some(SavedRoom {
        id: id.to_owned(),
        name,
        kind,
        members,
        last_seq: 0,
        last: None,
    })
}

/// Decodes messages of a room's log.
pub(super) fn messages(room: &str, found: &StreamRangeReply) -> Result<Vec<Message>, StoreError> {
    let found = found.ids.iter();
    found
        .map(|entry| {
            let seq = parse_position(&entry.id).map(|(seq, _)| seq);
            seq.and_then(|seq| message(room, seq, entry))
                .ok_or(StoreError::Corrupt)
        })
        .collect()
}

/// Decodes the message in an entry of a log or of the feed.
pub(super) fn message(room: &str, seq: u64, entry: &StreamId) -> Option<Message> {
    let reply = match entry.get::<String>("q") {
        Some(quote) => Some(serde_json::from_str::<Quote>(&quote).ok()?),
        None => None,
    };
    Some(Message {
        room: room.to_owned(),
        seq,
        id: entry.get("i")?,
        author: Person {
            id: entry.get("a")?,
            name: entry.get("n")?,
        },
        text: entry.get("t")?,
        at: entry.get("w")?,
        reply,
    })
}

/// Every room, with its newest message.
pub(super) async fn rooms(client: &RedisClient) -> Result<Vec<SavedRoom>, StoreError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("HGETALL").arg(client.key("rooms"));
    pipeline.cmd("HGETALL").arg(client.key("seqs"));
    let (records, seqs): (HashMap<String, String>, HashMap<String, u64>) = client.query(&pipeline).await?;
    let mut rooms = Vec::with_capacity(records.len());
    for (id, record) in &records {
        let mut room = room(id, record).ok_or(StoreError::Corrupt)?;
        room.last_seq = seqs.get(id).copied().unwrap_or(0);
        rooms.push(room);
    }
    if rooms.is_empty() {
        return Ok(rooms);
    }
    let mut pipeline = redis::pipe();
    for room in &rooms {
        query_newest(&mut pipeline, &client.key(&format!("log:{}", room.id)));
    }
    let newest: Vec<StreamRangeReply> = client.query(&pipeline).await?;
    for (room, newest) in rooms.iter_mut().zip(&newest) {
        room.last = messages(&room.id, newest)?.pop();
        // a message may be stored between the two queries
        room.last_seq = room.last_seq.max(room.last.as_ref().map_or(0, |last| last.seq));
    }
    Ok(rooms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_record_decodes_to_the_room_without_messages() {
        let person = |id: &str| Person {
            id: id.to_owned(),
            name: id.to_uppercase(),
        };
        let direct = SavedRoom {
            id: "d.1".to_owned(),
            name: String::new(),
            kind: RoomKind::Direct,
            members: Some([person("ana"), person("bob")]),
            last_seq: 0,
            last: None,
        };
        let text = record(&direct).expect("plain data");
        assert_eq!(room("d.1", &text), Some(direct));
        assert_eq!(room("d.1", "{}"), None);
    }

    #[test]
    fn feed_position_malformed_is_not_parsed() {
        assert_eq!(parse_position("1700000000000-3"), Some((1_700_000_000_000, 3)));
        for text in ["", "-", "1", "1-", "a-1", "1-1-1"] {
            assert_eq!(parse_position(text), None, "{text}");
        }
    }
}
