//! Long-polling, fallback to it, and upgrade to WebSocket.

use pesan::socketio::proto::TransportKind::{Polling, WebSocket};
use pesan::socketio::proto::{CloseInfo, Config, Emit, TransportId};

use crate::harness::Harness;

const POLLED: &str =
    r#"0{"sid":"e","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;

fn official(config: &mut Config) {
    config.transports = vec![Polling, WebSocket];
}

/// Connected by polling; the second transport is probing.
fn probing() -> (Harness, TransportId, TransportId) {
    let mut harness = Harness::with(official);
    harness.connect("/");
    let polling = harness.current();
    harness.frame(POLLED);
    let probe = harness.current();
    harness.frame_on(polling, r#"40{"sid":"s"}"#);
    harness.sees(
        "open 1 polling
         - open
         send 1 40
         open 2 websocket
         / connect s",
    );
    (harness, polling, probe)
}

/// Like `polling`, with the probe answered and polling paused.
fn pausing() -> (Harness, TransportId, TransportId) {
    let (mut harness, polling, probe) = probing();
    harness.act(|connection, now| connection.handle_opened(now, probe));
    harness.frame_on(probe, "3probe");
    harness.sees("send 2 2probe\npause 1");
    (harness, polling, probe)
}

#[test]
fn websocket_failed_falls_back_to_polling_without_error() {
    let mut harness = Harness::with(|config| config.transports = vec![WebSocket, Polling]);
    harness.connect("/");
    harness.fail();
    harness.sees("open 1 websocket\nopen 2 polling");
    harness.fail();
    harness.sees(
        "/ connect_error: xhr poll error: refused; websocket error: refused
         - error: xhr poll error: refused; websocket error: refused",
    );
    harness.wait(1000);
    harness.sees("- reconnect_attempt 1\nopen 3 websocket");
}

#[test]
fn try_all_transports_off_only_the_first_is_tried() {
    let mut harness = Harness::with(|config| {
        config.transports = vec![WebSocket, Polling];
        config.try_all_transports = false;
    });
    harness.connect("/");
    harness.fail();
    harness.sees_of(
        &["open", "- error"],
        "open 1 websocket\n- error: websocket error: refused",
    );
}

#[test]
fn probe_and_requests_have_session_id_and_unique_urls() {
    let mut harness = Harness::with(official);
    harness.connect("/");
    let polling = harness.current();
    let first = harness.urls[0].clone();
    assert!(
        first.starts_with("http://example.org/socket.io/?EIO=4&transport=polling&t="),
        "{first}"
    );
    harness.frame(POLLED);
    assert_eq!(
        harness.urls[1],
        "ws://example.org/socket.io/?EIO=4&transport=websocket&sid=e"
    );
    let urls = [0; 2].map(|_| harness.connection.request_url(polling).expect("it polls"));
    assert!(urls[0].contains("transport=polling&sid=e&t="), "{}", urls[0]);
    assert_ne!(urls[0], urls[1]);
    assert_eq!(
        harness.connection.request_url(harness.current()),
        None,
        "the probe is no polling transport"
    );
}

#[test]
fn upgrade_follows_probe_and_pause() {
    let (mut harness, polling, _) = pausing();
    harness.emit(Emit::new("held"));
    harness.frame_on(polling, r#"42["last by polling"]"#);
    harness.frame_on(polling, "2");
    harness.sees("/ got last by polling []\n- ping");
    harness.act(|connection, now| connection.handle_paused(now, polling));
    harness.sees(
        "send 2 5
         close 1
         - upgrade
         send 2 3
         send 2 42[\"held\"]
         / #1 Sent",
    );
    harness.frame(r#"42["by websocket"]"#);
    harness.frame_on(polling, r#"42["ghost"]"#);
    harness.sees("/ got by websocket []");
    assert!(
        harness.connection.request_url(polling).is_some(),
        "its last requests may still need one"
    );
}

#[test]
fn session_id_is_only_sent_to_its_server() {
    let (mut harness, polling, _) = probing();
    let elsewhere = "http://elsewhere.org".parse().expect("a legal address");
    harness.connection.config_mut().address = elsewhere;
    let here = "http://example.org/socket.io/?EIO=4&transport=polling&sid=e&";
    let url = harness.connection.request_url(polling).expect("it polls");
    assert!(url.starts_with(here), "{url}");
    harness.act(|connection, now| connection.handle_closed(now, polling, CloseInfo::closed(1006, "")));
    let last = harness
        .connection
        .request_url(polling)
        .expect("for its last words");
    assert!(last.starts_with(here), "{last}");
    harness.wait(2000);
    let next = harness.urls.last().expect("it tries again");
    assert!(next.starts_with("http://elsewhere.org/"), "{next}");
}

#[test]
fn disconnect_held_is_dropped_when_server_disconnects_first() {
    let (mut harness, polling, _) = pausing();
    harness.connect("/other");
    harness.frame_on(polling, r#"40/other,{"sid":"o"}"#);
    harness.disconnect("/");
    harness.frame_on(polling, "41");
    harness.forget();
    harness.act(|connection, now| connection.handle_paused(now, polling));
    harness.sees_of(&["send 2 4"], "send 2 40/other,");
}

#[test]
fn probe_failed_leaves_polling_open() {
    let (mut harness, polling, probe) = probing();
    harness.act(|connection, now| connection.handle_closed(now, probe, CloseInfo::failed("blocked")));
    harness.emit(Emit::new("x"));
    harness.frame_on(polling, "2");
    harness.sees_of(&["send", "close", "- close"], "send 1 42[\"x\"]\nsend 1 3");
}

#[test]
fn probe_with_wrong_or_no_reply_is_closed() {
    let (mut harness, _, probe) = probing();
    harness.act(|connection, now| connection.handle_opened(now, probe));
    harness.frame_on(probe, "3wrong");
    harness.sees("send 2 2probe\nclose 2");
    let (mut harness, polling, _) = probing();
    harness.wait(19_999);
    harness.frame_on(polling, "2");
    harness.forget();
    harness.wait(1);
    harness.sees("close 2");
    assert!(harness.connection.is_connected("/"));
}

#[test]
fn pause_without_end_closes_the_connection() {
    let (mut harness, _, _) = pausing();
    harness.wait(20_000);
    let error = "upgrade did not finish in time";
    harness.sees(&format!(
        "- error: {error}
         close 2
         close 1
         / disconnect: transport error ({error})
         - close: transport error ({error})"
    ));
}

#[test]
fn pause_with_too_many_held_frames_closes_the_connection() {
    for (pings, outcome) in [
        (4095, "send 2 430[]"),
        (4096, "- error: upgrade did not finish in time"),
    ] {
        let (mut harness, polling, _) = pausing();
        harness.frame_on(polling, r#"420["question"]"#);
        for _ in 0..pings {
            harness.frame_on(polling, "2");
        }
        let token = harness.tokens.remove(0);
        harness
            .act(|connection, now| connection.send_ack(now, token, Vec::new()))
            .expect("the connection is open");
        harness.forget();
        harness.act(|connection, now| connection.handle_paused(now, polling));
        harness.sees_of(&["send 2 430", "- error"], outcome);
    }
}

#[test]
fn disconnect_during_pause_sends_held_frames_by_polling() {
    let (mut harness, polling, _) = pausing();
    harness.disconnect("/");
    harness.sees(
        "close 2
         send 1 41
         send 1 1
         close 1
         - close: forced close
         / disconnect: io client disconnect",
    );
    assert!(
        harness
            .connection
            .request_url(polling)
            .is_some_and(|url| url.contains("sid=e"))
    );
}

#[test]
fn connect_held_during_pause_is_answered_in_order() {
    let (mut harness, polling, _) = pausing();
    harness.connect("/a");
    harness.sees("");
    // Unsolicited: no probe was sent yet.
    harness.frame_on(polling, r#"40/a,{"sid":"a"}"#);
    harness.disconnect("/a");
    harness.act(|connection, now| connection.handle_paused(now, polling));
    harness.sees(
        "/a connect a
         /a disconnect: io client disconnect
         send 2 5
         close 1
         - upgrade
         send 2 40/a,
         send 2 41/a,",
    );
}

#[test]
fn engine_close_ends_polling_but_not_websocket() {
    let (mut harness, polling, _) = probing();
    harness.frame_on(polling, "1");
    harness.sees(
        "close 2
         close 1
         / disconnect: transport close (transport closed by the server)
         - close: transport close (transport closed by the server)",
    );
    let mut harness = Harness::joined();
    harness.frame("1");
    harness.sees("");
}

#[test]
fn probe_not_wanted_or_offered_is_not_started() {
    for (wanted, frame) in [(false, POLLED), (true, crate::harness::OPEN)] {
        let mut harness = Harness::with(|config| {
            official(config);
            config.upgrade = wanted;
        });
        harness.connect("/");
        harness.frame(frame);
        harness.sees("open 1 polling\n- open\nsend 1 40");
    }
}

#[test]
fn remember_upgrade_tries_websocket_first() {
    let mut harness = Harness::with(|config| {
        official(config);
        config.remember_upgrade = true;
    });
    harness.connect("/");
    let polling = harness.current();
    harness.frame(POLLED);
    let probe = harness.current();
    harness.act(|connection, now| connection.handle_opened(now, probe));
    harness.frame_on(probe, "3probe");
    harness.act(|connection, now| connection.handle_paused(now, polling));
    harness.lose_connection();
    harness.forget();
    harness.wait(1000);
    harness.sees("- reconnect_attempt 1\nopen 3 websocket");
    harness.fail();
    harness.sees("open 4 polling");
    harness.fail();
    harness.forget();
    harness.wait(2000);
    harness.sees("- reconnect_attempt 2\nopen 5 polling");
}

#[test]
fn payload_packets_are_handled_in_order_until_close() {
    let mut harness = Harness::with(official);
    harness.connect("/");
    let id = harness.current();
    let binary = r#"451-["b",{"_placeholder":true,"num":0}]"#;
    let body = [
        crate::harness::OPEN,
        r#"40{"sid":"s"}"#,
        binary,
        "bAQID",
        "1",
        r#"42["ghost"]"#,
    ]
    .join("\u{1e}");
    harness.act(|connection, now| connection.handle_payload(now, id, &body));
    assert_eq!(harness.connection.stats().events_in, 1);
    harness.sees_of(
        &["- close"],
        "- close: transport close (transport closed by the server)",
    );
}

#[test]
fn payload_with_many_packets_is_accepted() {
    let mut harness = Harness::with(official);
    harness.connect("/");
    let id = harness.current();
    harness.frame(crate::harness::OPEN);
    harness.frame(r#"40{"sid":"s"}"#);
    harness.forget();
    let body = [r#"42["x"]"#; 65_536].join("\u{1e}");
    harness.act(|connection, now| connection.handle_payload(now, id, &body));
    assert_eq!(harness.connection.stats().events_in, 65_536);
    assert!(harness.connection.is_connected("/"));
}

#[test]
fn payload_with_too_many_packets_closes_the_connection() {
    let mut harness = Harness::with(|config| {
        official(config);
        config.limits.max_payload_packets = 2;
    });
    harness.connect("/");
    let id = harness.current();
    let body = [crate::harness::OPEN, "6", "6"].join("\u{1e}");
    harness.act(|connection, now| connection.handle_payload(now, id, &body));
    harness.sees_of(
        &["- close"],
        "- close: transport error (more than 2 packets in a payload)",
    );
}

#[test]
fn binary_over_polling_counts_as_base64_against_max_payload() {
    let (mut harness, _, _) = probing();
    assert!(harness.try_emit(Emit::new("b").arg(vec![0; 747])).is_ok());
    assert!(harness.try_emit(Emit::new("b").arg(vec![0; 748])).is_err());
}
