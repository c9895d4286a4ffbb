//! Heartbeat: pings, pongs and the deadline.

use pesan::socketio::Timestamp;
use pesan::socketio::proto::{Connection, Emit};

use crate::harness::Harness;

#[test]
fn ping_is_answered_and_moves_the_deadline() {
    let mut harness = Harness::joined();
    harness.wait(30_000);
    harness.frame("2");
    harness.sees("send 1 3\n- ping");
    assert_eq!(
        harness.connection.last_ping(),
        Some(Timestamp::from_millis(30_000))
    );
    harness.wait(44_999);
    harness.sees("");
    harness.wait(1);
    harness.sees("close 1\n/ disconnect: ping timeout\n- close: ping timeout");
}

#[test]
fn traffic_other_than_pings_does_not_move_the_deadline() {
    let mut harness = Harness::joined();
    harness.wait(44_000);
    for frame in [
        r#"42["x"]"#,
        "6",
        "3",
        r#"0{"sid":"b","pingInterval":1,"pingTimeout":1}"#,
    ] {
        harness.frame(frame);
    }
    harness.forget();
    harness.wait(1000);
    harness.sees("close 1\n/ disconnect: ping timeout\n- close: ping timeout");
}

#[test]
fn emit_after_suspend_detects_dead_connection_and_queues() {
    let mut harness = Harness::joined();
    harness.sleep(60_000);
    harness.emit(Emit::new("late"));
    harness.sees("close 1\n/ disconnect: ping timeout\n- close: ping timeout");
    assert_eq!(harness.connection.queue_len("/"), 1);
    harness.wait(1000);
    harness.accept();
    harness.sees_of(&["send"], "send 2 40\nsend 2 42[\"late\"]");
}

#[test]
fn page_visible_after_suspend_reconnects_immediately() {
    let mut harness = Harness::joined();
    harness.sleep(60_000);
    harness.act(Connection::became_visible);
    harness.sees(
        "close 1
         / disconnect: ping timeout
         - close: ping timeout
         - reconnect_attempt 1
         open 2 websocket",
    );
}

#[test]
fn page_visible_keeps_live_connection() {
    let mut harness = Harness::joined();
    harness.sleep(40_000);
    harness.act(Connection::became_visible);
    harness.sees("");
}

#[test]
fn ping_with_data_gets_bare_pong() {
    let mut harness = Harness::joined();
    harness.frame("2probe");
    harness.sees("send 1 3\n- ping");
}

#[test]
fn timeout_early_does_nothing() {
    let mut harness = Harness::joined();
    for _ in 0..100 {
        harness.sleep(400);
        harness.act(Connection::handle_timeout);
    }
    harness.sees("");
}

#[test]
fn handshake_with_invalid_heartbeat_fails_the_attempt() {
    for wrong in ["0", "-1", "1.5", "1e300", "null", "\"1\""] {
        let mut harness = Harness::new();
        harness.connect("/");
        harness.forget();
        harness.frame(&format!(
            r#"0{{"sid":"e","upgrades":[],"pingInterval":{wrong},"pingTimeout":20000}}"#
        ));
        harness.sees_of(
            &["close", "- error"],
            "close 1\n- error: handshake field 'pingInterval' is missing or of the wrong type",
        );
    }
}
