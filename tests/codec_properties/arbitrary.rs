//! Arbitrary values, packets and near misses.

use std::time::Duration;

use pesan::socketio::engine::{self, Handshake};
use pesan::socketio::packet::{Body, EventName};
use pesan::socketio::value::{Number, Value};
use pesan::socketio::{Frame, Packet};
use proptest::prelude::*;

/// Any value with finite numbers; `binary` says whether bytes may stand in it.
pub(crate) fn value(binary: bool) -> impl Strategy<Value = Value> {
    let bytes = any::<Vec<u8>>().prop_map(Value::Binary);
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        2 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => (-1000..1000i32).prop_map(Value::from),
        2 => float().prop_map(Value::from),
        3 => any::<String>().prop_map(Value::from),
        2 => "[a-z\"\\\\\n\u{0}\u{7f}é😀]{0,20}".prop_map(Value::from),
        (if binary { 3 } else { 0 }) + 1 => if binary { bytes.boxed() } else { Just(Value::Null).boxed() },
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..12).prop_map(Value::object),
        ]
    })
}

fn float() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        "[a-z_$]{1,8}",
        any::<String>(),
        Just("_placeholder".to_owned())
    ]
}

/// Any packet that can be written.
pub(crate) fn packet() -> impl Strategy<Value = Packet> {
    let args = || prop::collection::vec(value(true), 0..4);
    let object = || {
        prop::collection::vec((key(), value(false)), 0..4).prop_map(|entries| Some(Value::object(entries)))
    };
    let body = prop_oneof![
        1 => Just(Body::Connect(None)),
        1 => object().prop_map(Body::Connect),
        1 => Just(Body::Disconnect),
        5 => (any::<Option<u64>>(), name(), args()).prop_map(|(id, name, args)| Body::Event { id, name, args }),
        3 => (any::<u64>(), args()).prop_map(|(id, args)| Body::Ack { id, args }),
        1 => Just(Body::ConnectError(None)),
        1 => object().prop_map(Body::ConnectError),
        1 => any::<String>().prop_map(|text| Body::ConnectError(Some(Value::from(text)))),
    ];
    let namespace = prop_oneof![Just("/".to_owned()), "/[a-z?=&/{\"0-9é😀 ]{1,12}"];
    (namespace, body)
        .prop_map(|(namespace, body)| Packet::new(namespace, body))
        .prop_filter("at most ten attachments", |packet| {
            packet.attachment_count() <= 10
        })
}

fn name() -> impl Strategy<Value = EventName> {
    let text = any::<String>().prop_map(EventName::from);
    let number = prop_oneof![
        any::<i64>().prop_map(Number::Int),
        float().prop_map(Number::Float)
    ];
    prop_oneof![3 => text, 1 => number.prop_map(EventName::from)]
        .prop_filter("not reserved", |name| !name.is_reserved())
}

/// Any engine packet; texts hold no separator, which a payload could not carry.
pub(crate) fn engine_packet() -> impl Strategy<Value = engine::Packet> {
    let text = || any::<String>().prop_map(|text| text.replace('\u{1e}', ""));
    prop_oneof![
        text().prop_map(engine::Packet::Open),
        Just(engine::Packet::Close),
        text().prop_map(engine::Packet::Ping),
        text().prop_map(engine::Packet::Pong),
        text().prop_map(|text| engine::Packet::Message(Frame::Text(text))),
        any::<Vec<u8>>().prop_map(|bytes| engine::Packet::Message(Frame::Binary(bytes))),
        Just(engine::Packet::Upgrade),
        Just(engine::Packet::Noop),
    ]
}

/// Any handshake that makes sense.
pub(crate) fn handshake() -> impl Strategy<Value = Handshake> {
    let millis = || (1..86_400_000u64).prop_map(Duration::from_millis);
    (
        "[^\u{0}]{1,20}",
        any::<Vec<String>>(),
        millis(),
        millis(),
        any::<Option<u32>>(),
    )
        .prop_map(
            |(sid, upgrades, ping_interval, ping_timeout, max_payload)| Handshake {
                sid,
                upgrades,
                ping_interval,
                ping_timeout,
                max_payload: max_payload.map(u64::from),
            },
        )
}

/// Text made of what packets are made of.
pub(crate) fn almost_packet() -> impl Strategy<Value = String> {
    let payload = prop_oneof![
        Just(String::new()),
        almost_json(),
        value(false).prop_map(
            |value| pesan::socketio::value::json::to_string(&Value::Array(vec!["a".into(), value]))
        ),
    ];
    (
        "[0-7b ]?",
        "([0-9]{1,2}-)?",
        "(/[a-z]{0,3},?)?",
        "[0-9 ]{0,3}",
        payload,
    )
        .prop_map(|(kind, count, namespace, id, payload)| format!("{kind}{count}{namespace}{id}{payload}"))
}

/// Texts and binaries in any order, among them headers that ask for attachments.
pub(crate) fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let header = (1..4usize, prop::collection::vec(-1..4i32, 0..4)).prop_map(|(count, numbers)| {
        let places = numbers
            .iter()
            .map(|num| format!(",{{\"_placeholder\":true,\"num\":{num}}}"));
        Frame::Text(format!("5{count}-[\"a\"{}]", places.collect::<String>()))
    });
    let frame = prop_oneof![
        2 => header,
        1 => almost_packet().prop_map(Frame::Text),
        1 => any::<String>().prop_map(Frame::Text),
        4 => any::<Vec<u8>>().prop_map(Frame::Binary),
    ];
    prop::collection::vec(frame, 0..12)
}

/// Text that is JSON, or nearly.
pub(crate) fn almost_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("\"a\":".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        "-?[0-9]{0,3}\\.?[0-9]{0,2}e?",
        "\"[a-z\\\\/\"u0-9 ]{0,6}\"",
        "\"(\\\\u(d[89a-f]|00)[0-9a-f]{2}|\\\\n|x){0,3}\"",
        "[ \t\n\r\u{a0}\u{b}]",
    ];
    let soup = prop::collection::vec(token.clone(), 0..8).prop_map(|tokens| tokens.concat());
    let array = prop::collection::vec(token, 0..5).prop_map(|tokens| format!("[{}]", tokens.join(",")));
    prop_oneof![soup, array, any::<String>()]
}

/// Equal but for the order of keys and the last bits of a float.
pub(crate) fn alike(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Number(a), Value::Number(b)) if a != b => {
            let (a, b) = (a.as_f64(), b.as_f64());
            (a - b).abs() <= a.abs() * 1e-14 || (a - b).abs() < f64::MIN_POSITIVE
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, item)| ours.get(key).is_some_and(|own| alike(item, own)))
        }
        _ => theirs == ours,
    }
}

/// Whether something stands in it that only JavaScript accepts.
pub(crate) fn is_javascript_only(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_infinite(),
        Value::String(text) => text.contains(char::REPLACEMENT_CHARACTER),
        Value::Array(items) => items.iter().any(is_javascript_only),
        Value::Object(entries) => entries
            .iter()
            .any(|(key, item)| key.contains(char::REPLACEMENT_CHARACTER) || is_javascript_only(item)),
        Value::Null | Value::Bool(_) | Value::Binary(_) => false,
    }
}
