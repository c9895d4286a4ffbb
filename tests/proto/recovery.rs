//! Connection state recovery.

use pesan::socketio::Value;
use pesan::socketio::proto::{Auth, Emit};

use crate::harness::Harness;

/// Connected to a server that supports recovery.
fn recoverable() -> Harness {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.open();
    harness.frame(r#"40{"sid":"s","pid":"p"}"#);
    harness.forget();
    harness
}

#[test]
fn recovery_sends_offset_and_delivers_missed_events_before_connect() {
    let mut harness = recoverable();
    harness.frame(r#"42["hi",1,"o1"]"#);
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.forget();
    harness.frame(r#"42["missed",2,"o2"]"#);
    harness.sees("");
    harness.frame(r#"40{"sid":"s","pid":"p"}"#);
    harness.sees("/ got missed [2,\"o2\"]\n/ connect s recovered");
    assert!(harness.connection.recovered("/"));
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.sees_of(&["send"], r#"send 3 40{"pid":"p","offset":"o2"}"#);
}

#[test]
fn recovery_private_id_is_overridden_by_auth() {
    let mut harness = recoverable();
    harness
        .connection
        .set_auth("/", Auth::Value(Value::object([("token", Value::from(1))])));
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.sees_of(&["send"], r#"send 2 40{"pid":"p","token":1}"#);
}

#[test]
fn session_new_is_not_recovered() {
    let mut harness = recoverable();
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.forget();
    harness.frame(r#"40{"sid":"s2","pid":"p2"}"#);
    harness.sees("/ connect s2");
    assert!(!harness.connection.recovered("/"));
}

#[test]
fn receive_buffer_on_close_is_dropped() {
    let mut harness = recoverable();
    harness.frame(r#"42["hi","o1"]"#);
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.frame(r#"42["missed","o2"]"#);
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.forget();
    harness.frame(r#"42["missed","o2"]"#);
    harness.frame(r#"40{"sid":"s","pid":"p"}"#);
    harness.sees("/ got missed [\"o2\"]\n/ connect s recovered");
}

#[test]
fn event_in_receive_buffer_can_be_acknowledged() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.open();
    harness.frame(r#"425["how"]"#);
    harness.frame(r#"40{"sid":"s"}"#);
    harness.forget();
    let token = harness.tokens.remove(0);
    assert_eq!(
        harness.act(|connection, now| connection.send_ack(now, token, vec![])),
        Ok(())
    );
    harness.sees("send 1 435[]");
}

#[test]
fn acks_do_not_change_the_offset() {
    let mut harness = recoverable();
    harness.emit(Emit::new("ask").with_ack());
    harness.frame(r#"430["not an offset"]"#);
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.sees_of(&["send 2"], r#"send 2 40{"pid":"p"}"#);
}

/// The server would send the same data again at every attempt.
#[test]
fn recovery_with_unreadable_missed_events_starts_new_session() {
    let many = [r#"42["x","o2"]"#; 4].as_slice();
    let unreadable = [r#"42["x","o2"]"#, r#"42["connect"]"#].as_slice();
    for missed in [many, unreadable] {
        let mut harness = Harness::with(|config| config.receive_buffer_events = 3);
        harness.connect("/");
        harness.open();
        harness.frame(r#"40{"sid":"s","pid":"p"}"#);
        harness.frame(r#"42["x","o1"]"#);
        harness.lose_connection();
        harness.wait(1000);
        harness.forget();
        harness.open();
        harness.sees_of(&["send"], r#"send 2 40{"pid":"p","offset":"o1"}"#);
        for frame in missed {
            harness.frame(frame);
        }
        harness.wait(1000);
        harness.open();
        harness.sees_of(&["send"], "send 3 40");
    }
}
