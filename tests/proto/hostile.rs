//! Invalid data of a server results in a typed error or a reconnection.

use pesan::socketio::proto::{Emit, Status};

use crate::harness::{Harness, OPEN};

#[test]
fn frame_not_engine_packet_is_a_transport_error() {
    for (frame, error) in [
        ("", "empty packet"),
        ("7", "unknown packet type '7'"),
        ("a123", "unknown packet type 'a'"),
        (" 4a", "unknown packet type ' '"),
        ("€", "unknown packet type '€'"),
        ("b!", "invalid base64 in a binary packet"),
    ] {
        let mut harness = Harness::joined();
        harness.frame(frame);
        harness.sees(&format!(
            "- error: {error}
             close 1
             / disconnect: transport error ({error})
             - close: transport error ({error})"
        ));
        harness.wait(1000);
        harness.sees("- reconnect_attempt 1\nopen 2 websocket");
    }
}

#[test]
fn message_not_a_packet_is_a_parse_error() {
    for frame in [
        "4",
        "49",
        "42",
        "42[]",
        "42{}",
        "42[null]",
        "42[\"connect\"]",
        "42[\"a\"]x",
        "42[\"a\",NaN]",
        "442[\"some\"",
        "45",
        "451",
        "450-[\"x\"]",
        "4511-[\"x\"]",
        "451e0-[\"x\"]",
        "43[1]",
        "430{}",
        "40[]",
        "41{}",
        "4099999999999999999999999[\"a\"]",
    ] {
        let mut harness = Harness::joined();
        harness.frame(frame);
        harness.sees_of(&["close", "- error"], "close 1");
        assert_eq!(
            harness.connection.status(),
            Status::Backoff {
                attempt: 1,
                until: harness.connection.retry_at().expect("it waits")
            },
            "{frame}"
        );
    }
}

#[test]
fn attachment_unexpected_or_missing_is_a_parse_error() {
    let mut harness = Harness::joined();
    harness.binary(&[1]);
    harness.sees_of(
        &["- close"],
        "- close: parse error (binary frame without a packet that waits for it)",
    );
    let mut harness = Harness::joined();
    harness.frame(r#"451-["x",{"_placeholder":true,"num":0}]"#);
    harness.frame(r#"42["y"]"#);
    harness.sees_of(
        &["- close"],
        "- close: parse error (text frame while 1 attachments are missing)",
    );
}

#[test]
fn binary_event_incomplete_on_close_is_dropped() {
    let mut harness = Harness::joined();
    harness.frame(r#"451-["x",{"_placeholder":true,"num":0}]"#);
    harness.lose_connection();
    harness.wait(1000);
    harness.accept();
    harness.forget();
    harness.frame(r#"42["fresh"]"#);
    harness.sees("/ got fresh []");
}

#[test]
fn frame_or_attachments_over_limit_are_parse_errors() {
    let mut harness = Harness::joined_with(|config| config.limits.max_frame_bytes = 100);
    harness.frame(&format!(r#"42["{}"]"#, "x".repeat(100)));
    harness.sees_of(
        &["- close"],
        "- close: parse error (frame of 105 bytes, limit 100)",
    );
    let mut harness = Harness::joined_with(|config| config.limits.max_attachment_bytes = 10);
    harness.frame(r#"452-["x",{"_placeholder":true,"num":0}]"#);
    harness.binary(&[0; 6]);
    harness.binary(&[0; 6]);
    harness.sees_of(
        &["- close"],
        "- close: parse error (attachments of more than 10 bytes)",
    );
}

#[test]
fn nesting_over_limit_is_a_parse_error() {
    let mut harness = Harness::joined();
    harness.frame(&format!(
        "42[\"x\",{}{}]",
        "[".repeat(100_000),
        "]".repeat(100_000)
    ));
    assert!(matches!(harness.connection.status(), Status::Backoff { .. }));
}

#[test]
fn receive_buffer_full_closes_the_connection() {
    let mut harness = Harness::with(|config| config.receive_buffer_events = 3);
    harness.connect("/");
    harness.open();
    for _ in 0..3 {
        harness.frame(r#"42["x"]"#);
    }
    harness.forget();
    harness.frame(r#"42["x"]"#);
    let error = "more than 3 events before the answer to CONNECT";
    harness.sees(&format!(
        "- error: {error}\nclose 1\n- close: parse error ({error})"
    ));
    harness.frame(r#"42["x"]"#);
    harness.sees("");
}

#[test]
fn receive_buffer_counts_bytes_of_all_frames() {
    let mut harness = Harness::with(|config| config.limits.max_frame_bytes = 100);
    harness.connect("/");
    harness.open();
    harness.forget();
    for _ in 0..2 {
        harness.frame(r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
        harness.binary(&[0; 50]);
        harness.binary(&[0]);
    }
    harness.sees_of(
        &["- error"],
        "- error: more than 4096 events before the answer to CONNECT",
    );
}

#[test]
fn handshake_invalid_fails_the_attempt() {
    for frame in [
        "0",
        "0{",
        "0[]",
        "0null",
        "0{}",
        r#"0{"sid":""}"#,
        r#"0{"sid":7,"pingInterval":1,"pingTimeout":1}"#,
        "7",
        "",
    ] {
        let mut harness = Harness::new();
        harness.connect("/");
        harness.forget();
        harness.frame(frame);
        harness.sees_of(&["close", "/ disconnect"], "close 1");
        assert!(
            matches!(harness.connection.status(), Status::Backoff { attempt: 1, .. }),
            "{frame}"
        );
    }
}

#[test]
fn pings_flooding_get_one_pong_each() {
    let mut harness = Harness::joined();
    for _ in 0..10_000 {
        harness.frame("2");
        harness.forget();
    }
    assert_eq!(harness.connection.stats().pings, 10_000);
}

#[test]
fn pings_flooding_during_upgrade_close_the_connection() {
    use pesan::socketio::proto::TransportKind::{Polling, WebSocket};
    let mut harness = Harness::with(|config| config.transports = vec![Polling, WebSocket]);
    harness.connect("/");
    let polling = harness.current();
    harness.frame(&OPEN.replace("[]", "[\"websocket\"]"));
    let probe = harness.current();
    harness.act(|connection, now| connection.handle_opened(now, probe));
    harness.frame_on(probe, "3probe");
    for _ in 0..5000 {
        harness.frame_on(polling, "2");
    }
    harness.forget();
    harness.wait(0);
    harness.sees_of(&["- error"], "- error: upgrade did not finish in time");
}

#[test]
fn events_of_unknown_namespaces_and_stray_acks_are_ignored() {
    let mut harness = Harness::joined();
    for frame in [
        r#"42/x,["a"]"#,
        "43/x,1[]",
        "4399[]",
        r#"40/x,{"sid":"x"}"#,
        "41/x,",
        "44/x",
        "3",
        "5",
        "6",
    ] {
        harness.frame(frame);
    }
    harness.sees("");
    harness.emit(Emit::new("alive"));
    harness.sees("send 1 42[\"alive\"]");
}

#[test]
fn frames_before_handshake_are_ignored() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.forget();
    for frame in [r#"42["x"]"#, r#"40{"sid":"s"}"#, "2", "3probe", "6"] {
        harness.frame(frame);
    }
    harness.sees("");
    harness.accept();
    harness.sees_of(&["/"], "/ connect s");
}
