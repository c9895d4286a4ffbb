//! Every ack settles exactly once, and belongs to its connection.

use pesan::socketio::Value;
use pesan::socketio::proto::{Emit, SendAckError};

use crate::harness::{Harness, millis};

#[test]
fn ack_received_settles_once() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("ask").with_ack());
    harness.sees(r#"send 1 420["ask"]"#);
    harness.frame(r#"430["yes",1]"#);
    harness.sees(
        r#"/ #1 Acknowledged
           / #1 ack ["yes",1]"#,
    );
    harness.frame(r#"430["again"]"#);
    harness.sees("");
    assert_eq!(harness.connection.stats().stray_acks, 1);
}

#[test]
fn acks_received_in_any_order_are_matched_by_id() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("a").with_ack());
    harness.emit(Emit::new("b").with_ack());
    harness.forget();
    harness.frame("431[2]");
    harness.frame("430[1]");
    harness.sees_of(&["/ #1 ack", "/ #2 ack"], "/ #2 ack [2]\n/ #1 ack [1]");
}

#[test]
fn ack_after_timeout_is_ignored() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("ask").with_ack().timeout(millis(50)));
    harness.forget();
    harness.wait(49);
    harness.sees("");
    harness.wait(1);
    harness.sees(
        "/ #1 Failed(TimedOut)
         / #1 ack operation has timed out",
    );
    harness.frame("430[1]");
    harness.sees("");
}

#[test]
fn event_with_ack_timed_out_in_queue_is_not_sent() {
    let mut harness = Harness::new();
    harness.emit(Emit::new("ask").with_ack().timeout(millis(50)));
    harness.connect("/");
    harness.forget();
    harness.wait(50);
    harness.sees(
        "/ #1 Failed(TimedOut)
         / #1 ack operation has timed out",
    );
    harness.accept();
    harness.sees("- open\nsend 1 40\n/ connect s");
}

#[test]
fn event_with_ack_queued_survives_reconnect() {
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.emit(Emit::new("ask").with_ack());
    harness.wait(1000);
    harness.fail();
    harness.wait(2000);
    harness.accept();
    harness.forget();
    harness.frame("430[7]");
    harness.sees("/ #1 Acknowledged\n/ #1 ack [7]");
}

#[test]
fn ack_for_unsent_event_is_ignored() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.emit(Emit::new("ask").with_ack());
    harness.open();
    harness.forget();
    harness.frame("430[1]");
    harness.sees("");
    assert_eq!(harness.connection.pending_acks("/"), 1);
}

#[test]
fn ack_ids_continue_after_reconnect() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("a").with_ack());
    harness.lose_connection();
    harness.wait(1000);
    harness.accept();
    harness.emit(Emit::new("b").with_ack());
    harness.sees_of(&["send"], "send 1 420[\"a\"]\nsend 2 40\nsend 2 421[\"b\"]");
    harness.frame("430[1]");
    harness.sees("");
}

#[test]
fn cancel_ack_keeps_the_event() {
    let mut harness = Harness::new();
    let id = harness.emit(Emit::new("ask").with_ack());
    assert!(harness.act(|connection, _| connection.cancel_ack(id)));
    assert!(!harness.act(|connection, _| connection.cancel_ack(id)));
    harness.sees("/ #1 ack cancelled");
    harness.connect("/");
    harness.accept();
    harness.sees_of(&["send", "/ #"], "send 1 40\nsend 1 420[\"ask\"]\n/ #1 Sent");
}

#[test]
fn cancel_queued_event_is_not_sent() {
    let mut harness = Harness::new();
    let id = harness.emit(Emit::new("ask").with_ack());
    assert!(harness.act(|connection, now| connection.cancel(now, id)));
    assert!(!harness.act(|connection, now| connection.cancel(now, id)));
    harness.sees("/ #1 Failed(Cancelled)\n/ #1 ack cancelled");
    harness.connect("/");
    harness.accept();
    harness.sees_of(&["send"], "send 1 40");
}

#[test]
fn ack_of_dropped_volatile_event_fails_immediately() {
    let mut harness = Harness::new();
    harness.emit(Emit::new("ask").with_ack().volatile());
    harness.sees("/ #1 ack volatile event while not connected");
    assert_eq!(harness.connection.pending_acks("/"), 0);
}

#[test]
fn ack_to_server_has_the_id_of_its_event() {
    let mut harness = Harness::joined();
    harness.frame(r#"427["how"]"#);
    harness.sees(r#"/ got how [] ?"#);
    let token = harness.tokens.remove(0);
    let answered = harness.act(|connection, now| connection.send_ack(now, token, vec![Value::from("so")]));
    assert_eq!(answered, Ok(()));
    harness.sees(r#"send 1 437["so"]"#);
}

#[test]
fn ack_to_server_may_carry_binary() {
    let mut harness = Harness::joined();
    harness.frame(r#"427["how"]"#);
    harness.forget();
    let token = harness.tokens.remove(0);
    let answer = vec![Value::Binary(vec![1, 2])];
    assert_eq!(
        harness.act(|connection, now| connection.send_ack(now, token, answer)),
        Ok(())
    );
    harness.sees("send 1 461-7[{\"_placeholder\":true,\"num\":0}]\nsend 1 [1, 2]");
}

#[test]
fn ack_to_server_after_reconnect_is_stale() {
    let mut harness = Harness::joined();
    harness.frame(r#"427["how"]"#);
    harness.lose_connection();
    harness.wait(1000);
    harness.accept();
    harness.forget();
    let token = harness.tokens.remove(0);
    let answered = harness.act(|connection, now| connection.send_ack(now, token, vec![Value::from("late")]));
    assert_eq!(answered, Err(SendAckError::Stale));
    harness.sees("");
}

#[test]
fn ack_to_server_after_disconnect_is_stale() {
    let mut harness = Harness::joined();
    harness.connect("/other");
    harness.frame(r#"40/other,{"sid":"o"}"#);
    harness.frame(r#"427["how"]"#);
    harness.disconnect("/");
    harness.connect("/");
    harness.frame(r#"40{"sid":"s2"}"#);
    harness.forget();
    let token = harness.tokens.remove(0);
    let answered = harness.act(|connection, now| connection.send_ack(now, token, vec![]));
    assert_eq!(answered, Err(SendAckError::Stale));
    harness.sees("");
}

#[test]
fn ack_without_payload_is_a_parse_error() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("ask").with_ack());
    harness.forget();
    harness.frame("430");
    harness.sees_of(
        &["/ #", "- close"],
        "/ #1 Failed(Disconnected)
         / #1 ack socket has been disconnected
         - close: parse error (invalid payload: ACK carries an array)",
    );
}

#[test]
fn latency_is_measured_from_acks() {
    let mut harness = Harness::joined();
    assert_eq!(harness.connection.latency(), None);
    harness.emit(Emit::new("a").with_ack());
    harness.wait(80);
    harness.frame("430[]");
    let latency = harness.connection.latency().expect("measured");
    assert_eq!(
        (latency.last, latency.average, latency.samples),
        (millis(80), millis(80), 1)
    );
}
