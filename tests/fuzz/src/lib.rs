//! What is asked of each decoder, for any bytes: no panic, and what was read can be written and read again.
//!
//! Shared by the libFuzzer targets and by the test that replays the corpus.

use pesan::socketio::engine::{Handshake, Packet as EnginePacket, polling_payload as payload};
use pesan::socketio::value::{Value, json};
use pesan::socketio::{Decoded, Decoder, Frame, Limits, Packet, msgpack};

/// A target: takes any bytes, panics when a rule is broken.
pub type Target = fn(&[u8]);

/// All targets with their names, which are those of the corpus folders.
pub const TARGETS: [(&str, Target); 6] = [
    ("engine_packet", engine_packet),
    ("payload", payload),
    ("handshake", handshake),
    ("packets", packets),
    ("json", json),
    ("msgpack", msgpack),
];

/// One Engine.IO packet of text.
pub fn engine_packet(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(packet) = EnginePacket::decode(Frame::from(text)) {
        assert_eq!(EnginePacket::decode_text(text).as_ref(), Ok(&packet));
        assert_eq!(EnginePacket::decode(packet.encode()).as_ref(), Ok(&packet));
        assert_eq!(packet.encode(), packet.into_frame());
    }
}

/// A polling body.
pub fn payload(data: &[u8]) {
    let Ok(body) = str::from_utf8(data) else { return };
    let limits = Limits::default();
    let mut again = String::new();
    let mut before = Vec::new();
    for packet in payload::packets(body, &limits).map_while(Result::ok) {
        payload::encode_into(&mut again, &packet);
        before.push(packet);
    }
    assert!(before.len() <= limits.max_payload_packets);
    match payload::decode(body, &limits) {
        Ok(packets) => assert_eq!(packets, before),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if !before.is_empty() {
        assert_eq!(payload::decode(&again, &limits), Ok(before));
    }
}

/// The JSON of an open packet.
pub fn handshake(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(handshake) = Handshake::decode(text) {
        assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
    }
}

/// Frames of Socket.IO, parted by the byte 0xff, which no text has; an odd first byte makes a frame binary.
pub fn packets(data: &[u8]) {
    let mut decoder = Decoder::new(Limits::default());
    for chunk in data.split(|byte| *byte == 0xff) {
        let frame = match chunk.split_first() {
            Some((first, rest)) if first % 2 == 1 => Frame::Binary(rest.to_vec()),
            Some((_, rest)) => Frame::Text(String::from_utf8_lossy(rest).into_owned()),
            None => Frame::Text(String::new()),
        };
        match decoder.decode(frame) {
            Ok(Decoded::Packet(packet)) => {
                assert_eq!(decoder.missing(), 0);
                written_again(&packet);
            }
            Ok(Decoded::Incomplete { missing }) => assert_eq!(decoder.missing(), missing),
            Err(error) => {
                assert_eq!(decoder.missing(), 0);
                assert!(error.to_string().len() < 8192);
            }
        }
    }
}

/// Infinite numbers become `null` when they are written, so that only the second writing must be the first.
fn written_again(packet: &Packet) {
    if packet.check().is_err() {
        return;
    }
    let mut limits = Limits::default();
    limits.max_attachments = usize::MAX;
    limits.max_frame_bytes = usize::MAX;
    limits.max_attachment_bytes = usize::MAX;
    let written = packet.encode();
    let mut decoder = Decoder::new(limits);
    let read = written
        .clone()
        .into_frames()
        .map(|frame| decoder.decode(frame))
        .last();
    let Some(Ok(Decoded::Packet(read))) = read else {
        panic!("{written:?} ends in {read:?}");
    };
    assert_eq!(read.encode(), written);
}

/// JSON text, beside `serde_json`.
pub fn json(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let ours = json::parse(text, 200);
    if let Ok(value) = &ours {
        let written = json::to_string(value);
        let read = json::parse(&written, 200).expect("our own JSON is valid");
        assert_eq!(json::to_string(&read), written);
        assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok() || deep(value, 100));
    } else {
        assert!(
            serde_json::from_str::<serde_json::Value>(text).is_err(),
            "{ours:?}"
        );
    }
}

fn deep(value: &Value, levels: usize) -> bool {
    levels == 0
        || match value {
            Value::Array(items) => items.iter().any(|item| deep(item, levels - 1)),
            Value::Object(entries) => entries.iter().any(|(_, item)| deep(item, levels - 1)),
            _ => false,
        }
}

/// One frame of the msgpack parser.
pub fn msgpack(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(packet) = msgpack::decode(data, &limits) {
        let written = msgpack::encode(&packet);
        let read = msgpack::decode(&written, &limits).expect("our own msgpack is valid");
        assert_eq!(read, packet);
        assert_eq!(msgpack::encode(&read), written);
    }
}
