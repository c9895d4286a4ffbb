//! Reconnection: delays, attempts, and hints about the network.

use pesan::socketio::Timestamp;
use pesan::socketio::proto::{CloseInfo, Config, Connection, Output, Status};

use crate::harness::Harness;

#[test]
fn reconnect_delays_are_one_two_four_then_five_seconds() {
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.forget();
    for (attempt, pause) in [(1, 1000), (2, 2000), (3, 4000), (4, 5000), (5, 5000)] {
        harness.wait(pause - 1);
        harness.sees("");
        harness.wait(1);
        harness.sees_of(
            &["- reconnect_attempt"],
            &format!("- reconnect_attempt {attempt}"),
        );
        harness.fail();
        harness.forget();
    }
}

#[test]
fn reconnect_success_resets_the_attempts() {
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.wait(1000);
    harness.fail();
    harness.wait(2000);
    harness.accept();
    harness.lose_connection();
    let until = harness.connection.retry_at();
    assert_eq!(until, Some(Timestamp::from_millis(4000)));
}

#[test]
fn retry_at_is_the_next_attempt() {
    let mut harness = Harness::joined();
    assert_eq!(harness.connection.status(), Status::Open);
    harness.wait(500);
    harness.lose_connection();
    let until = Timestamp::from_millis(1500);
    assert_eq!(harness.connection.status(), Status::Backoff { attempt: 1, until });
    assert_eq!(harness.connection.retry_at(), Some(until));
    harness.wait(1000);
    assert_eq!(harness.connection.status(), Status::Connecting { attempt: 1 });
    assert_eq!(harness.connection.retry_at(), None);
}

#[test]
fn reconnect_now_during_backoff_opens_immediately() {
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.forget();
    harness.act(Connection::reconnect_now);
    harness.sees("- reconnect_attempt 1\nopen 2 websocket");
    harness.act(Connection::reconnect_now);
    harness.sees("");
    harness.fail();
    harness.act(Connection::network_online);
    harness.sees_of(&["- reconnect_attempt"], "- reconnect_attempt 2");
}

#[test]
fn reconnect_now_after_last_attempt_opens_again() {
    let mut harness = Harness::with(|config| config.reconnection.attempts = Some(0));
    harness.connect("/");
    harness.fail();
    harness.sees_of(&["- reconnect"], "- reconnect_failed");
    harness.act(Connection::network_online);
    harness.sees("");
    harness.act(Connection::reconnect_now);
    harness.sees("open 2 websocket");
    harness.accept();
    assert!(harness.connection.is_connected("/"));
}

#[test]
fn network_offline_closes_immediately() {
    let mut harness = Harness::joined();
    harness.act(Connection::network_offline);
    harness.sees(
        "close 1
         / disconnect: transport close (network connection lost)
         - close: transport close (network connection lost)",
    );
    harness.act(Connection::network_online);
    harness.sees("- reconnect_attempt 1\nopen 2 websocket");
    harness.act(Connection::network_offline);
    harness.sees_of(&["close", "- error"], "close 2\n- error: network connection lost");
}

#[test]
fn network_offline_with_localhost_keeps_the_connection() {
    let mut harness =
        Harness::with(|config| config.address = "http://localhost:5000".parse().expect("legal"));
    harness.connect("/");
    harness.accept();
    harness.forget();
    harness.act(Connection::network_offline);
    harness.sees("");
}

#[test]
fn reconnection_off_ends_backoff_and_prevents_attempts() {
    let mut harness = Harness::joined_with(|config| config.reconnection.enabled = false);
    harness.lose_connection();
    harness.forget();
    harness.wait(1_000_000);
    harness.sees("");
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.forget();
    harness.act(|connection, _| connection.set_reconnection(false));
    assert_eq!(harness.connection.status(), Status::Idle);
    harness.wait(1_000_000);
    harness.sees("");
    harness.act(|connection, _| connection.set_reconnection(true));
    harness.act(Connection::reconnect_now);
    harness.sees("open 2 websocket");
}

#[test]
fn first_connect_failed_is_retried() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.fail();
    harness.wait(1000);
    harness.sees_of(&["- reconnect_attempt"], "- reconnect_attempt 1");
}

#[test]
fn disconnect_during_backoff_ends_it() {
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.forget();
    harness.disconnect("/");
    harness.sees("- close: forced close");
    harness.wait(1_000_000);
    harness.sees("");
}

#[test]
fn connect_during_backoff_waits_for_next_attempt() {
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.connect("/admin");
    harness.forget();
    harness.wait(1000);
    harness.open();
    harness.sees_of(&["send"], "send 2 40\nsend 2 40/admin,");
}

#[test]
fn events_of_replaced_transport_are_ignored() {
    let mut harness = Harness::joined();
    let old = harness.current();
    harness.act(Connection::network_offline);
    harness.wait(1000);
    harness.accept();
    harness.forget();
    harness.frame_on(old, r#"42["ghost"]"#);
    harness.frame_on(old, "1");
    harness.act(|connection, now| connection.handle_closed(now, old, CloseInfo::default()));
    harness.act(|connection, now| connection.handle_opened(now, old));
    harness.act(|connection, now| connection.handle_paused(now, old));
    harness.sees("");
    assert!(harness.connection.is_connected("/"));
}

#[test]
fn reconnect_delays_of_different_seeds_differ() {
    let pauses: std::collections::BTreeSet<u64> = (0..100)
        .map(|seed| {
            let mut config = Config::new("http://a.b".parse().expect("legal"));
            config.transports.truncate(1);
            let mut connection = Connection::new(config, seed);
            let start = Timestamp::from_millis(0);
            connection.connect(start, "/");
            let Some(Output::Open { id, .. }) = connection.poll_output() else {
                panic!("it opens");
            };
            connection.handle_closed(start, id, CloseInfo::default());
            connection.retry_at().expect("it waits").as_millis()
        })
        .collect();
    assert!(pauses.len() > 80, "{} different pauses of 100", pauses.len());
}
