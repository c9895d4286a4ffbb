//! Properties of each decoder for any input: no panic, and a decoded value survives a round trip.
//!
//! Used by the libFuzzer targets and by the test that replays the corpus.

use pesan::socketio::engine::{Handshake, Packet as EnginePacket, polling_payload as payload};
use pesan::socketio::value::{Value, json};
use pesan::socketio::{Decoded, Decoder, Frame, Limits, Packet, msgpack};

/// Function that decodes any bytes and panics if a property is violated.
pub type Target = fn(&[u8]);

/// All targets with the names of their corpus folders.
pub const TARGETS: [(&str, Target); 6] = [
    ("engine_packet", engine_packet),
    ("payload", payload),
    ("handshake", handshake),
    ("packets", packets),
    ("json", json),
    ("msgpack", msgpack),
];

/// Text of one Engine.IO packet.
pub fn engine_packet(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(packet) = EnginePacket::decode(Frame::from(text)) {
        assert_eq!(EnginePacket::decode_text(text).as_ref(), Ok(&packet));
        assert_eq!(EnginePacket::decode(packet.encode()).as_ref(), Ok(&packet));
        assert_eq!(packet.encode(), packet.into_frame());
    }
}

/// Body of a polling request or response.
pub fn payload(data: &[u8]) {
    let Ok(body) = str::from_utf8(data) else { return };
    let limits = Limits::default();
    let mut encoded = String::new();
    let mut decoded = Vec::new();
    for packet in payload::packets(body, &limits).map_while(Result::ok) {
        payload::encode_into(&mut encoded, &packet);
        decoded.push(packet);
    }
    assert!(decoded.len() <= limits.max_payload_packets);
    match payload::decode(body, &limits) {
        Ok(packets) => assert_eq!(packets, decoded),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if !decoded.is_empty() {
        assert_eq!(payload::decode(&encoded, &limits), Ok(decoded));
    }
}

/// JSON of an open packet.
pub fn handshake(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(handshake) = Handshake::decode(text) {
        assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
    }
}

/// Socket.IO frames, separated by the byte 0xff, which UTF-8 does not contain. A frame with an odd first byte is binary.
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
                assert_reencodes(&packet);
            }
            Ok(Decoded::Incomplete { missing }) => assert_eq!(decoder.missing(), missing),
            Err(error) => {
                assert_eq!(decoder.missing(), 0);
                assert!(error.to_string().len() < 8192);
            }
        }
    }
}

/// Checks that encoding a decoded packet again gives the same frames. The packets themselves may differ: infinite numbers
/// are encoded as `null`.
fn assert_reencodes(packet: &Packet) {
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

/// JSON text, compared with `serde_json`.
pub fn json(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let parsed = json::parse(text, 200);
    if let Ok(value) = &parsed {
        let written = json::to_string(value);
        let read = json::parse(&written, 200).expect("encoded JSON is valid");
        assert_eq!(json::to_string(&read), written);
        assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok() || is_deeper_than(value, 100));
    } else {
        assert!(
            serde_json::from_str::<serde_json::Value>(text).is_err(),
            "{parsed:?}"
        );
    }
}

fn is_deeper_than(value: &Value, levels: usize) -> bool {
    levels == 0
        || match value {
            Value::Array(items) => items.iter().any(|item| is_deeper_than(item, levels - 1)),
            Value::Object(entries) => entries.iter().any(|(_, item)| is_deeper_than(item, levels - 1)),
            _ => false,
        }
}

/// One msgpack frame.
pub fn msgpack(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(packet) = msgpack::decode(data, &limits) {
        let written = msgpack::encode(&packet);
        let read = msgpack::decode(&written, &limits).expect("encoded msgpack is valid");
        assert_eq!(read, packet);
        assert_eq!(msgpack::encode(&read), written);
    }
}
