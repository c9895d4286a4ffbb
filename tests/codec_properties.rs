//! Properties of the codecs: what is written is read back, and nothing that arrives makes them panic.
#![cfg(not(target_arch = "wasm32"))]

#[path = "codec_properties/arbitrary.rs"]
mod arbitrary;

use std::collections::BTreeMap;

use pesan::socketio::engine::{self, Handshake, polling_payload as payload};
use pesan::socketio::value::{Bytes, Value, json};
use pesan::socketio::{Decoded, Decoder, Frame, Limits, Packet, from_value, to_value};
#[cfg(feature = "msgpack")]
use pesan::socketio::{Parser, msgpack};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

fn read_back(encoded: impl IntoIterator<Item = Frame>) -> Packet {
    let mut decoder = Decoder::new(Limits::default());
    let mut last = None;
    for frame in encoded {
        last = Some(decoder.decode(frame).expect("our own frames are valid"));
    }
    match last {
        Some(Decoded::Packet(packet)) => packet,
        other => panic!("the frames end in {other:?}"),
    }
}

proptest! {
    #[test]
    fn packet_round_trip_is_unchanged(packet in arbitrary::packet()) {
        prop_assume!(packet.check().is_ok());
        prop_assert_eq!(read_back(packet.encode().into_frames()), packet);
    }

    #[test]
    fn engine_message_is_the_packet_after_a_four(packet in arbitrary::packet()) {
        let (plain, message) = (packet.encode(), packet.encode_message());
        prop_assert_eq!(message.text.strip_prefix('4'), Some(plain.text.as_str()));
        prop_assert_eq!(message.attachments, plain.attachments);
    }

    #[test]
    fn decoder_with_arbitrary_frames_does_not_panic(frames in arbitrary::frames()) {
        let mut decoder = Decoder::new(Limits::default());
        for frame in frames {
            if let Ok(Decoded::Packet(packet)) = decoder.decode(frame) {
                let _ignored = packet.encode();
                prop_assert_eq!(decoder.missing(), 0);
            }
        }
    }

    #[test]
    fn packet_decoded_can_be_encoded(text in arbitrary::almost_packet()) {
        let decoded = Decoder::new(Limits::default()).decode_text(&text);
        if let Ok(Decoded::Packet(packet)) = decoded {
            prop_assert_eq!(read_back(packet.encode().into_frames()), packet);
        }
    }

    #[test]
    fn engine_packet_arbitrary_does_not_panic(text in ".*", bytes in any::<Vec<u8>>()) {
        let _ignored = engine::Packet::decode(Frame::from(text.as_str()));
        let _ignored = payload::decode(&text, &Limits::default());
        let _ignored = Handshake::decode(&text);
        prop_assert!(engine::Packet::decode(Frame::from(bytes)).is_ok());
    }

    #[test]
    fn engine_packet_arbitrary_round_trip_is_unchanged(packet in arbitrary::engine_packet()) {
        prop_assert_eq!(engine::Packet::decode(packet.encode()), Ok(packet.clone()));
        prop_assert_eq!(packet.encode(), packet.into_frame());
    }

    #[test]
    fn payload_round_trip_is_unchanged(
        packets in prop::collection::vec(arbitrary::engine_packet(), 1..20),
    ) {
        let mut body = String::new();
        for packet in &packets {
            payload::encode_into(&mut body, packet);
        }
        prop_assert_eq!(payload::decode(&body, &Limits::default()), Ok(packets));
    }

    #[test]
    fn base64_round_trip_is_unchanged(bytes in any::<Vec<u8>>()) {
        let mut text = String::new();
        payload::encode_base64(&mut text, &bytes);
        let unpadded = payload::decode_base64(text.trim_end_matches('='));
        prop_assert_eq!(unpadded.as_ref(), Some(&bytes));
        prop_assert_eq!(payload::decode_base64(&text), Some(bytes));
    }

    #[test]
    fn base64_accepted_is_canonical(text in "[A-Za-z0-9+/]{0,40}") {
        if let Some(bytes) = payload::decode_base64(&text) {
            let mut again = String::new();
            payload::encode_base64(&mut again, &bytes);
            // All but the last digit, whose lowest bits may be left over.
            let kept = text.len().saturating_sub(1);
            prop_assert_eq!(again.get(..kept), text.get(..kept));
        }
    }

    #[test]
    fn json_arbitrary_round_trip_is_unchanged(value in arbitrary::value(false)) {
        prop_assert_eq!(json::parse(&json::to_string(&value), 64), Ok(value));
    }

    #[test]
    fn json_written_is_read_by_serde_json(value in arbitrary::value(false)) {
        let read: serde_json::Value = serde_json::from_str(&json::to_string(&value)).expect("valid JSON");
        prop_assert!(arbitrary::alike(&Value::from(read), &value));
    }

    #[test]
    fn json_accepted_by_serde_json_is_accepted(text in arbitrary::almost_json()) {
        let ours = json::parse(&text, 100);
        match (serde_json::from_str::<serde_json::Value>(&text), ours) {
            (Ok(theirs), Ok(ours)) => prop_assert!(arbitrary::alike(&Value::from(theirs), &ours), "{}", text),
            (Err(_), Err(_)) => {}
            (Ok(_), Err(error)) => prop_assert!(false, "{}: {}", text, error),
            // Lone surrogates and numbers beyond all bounds, as JavaScript has them.
            (Err(_), Ok(ours)) => prop_assert!(arbitrary::is_javascript_only(&ours), "{}", text),
        }
    }

    #[test]
    fn handshake_round_trip_is_unchanged(handshake in arbitrary::handshake()) {
        prop_assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
    }

    #[test]
    fn value_arbitrary_through_serde_is_unchanged(value in arbitrary::value(true)) {
        prop_assert_eq!(to_value(&value), Ok(value.clone()));
        prop_assert_eq!(from_value(value.clone()), Ok(value));
    }

    #[test]
    fn typed_value_round_trip_is_unchanged(data in data()) {
        let value = to_value(&data).expect("plain data");
        prop_assert_eq!(from_value::<Data>(value), Ok(data));
    }

    #[test]
    fn typed_value_equals_serde_json(data in data()) {
        let ours = json::to_string(&to_value(&data).expect("plain data"));
        let theirs = serde_json::to_value(&data).expect("plain data");
        // serde_json has no binary.
        if data.bytes.is_none() {
            prop_assert!(arbitrary::alike(&Value::from(theirs), &json::parse(&ours, 64).expect("valid JSON")));
        }
    }

    #[cfg(feature = "msgpack")]
    #[test]
    fn msgpack_round_trip_is_unchanged(packet in arbitrary::packet()) {
        let limits = Limits::default();
        let frames = Parser::Msgpack.encode(&packet);
        prop_assert_eq!(frames.len(), 1);
        let mut decoder = Parser::Msgpack.decoder(limits);
        for frame in frames {
            prop_assert_eq!(decoder.decode(frame), Ok(Decoded::Packet(packet.clone())));
        }
    }

    #[cfg(feature = "msgpack")]
    #[test]
    fn msgpack_arbitrary_does_not_panic(bytes in any::<Vec<u8>>()) {
        let _ignored = msgpack::decode(&bytes, &Limits::default());
    }

    #[cfg(feature = "msgpack")]
    #[test]
    fn msgpack_truncated_or_changed_does_not_panic(
        packet in arbitrary::packet(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = msgpack::encode(&packet);
        let at = at.index(bytes.len());
        prop_assert!(msgpack::decode(&bytes[..at], &Limits::default()).is_err());
        bytes[at] = byte;
        if let Ok(packet) = msgpack::decode(&bytes, &Limits::default()) {
            prop_assert_eq!(msgpack::decode(&msgpack::encode(&packet), &Limits::default()), Ok(packet));
        }
    }

    #[test]
    fn from_value_arbitrary_does_not_panic(value in arbitrary::value(true)) {
        if let Err(error) = from_value::<Data>(value) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Data {
    small: i8,
    large: u64,
    float: f64,
    text: String,
    letter: char,
    maybe: Option<Vec<bool>>,
    bytes: Option<Bytes>,
    map: BTreeMap<i32, Kind>,
    answer: Result<(u8, String), Unit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    One(u16),
    Two(i64, String),
    Named { key: Option<u8> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

fn data() -> impl Strategy<Value = Data> {
    let kind = prop_oneof![
        Just(Kind::Plain),
        any::<u16>().prop_map(Kind::One),
        any::<(i64, String)>().prop_map(|(int, text)| Kind::Two(int, text)),
        any::<Option<u8>>().prop_map(|key| Kind::Named { key }),
    ];
    let plain = (
        any::<i8>(),
        any::<u64>(),
        prop::num::f64::NORMAL,
        any::<String>(),
        any::<char>(),
    );
    let rest = (
        any::<Option<Vec<bool>>>(),
        any::<Option<Vec<u8>>>(),
        prop::collection::btree_map(any::<i32>(), kind, 0..4),
        prop_oneof![any::<(u8, String)>().prop_map(Ok), Just(Err(Unit))],
    );
    (plain, rest).prop_map(
        |((small, large, float, text, letter), (maybe, bytes, map, answer))| Data {
            small,
            large,
            float,
            text,
            letter,
            maybe,
            bytes: bytes.map(Bytes),
            map,
            answer,
        },
    )
}
