//! Events out and in: any arguments, any name, checked before they are sent.

use pesan::socketio::Value;
use pesan::socketio::packet::EncodeError;
use pesan::socketio::proto::{Emit, EmitError, EmitState, Failure};

use crate::world::World;

#[test]
fn events_carry_any_number_of_arguments() {
    let mut world = World::joined();
    world.emit(Emit::new("none"));
    world.emit(
        Emit::new("many")
            .arg(1)
            .arg("two")
            .args([Value::Null, Value::Array(vec![])]),
    );
    world.sees("send 1 42[\"none\"]\nsend 1 42[\"many\",1,\"two\",null,[]]");
}

#[test]
fn numeric_names_come_in() {
    let mut world = World::joined();
    world.frame(r#"42[7,"a"]"#);
    world.sees(r#"/ got 7 ["a"]"#);
}

#[test]
fn binary_goes_out_at_any_depth_and_comes_in_the_same_way() {
    let mut world = World::joined();
    let deep = Value::object([(
        "a",
        Value::Array(vec![Value::Binary(vec![1]), Value::Binary(vec![])]),
    )]);
    world.emit(Emit::new("b").arg(deep));
    world.sees(
        r#"send 1 452-["b",{"a":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]
           send 1 [1]
           send 1 []"#,
    );
    world.frame(r#"451-["b",{"_placeholder":true,"num":0}]"#);
    world.sees("");
    world.binary(&[1, 2]);
    assert_eq!(world.machine.stats().events_in, 1);
}

#[test]
fn base64_takes_the_place_of_binary_frames_when_it_is_forced() {
    let mut world = World::with(|config| config.force_base64 = true);
    world.connect("/");
    assert!(
        world.urls[0].ends_with("transport=websocket&b64=1"),
        "{}",
        world.urls[0]
    );
    world.accept();
    world.forget();
    world.emit(Emit::new("b").arg(vec![1u8, 2, 3]));
    world.sees("send 1 451-[\"b\",{\"_placeholder\":true,\"num\":0}]\nsend 1 bAQID");
    world.frame(r#"451-["b",{"_placeholder":true,"num":0}]"#);
    world.frame("bAQID");
    assert_eq!(world.machine.stats().events_in, 1);
}

#[test]
fn reserved_names_are_refused_and_leave_no_trace() {
    let mut world = World::joined();
    for name in pesan::socketio::packet::RESERVED {
        let refused = world.try_emit(Emit::new(name).with_ack());
        assert_eq!(refused, Err(EmitError::ReservedName(name.to_owned())));
    }
    world.sees("");
    assert_eq!(world.machine.pending_acks("/"), 0);
}

#[test]
fn what_the_server_would_not_take_is_refused() {
    let mut world = World::joined();
    let limit = 1000;
    let fits = "x".repeat(limit - r#"42["e",""]"#.len());
    assert!(world.try_emit(Emit::new("e").arg(fits.as_str())).is_ok());
    let refused = world.try_emit(Emit::new("e").arg(format!("{fits}x")));
    assert_eq!(
        refused,
        Err(EmitError::TooLarge {
            size: limit + 1,
            limit
        })
    );
    let refused = world.try_emit(Emit::new("e").arg(vec![0; limit + 1]).with_ack());
    assert_eq!(
        refused,
        Err(EmitError::TooLarge {
            size: limit + 1,
            limit
        })
    );
    assert_eq!(world.machine.pending_acks("/"), 0);
}

#[test]
fn what_turns_out_to_be_too_large_fails_at_the_flush_and_is_not_sent() {
    let mut world = World::new();
    world.emit(Emit::new("big").arg("x".repeat(2000)).with_ack());
    world.emit(Emit::new("small"));
    world.connect("/");
    world.accept();
    world.sees_of(
        &["send", "/ #1"],
        "send 1 40
         / #1 Failed(TooLarge { size: 2013, limit: 1000 })
         / #1 ack frame of 2013 bytes, the server takes 1000
         send 1 42[\"small\"]",
    );
}

#[test]
fn eleven_attachments_and_ambiguous_data_are_refused() {
    let mut world = World::joined();
    let many = (0..11).map(|n| Value::Binary(vec![n]));
    assert_eq!(
        world.try_emit(Emit::new("e").args(many)),
        Err(EmitError::TooManyAttachments { count: 11, limit: 10 })
    );
    let trap = Value::object([("_placeholder", Value::from(true)), ("num", Value::from(0))]);
    assert_eq!(
        world.try_emit(Emit::new("e").arg(trap).arg(vec![1u8])),
        Err(EmitError::Encode(EncodeError::AmbiguousPlaceholder))
    );
    world.sees("");
}

#[test]
fn a_namespace_that_no_packet_can_name_is_refused() {
    let mut world = World::joined();
    for name in ["room", "/a,b", ""] {
        let refused = world.try_emit(Emit::new("e").to(name));
        assert_eq!(refused, Err(EmitError::Namespace(name.to_owned())));
    }
}

#[test]
fn volatile_events_are_sent_or_dropped_but_never_queued() {
    let mut world = World::new();
    world.connect("/");
    world.open();
    world.forget();
    // Where the official client queues: the connection is open and the namespace is not.
    let dropped = world.try_emit(Emit::new("typing").volatile()).expect("legal");
    assert_eq!(dropped.state, EmitState::Failed(Failure::Dropped));
    world.frame(r#"40{"sid":"s"}"#);
    world.emit(Emit::new("typing").volatile());
    world.sees("/ connect s\nsend 1 42[\"typing\"]");
    assert_eq!(world.machine.stats().dropped, 1);
}

#[test]
fn frames_and_leaving_events_can_be_watched() {
    let mut world = World::with(|config| {
        config.observe_frames = true;
        config.observe_outgoing = true;
    });
    world.emit(Emit::new("queued").arg(1));
    world.emit(Emit::new("typing").volatile());
    world.connect("/");
    world.accept();
    world.emit(Emit::new("direct"));
    world.frame("2");
    world.sees_of(
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
fn traffic_is_counted() {
    let mut world = World::joined();
    world.emit(Emit::new("x"));
    world.frame(r#"42["y"]"#);
    world.frame("2");
    let stats = world.machine.stats();
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
fn with_msgpack_every_packet_is_one_binary_frame() {
    use pesan::socketio::{Decoded, Frame, Limits, Packet, Parser, packet::Body};
    let parser = Parser::Msgpack;
    let mut world = World::with(|config| config.parser = parser);
    world.connect("/");
    world.open();
    world.forget();
    let accept = Packet::new(
        "/",
        Body::Connect(Some(Value::object([("sid", Value::from("s"))]))),
    );
    for frame in parser.encode(&accept) {
        let Frame::Binary(bytes) = frame else {
            panic!("msgpack is binary")
        };
        world.binary(&bytes);
    }
    world.sees("/ connect s");
    world.emit(Emit::new("b").arg(vec![1u8, 2]).with_ack());
    let expected = Packet::new(
        "/",
        Body::Event {
            id: Some(0),
            name: "b".into(),
            args: vec![vec![1u8, 2].into()],
        },
    );
    let frame = parser.encode(&expected).remove(0);
    world.sees(&format!("send 1 {}", crate::world::shown(&frame)));
    assert_eq!(
        parser.decoder(Limits::default()).decode(frame),
        Ok(Decoded::Packet(expected))
    );
}
