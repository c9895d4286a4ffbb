//! Retries: events are sent again until they are acknowledged, one at a time, in order.

use pesan::socketio::proto::{Config, Emit};

use crate::harness::{Harness, millis};

fn twice(config: &mut Config) {
    config.retries = 2;
    config.ack_timeout = Some(millis(100));
}

#[test]
fn retried_events_are_sent_one_at_a_time() {
    let mut harness = Harness::joined_with(twice);
    harness.emit(Emit::new("a"));
    harness.emit(Emit::new("b").with_ack());
    harness.sees("send 1 420[\"a\"]\n/ #1 Sent");
    harness.frame("430[]");
    harness.sees("/ #1 Acknowledged\nsend 1 421[\"b\"]\n/ #2 Sent");
    harness.frame("431[5]");
    harness.sees("/ #2 Acknowledged\n/ #2 ack [5]");
}

#[test]
fn retry_has_new_ack_id_and_after_last_try_fails() {
    let mut harness = Harness::joined_with(twice);
    harness.emit(Emit::new("a").with_ack());
    harness.emit(Emit::new("b"));
    harness.wait(299);
    harness.sees_of(
        &["send"],
        "send 1 420[\"a\"]\nsend 1 421[\"a\"]\nsend 1 422[\"a\"]",
    );
    harness.wait(1);
    harness.sees(
        "/ #1 Failed(TimedOut)
         / #1 ack operation has timed out
         send 1 423[\"b\"]
         / #2 Sent",
    );
}

#[test]
fn ack_of_earlier_try_is_ignored() {
    let mut harness = Harness::joined_with(twice);
    harness.emit(Emit::new("a").with_ack());
    harness.wait(100);
    harness.forget();
    harness.frame("430[]");
    harness.sees("");
    harness.frame("431[]");
    harness.sees("/ #1 Acknowledged\n/ #1 ack []");
}

#[test]
fn retried_event_is_sent_again_after_reconnect() {
    let mut harness = Harness::joined_with(twice);
    harness.emit(Emit::new("a"));
    harness.emit(Emit::new("b"));
    harness.lose_connection();
    harness.wait(1000);
    harness.accept();
    harness.sees_of(&["send"], "send 1 420[\"a\"]\nsend 2 40\nsend 2 421[\"a\"]");
    harness.frame("431[]");
    harness.sees_of(&["send"], "send 2 422[\"b\"]");
}

#[test]
fn retry_connection_lost_counts_as_a_try() {
    let mut harness = Harness::joined_with(|config| config.retries = 1);
    harness.emit(Emit::new("a").with_ack());
    harness.lose_connection();
    harness.wait(1000);
    harness.accept();
    harness.forget();
    harness.lose_connection();
    harness.sees_of(
        &["/ #"],
        "/ #1 Failed(Disconnected)\n/ #1 ack socket has been disconnected",
    );
    assert_eq!(harness.connection.queue_len("/"), 0);
}

#[test]
fn volatile_event_is_not_retried() {
    let mut harness = Harness::joined_with(twice);
    harness.emit(Emit::new("a"));
    harness.emit(Emit::new("typing").volatile());
    harness.sees_of(&["send"], "send 1 420[\"a\"]\nsend 1 42[\"typing\"]");
}

#[test]
fn retry_queue_counts_towards_send_buffer_bounds() {
    let mut harness = Harness::with(|config| {
        twice(config);
        config.send_buffer.messages = 1;
    });
    harness.emit(Emit::new("a"));
    assert!(harness.try_emit(Emit::new("b")).is_err());
    assert_eq!(harness.connection.queue_len("/"), 1);
}

#[test]
fn cancel_retried_event_in_flight_sends_the_next() {
    let mut harness = Harness::joined_with(twice);
    let first = harness.emit(Emit::new("a").with_ack());
    harness.emit(Emit::new("b"));
    harness.forget();
    harness.act(|connection, now| connection.cancel(now, first));
    harness.sees(
        "/ #1 Failed(Cancelled)
         / #1 ack cancelled
         send 1 421[\"b\"]
         / #2 Sent",
    );
    harness.frame("430[]");
    harness.sees("");
}

#[test]
fn clear_queue_keeps_retried_event_in_flight() {
    let mut harness = Harness::joined_with(twice);
    harness.emit(Emit::new("a"));
    harness.emit(Emit::new("b").with_ack());
    harness.forget();
    harness.act(|connection, _| connection.clear_queue("/"));
    harness.sees("/ #2 Failed(Cleared)\n/ #2 ack send buffer was cleared");
    harness.frame("430[]");
    harness.sees("/ #1 Acknowledged");
}

#[test]
fn retried_event_over_max_age_expires_unless_in_flight() {
    let mut harness = Harness::joined_with(|config| {
        twice(config);
        config.ack_timeout = Some(millis(10_000));
        config.send_buffer.max_age = Some(millis(1500));
    });
    harness.emit(Emit::new("a"));
    harness.emit(Emit::new("b").with_ack());
    harness.forget();
    harness.wait(1500);
    harness.sees("/ #2 Failed(Expired)\n/ #2 ack expired in the send buffer");
    harness.frame("430[]");
    harness.sees("/ #1 Acknowledged");
    harness.emit(Emit::new("c"));
    harness.lose_connection();
    harness.forget();
    harness.wait(1499);
    harness.emit(Emit::new("d"));
    harness.wait(1);
    harness.sees_of(&["/ #"], "/ #3 Failed(Expired)");
    assert_eq!(harness.connection.queue_len("/"), 1);
}
