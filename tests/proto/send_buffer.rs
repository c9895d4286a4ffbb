//! Send buffer: order, bounds, expiry and inspection.

use std::time::Instant;

use pesan::socketio::proto::{Config, Connection, Emit, EmitError, Flush, WhenFull};

use crate::harness::{Harness, millis, secs};

#[test]
fn events_emitted_offline_are_sent_in_order_before_connect() {
    let mut harness = Harness::new();
    for n in 0..3 {
        harness.emit(Emit::new("n").arg(n));
    }
    harness.connect("/");
    harness.open();
    harness.emit(Emit::new("n").arg(3));
    harness.forget();
    harness.frame(r#"40{"sid":"s"}"#);
    harness.sees(
        r#"send 1 42["n",0]
           / #1 Sent
           send 1 42["n",1]
           / #2 Sent
           send 1 42["n",2]
           / #3 Sent
           send 1 42["n",3]
           / #4 Sent
           / connect s"#,
    );
}

#[test]
fn flush_after_connect_is_deferred() {
    let mut harness = Harness::with(|config| config.send_buffer.flush = Flush::AfterConnect);
    harness.emit(Emit::new("old"));
    harness.connect("/");
    harness.accept();
    harness.sees_of(&["send", "/"], "send 1 40\n/ connect s");
    harness.emit(Emit::new("hello"));
    harness.sees("");
    harness.wait(0);
    harness.sees("send 1 42[\"old\"]\n/ #1 Sent\nsend 1 42[\"hello\"]\n/ #2 Sent");
}

#[test]
fn clear_queue_during_connect_event_discards_queued_events() {
    let mut harness = Harness::with(|config| config.send_buffer.flush = Flush::AfterConnect);
    harness.emit(Emit::new("old").with_ack());
    harness.connect("/");
    harness.accept();
    harness.forget();
    harness.act(|connection, _| connection.clear_queue("/"));
    harness.sees("/ #1 Failed(Cleared)\n/ #1 ack send buffer was cleared");
    harness.wait(0);
    harness.sees("");
}

#[test]
fn send_buffer_full_refuses_with_its_size() {
    let mut harness = Harness::with(|config| config.send_buffer.messages = 2);
    harness.emit(Emit::new("a"));
    harness.emit(Emit::new("b"));
    let refused = harness.try_emit(Emit::new("c").with_ack());
    assert_eq!(
        refused,
        Err(EmitError::SendBufferFull {
            messages: 2,
            bytes: 14
        })
    );
    assert_eq!(harness.connection.pending_acks("/"), 0);
    let names: Vec<&str> = harness
        .connection
        .queued("/")
        .map(|queued| queued.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn send_buffer_full_drop_oldest_evicts() {
    let mut harness = Harness::with(|config| {
        config.send_buffer.messages = 2;
        config.send_buffer.when_full = WhenFull::DropOldest;
    });
    harness.emit(Emit::new("a").with_ack());
    harness.emit(Emit::new("b"));
    harness.emit(Emit::new("c"));
    harness.sees("/ #1 Failed(Evicted)\n/ #1 ack removed from a full send buffer");
    let names: Vec<&str> = harness
        .connection
        .queued("/")
        .map(|queued| queued.name.as_str())
        .collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn send_buffer_bytes_are_bounded() {
    let mut harness = Harness::with(|config| config.send_buffer.bytes = 20);
    harness.emit(Emit::new("a").arg("0123"));
    let refused = harness.try_emit(Emit::new("b"));
    assert_eq!(
        refused,
        Err(EmitError::SendBufferFull {
            messages: 1,
            bytes: 14
        })
    );
}

#[test]
fn queued_event_over_max_age_expires() {
    let mut harness = Harness::with(|config| config.send_buffer.max_age = Some(millis(500)));
    harness.emit(Emit::new("old").with_ack());
    harness.wait(400);
    harness.emit(Emit::new("young"));
    harness.forget();
    harness.wait(100);
    harness.sees("/ #1 Failed(Expired)\n/ #1 ack expired in the send buffer");
    harness.connect("/");
    harness.accept();
    harness.sees_of(&["send"], "send 1 40\nsend 1 42[\"young\"]");
}

#[test]
fn timeout_without_ack_limits_time_in_queue() {
    let mut harness = Harness::new();
    harness.emit(Emit::new("x").timeout(millis(10)));
    harness.wait(10);
    harness.sees("/ #1 Failed(TimedOut)");
    assert_eq!(harness.connection.queue_len("/"), 0);
}

#[test]
fn timeout_applies_to_one_emit_only() {
    let mut harness = Harness::with(|config| config.retries = 1);
    harness.emit(Emit::new("a").timeout(millis(7)));
    harness.emit(Emit::new("b").with_ack());
    harness.connect("/");
    harness.accept();
    harness.frame("430[]");
    harness.forget();
    harness.wait(1000);
    harness.sees("");
    assert_eq!(harness.connection.pending_acks("/"), 1);
}

#[test]
fn disconnect_keeps_queued_events() {
    let mut harness = Harness::joined();
    harness.disconnect("/");
    harness.emit(Emit::new("later"));
    harness.forget();
    harness.connect("/");
    harness.accept();
    harness.sees_of(&["send"], "send 2 40\nsend 2 42[\"later\"]");
}

/// An implementation with linear cost per event takes minutes for this instead of a fraction of a second.
#[test]
fn send_buffer_long_has_constant_cost_per_event() {
    const MANY: u64 = 50_000;
    fn filled(change: impl FnOnce(&mut Config)) -> Harness {
        let mut harness = Harness::with(|config| {
            config.send_buffer.messages = MANY as usize;
            config.send_buffer.max_age = Some(secs(60));
            config.ack_timeout = Some(secs(90));
            change(config);
        });
        for _ in 0..MANY {
            harness.emit(Emit::new("x").with_ack());
            harness.sleep(1);
        }
        harness
    }
    let start = Instant::now();
    let mut cleared = filled(|_| {});
    cleared.act(|connection, _| connection.clear_queue("/"));
    assert_eq!(cleared.connection.queue_len("/"), 0);

    let mut expired = filled(|_| {});
    expired.sleep(90_000);
    expired.act(Connection::handle_timeout);
    assert_eq!(expired.connection.queue_len("/"), 0);

    let mut full = filled(|config| config.send_buffer.when_full = WhenFull::DropOldest);
    for _ in 0..MANY {
        full.emit(Emit::new("y").with_ack());
    }
    assert_eq!(full.connection.queue_len("/"), MANY as usize);
    full.connect("/");
    full.accept();
    assert_eq!(full.connection.pending_acks("/"), MANY as usize);
    full.lose_connection();
    assert_eq!(full.connection.pending_acks("/"), 0);

    let mut retried = filled(|config| config.retries = 1);
    retried.connect("/");
    retried.accept();
    for id in 0..MANY {
        retried.frame(&format!("43{id}[]"));
    }
    assert_eq!(retried.connection.queue_len("/"), 0);
    assert!(start.elapsed() < secs(20), "{:?}", start.elapsed());
}

#[test]
fn emit_during_connect_event_with_empty_queue_is_sent_immediately() {
    let mut harness = Harness::joined_with(|config| config.send_buffer.flush = Flush::AfterConnect);
    harness.emit(Emit::new("typing").volatile());
    harness.emit(Emit::new("hello"));
    harness.sees("send 1 42[\"typing\"]\nsend 1 42[\"hello\"]");
}
