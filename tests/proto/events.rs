//! Sent and received events: arguments, names, and checks before sending.

use pesan::socketio::Value;
use pesan::socketio::packet::EncodeError;
use pesan::socketio::proto::{Emit, EmitError, EmitState, Failure};

use crate::harness::Harness;

#[test]
fn event_with_any_number_of_arguments_is_sent() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("none"));
    harness.emit(
        Emit::new("many")
            .arg(1)
            .arg("two")
            .args([Value::Null, Value::Array(vec![])]),
    );
    harness.sees("send 1 42[\"none\"]\nsend 1 42[\"many\",1,\"two\",null,[]]");
}

#[test]
fn event_with_numeric_name_is_received() {
    let mut harness = Harness::joined();
    harness.frame(r#"42[7,"a"]"#);
    harness.sees(r#"/ got 7 ["a"]"#);
}

#[test]
fn binary_at_any_depth_is_sent_and_received() {
    let mut harness = Harness::joined();
    let deep = Value::object([(
        "a",
        Value::Array(vec![Value::Binary(vec![1]), Value::Binary(vec![])]),
    )]);
    harness.emit(Emit::new("b").arg(deep));
    harness.sees(
        r#"send 1 452-["b",{"a":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]
           send 1 [1]
           send 1 []"#,
    );
    harness.frame(r#"451-["b",{"_placeholder":true,"num":0}]"#);
    harness.sees("");
    harness.binary(&[1, 2]);
    assert_eq!(harness.connection.stats().events_in, 1);
}

#[test]
fn base64_forced_replaces_binary_frames() {
    let mut harness = Harness::with(|config| config.force_base64 = true);
    harness.connect("/");
    assert!(
        harness.urls[0].ends_with("transport=websocket&b64=1"),
        "{}",
        harness.urls[0]
    );
    harness.accept();
    harness.forget();
    harness.emit(Emit::new("b").arg(vec![1u8, 2, 3]));
    harness.sees("send 1 451-[\"b\",{\"_placeholder\":true,\"num\":0}]\nsend 1 bAQID");
    harness.frame(r#"451-["b",{"_placeholder":true,"num":0}]"#);
    harness.frame("bAQID");
    assert_eq!(harness.connection.stats().events_in, 1);
}

#[test]
fn emit_reserved_name_is_refused() {
    let mut harness = Harness::joined();
    for name in pesan::socketio::packet::RESERVED {
        let refused = harness.try_emit(Emit::new(name).with_ack());
        assert_eq!(refused, Err(EmitError::ReservedName(name.to_owned())));
    }
    harness.sees("");
    assert_eq!(harness.connection.pending_acks("/"), 0);
}

#[test]
fn emit_larger_than_max_payload_is_refused() {
    let mut harness = Harness::joined();
    let limit = 1000;
    let fits = "x".repeat(limit - r#"42["e",""]"#.len());
    assert!(harness.try_emit(Emit::new("e").arg(fits.as_str())).is_ok());
    let refused = harness.try_emit(Emit::new("e").arg(format!("{fits}x")));
    assert_eq!(
        refused,
        Err(EmitError::TooLarge {
            size: limit + 1,
            limit
        })
    );
    let refused = harness.try_emit(Emit::new("e").arg(vec![0; limit + 1]).with_ack());
    assert_eq!(
        refused,
        Err(EmitError::TooLarge {
            size: limit + 1,
            limit
        })
    );
    assert_eq!(harness.connection.pending_acks("/"), 0);
}

#[test]
fn queued_event_larger_than_max_payload_fails_at_flush() {
    let mut harness = Harness::new();
    harness.emit(Emit::new("big").arg("x".repeat(2000)).with_ack());
    harness.emit(Emit::new("small"));
    harness.connect("/");
    harness.accept();
    harness.sees_of(
        &["send", "/ #1"],
        "send 1 40
         / #1 Failed(TooLarge { size: 2013, limit: 1000 })
         / #1 ack frame is 2013 bytes; the server accepts 1000
         send 1 42[\"small\"]",
    );
}

#[test]
fn emit_eleven_attachments_or_ambiguous_data_is_refused() {
    let mut harness = Harness::joined();
    let many = (0..11).map(|n| Value::Binary(vec![n]));
    assert_eq!(
        harness.try_emit(Emit::new("e").args(many)),
        Err(EmitError::TooManyAttachments { count: 11, limit: 10 })
    );
    let trap = Value::object([("_placeholder", Value::from(true)), ("num", Value::from(0))]);
    assert_eq!(
        harness.try_emit(Emit::new("e").arg(trap).arg(vec![1u8])),
        Err(EmitError::Encode(EncodeError::AmbiguousPlaceholder))
    );
    harness.sees("");
}

#[test]
fn namespace_illegal_is_refused() {
    let mut harness = Harness::joined();
    for name in ["room", "/a,b", ""] {
        let refused = harness.try_emit(Emit::new("e").to(name));
        assert_eq!(refused, Err(EmitError::Namespace(name.to_owned())));
    }
}

#[test]
fn volatile_event_is_sent_or_dropped_but_never_queued() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.open();
    harness.forget();
    // The official client queues here: the connection is open, but not the namespace.
    let dropped = harness.try_emit(Emit::new("typing").volatile()).expect("legal");
    assert_eq!(dropped.state, EmitState::Failed(Failure::Dropped));
    harness.frame(r#"40{"sid":"s"}"#);
    harness.emit(Emit::new("typing").volatile());
    harness.sees("/ connect s\nsend 1 42[\"typing\"]");
    assert_eq!(harness.connection.stats().dropped, 1);
}

#[test]
fn frames_and_outgoing_events_are_observed_on_request() {
    let mut harness = Harness::with(|config| {
        config.observe_frames = true;
        config.observe_outgoing = true;
    });
    harness.emit(Emit::new("queued").arg(1));
    harness.emit(Emit::new("typing").volatile());
    harness.connect("/");
    harness.accept();
    harness.emit(Emit::new("direct"));
    harness.frame("2");
    harness.sees_of(
        &["<", ">", "/ out"],
        r#"< 0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}
           > 40
           < 40{"sid":"s"}
           / out queued [1]
           > 42["queued",1]
           / out direct []
           > 42["direct"]
           < 2
           > 3"#,
    );
}

#[test]
fn stats_count_traffic() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("x"));
    harness.frame(r#"42["y"]"#);
    harness.frame("2");
    let stats = harness.connection.stats();
    assert_eq!((stats.frames_in, stats.frames_out), (4, 3));
    assert_eq!(
        stats.bytes_out,
        ("40".len() + r#"42["x"]"#.len() + "3".len()) as u64
    );
    assert_eq!(
        (stats.events_in, stats.events_out, stats.pings, stats.opens),
        (1, 1, 1, 1)
    );
}

#[test]
#[cfg(feature = "msgpack")]
fn msgpack_parser_sends_one_binary_frame_per_packet() {
    use pesan::socketio::{Decoded, Frame, Limits, Packet, Parser, packet::Body};
    let parser = Parser::Msgpack;
    let mut harness = Harness::with(|config| config.parser = parser);
    harness.connect("/");
    harness.open();
    harness.forget();
    let accept = Packet::new(
        "/",
        Body::Connect(Some(Value::object([("sid", Value::from("s"))]))),
    );
    for frame in parser.encode(&accept) {
        let Frame::Binary(bytes) = frame else {
            panic!("msgpack is binary")
        };
        harness.binary(&bytes);
    }
    harness.sees("/ connect s");
    harness.emit(Emit::new("b").arg(vec![1u8, 2]).with_ack());
    let expected = Packet::new(
        "/",
        Body::Event {
            id: Some(0),
            name: "b".into(),
            args: vec![vec![1u8, 2].into()],
        },
    );
    let frame = parser.encode(&expected).remove(0);
    harness.sees(&format!("send 1 {}", crate::harness::shown(&frame)));
    assert_eq!(
        parser.decoder(Limits::default()).decode(frame),
        Ok(Decoded::Packet(expected))
    );
}
