//! Long-polling, the fall back to it, and the way from there to WebSocket.

use pesan::socketio::proto::TransportKind::{Polling, WebSocket};
use pesan::socketio::proto::{CloseInfo, Config, Emit, TransportId};

use crate::world::World;

const POLLED: &str =
    r#"0{"sid":"e","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}"#;

fn official(config: &mut Config) {
    config.transports = vec![Polling, WebSocket];
}

/// Connected by polling; the probe is under way on the second transport.
fn probing() -> (World, TransportId, TransportId) {
    let mut world = World::with(official);
    world.connect("/");
    let polling = world.current();
    world.frame(POLLED);
    let probe = world.current();
    world.frame_on(polling, r#"40{"sid":"s"}"#);
    world.sees(
        "open 1 polling
         - open
         send 1 40
         open 2 websocket
         / connect s",
    );
    (world, polling, probe)
}

/// The same, with the probe answered and polling told to rest.
fn pausing() -> (World, TransportId, TransportId) {
    let (mut world, polling, probe) = probing();
    world.act(|machine, now| machine.handle_opened(now, probe));
    world.frame_on(probe, "3probe");
    world.sees("send 2 2probe\npause 1");
    (world, polling, probe)
}

#[test]
fn when_websocket_fails_polling_is_tried_and_no_error_is_told() {
    let mut world = World::with(|config| config.transports = vec![WebSocket, Polling]);
    world.connect("/");
    world.fail();
    world.sees("open 1 websocket\nopen 2 polling");
    world.fail();
    world.sees(
        "/ connect_error: xhr poll error: refused
         - error: xhr poll error: refused",
    );
    world.wait(1000);
    world.sees("- reconnect_attempt 1\nopen 3 websocket");
}

#[test]
fn told_so_only_the_first_transport_is_tried() {
    let mut world = World::with(|config| {
        config.transports = vec![WebSocket, Polling];
        config.try_all_transports = false;
    });
    world.connect("/");
    world.fail();
    world.sees_of(
        &["open", "- error"],
        "open 1 websocket\n- error: websocket error: refused",
    );
}

#[test]
fn the_probe_names_the_session_and_each_request_has_a_url_of_its_own() {
    let mut world = World::with(official);
    world.connect("/");
    let polling = world.current();
    let first = world.urls[0].clone();
    assert!(
        first.starts_with("http://example.org/socket.io/?EIO=4&transport=polling&t="),
        "{first}"
    );
    world.frame(POLLED);
    assert_eq!(
        world.urls[1],
        "ws://example.org/socket.io/?EIO=4&transport=websocket&sid=e"
    );
    let urls = [0; 2].map(|_| world.machine.request_url(polling).expect("it polls"));
    assert!(urls[0].contains("transport=polling&sid=e&t="), "{}", urls[0]);
    assert_ne!(urls[0], urls[1]);
    assert_eq!(
        world.machine.request_url(world.current()),
        None,
        "the probe is no polling transport"
    );
}

#[test]
fn the_upgrade_follows_the_probe_and_the_pause() {
    let (mut world, polling, _) = pausing();
    world.emit(Emit::new("held"));
    world.frame_on(polling, r#"42["last by polling"]"#);
    world.frame_on(polling, "2");
    world.sees("/ got last by polling []\n- ping");
    world.act(|machine, now| machine.handle_paused(now, polling));
    world.sees(
        "send 2 5
         close 1
         - upgrade
         send 2 3
         send 2 42[\"held\"]
         / #1 Sent",
    );
    world.frame(r#"42["by websocket"]"#);
    world.frame_on(polling, r#"42["ghost"]"#);
    world.sees("/ got by websocket []");
    assert!(
        world.machine.request_url(polling).is_some(),
        "its last requests may still need one"
    );
}

#[test]
fn the_session_is_told_to_nobody_but_its_server() {
    let (mut world, polling, _) = probing();
    let elsewhere = "http://elsewhere.org".parse().expect("a legal address");
    world.machine.config_mut().address = elsewhere;
    let here = "http://example.org/socket.io/?EIO=4&transport=polling&sid=e&";
    let url = world.machine.request_url(polling).expect("it polls");
    assert!(url.starts_with(here), "{url}");
    world.act(|machine, now| machine.handle_closed(now, polling, CloseInfo::closed(1006, "")));
    let last = world.machine.request_url(polling).expect("for its last words");
    assert!(last.starts_with(here), "{last}");
    world.wait(2000);
    let next = world.urls.last().expect("it tries again");
    assert!(next.starts_with("http://elsewhere.org/"), "{next}");
}

#[test]
fn a_disconnect_that_is_held_is_not_sent_when_the_server_said_it_first() {
    let (mut world, polling, _) = pausing();
    world.connect("/other");
    world.frame_on(polling, r#"40/other,{"sid":"o"}"#);
    world.disconnect("/");
    world.frame_on(polling, "41");
    world.forget();
    world.act(|machine, now| machine.handle_paused(now, polling));
    world.sees_of(&["send 2 4"], "send 2 40/other,");
}

#[test]
fn a_probe_that_fails_leaves_polling_as_it_is() {
    let (mut world, polling, probe) = probing();
    world.act(|machine, now| machine.handle_closed(now, probe, CloseInfo::failed("blocked")));
    world.emit(Emit::new("x"));
    world.frame_on(polling, "2");
    world.sees_of(&["send", "close", "- close"], "send 1 42[\"x\"]\nsend 1 3");
}

#[test]
fn a_probe_with_a_wrong_answer_or_none_is_dropped() {
    let (mut world, _, probe) = probing();
    world.act(|machine, now| machine.handle_opened(now, probe));
    world.frame_on(probe, "3wrong");
    world.sees("send 2 2probe\nclose 2");
    let (mut world, polling, _) = probing();
    world.wait(19_999);
    world.frame_on(polling, "2");
    world.forget();
    world.wait(1);
    world.sees("close 2");
    assert!(world.machine.is_connected("/"));
}

#[test]
fn a_pause_that_does_not_end_gives_the_connection_up() {
    let (mut world, _, _) = pausing();
    world.wait(20_000);
    let error = "upgrade did not come to an end in time";
    world.sees(&format!(
        "- error: {error}
         close 2
         close 1
         / disconnect: transport error ({error})
         - close: transport error ({error})"
    ));
}

#[test]
fn a_pause_in_which_more_was_to_be_sent_than_is_held_leaves_no_gap() {
    for (pings, outcome) in [
        (4095, "send 2 430[]"),
        (4096, "- error: upgrade did not come to an end in time"),
    ] {
        let (mut world, polling, _) = pausing();
        world.frame_on(polling, r#"420["question"]"#);
        for _ in 0..pings {
            world.frame_on(polling, "2");
        }
        let token = world.tokens.remove(0);
        world
            .act(|machine, now| machine.answer(now, token, Vec::new()))
            .expect("the connection is open");
        world.forget();
        world.act(|machine, now| machine.handle_paused(now, polling));
        world.sees_of(&["send 2 430", "- error"], outcome);
    }
}

#[test]
fn leaving_during_the_pause_sends_what_was_held_by_polling() {
    let (mut world, polling, _) = pausing();
    world.disconnect("/");
    world.sees(
        "close 2
         send 1 41
         send 1 1
         close 1
         - close: forced close
         / disconnect: io client disconnect",
    );
    assert!(
        world
            .machine
            .request_url(polling)
            .is_some_and(|url| url.contains("sid=e"))
    );
}

#[test]
fn an_answer_to_a_held_connect_counts_and_what_follows_keeps_its_order() {
    let (mut world, polling, _) = pausing();
    world.connect("/a");
    world.sees("");
    // no server does this: it was not asked yet
    world.frame_on(polling, r#"40/a,{"sid":"a"}"#);
    world.disconnect("/a");
    world.act(|machine, now| machine.handle_paused(now, polling));
    world.sees(
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
fn the_server_can_close_a_polling_session_but_not_a_websocket_with_a_packet() {
    let (mut world, polling, _) = probing();
    world.frame_on(polling, "1");
    world.sees(
        "close 2
         close 1
         / disconnect: transport close (transport closed by the server)
         - close: transport close (transport closed by the server)",
    );
    let mut world = World::joined();
    world.frame("1");
    world.sees("");
}

#[test]
fn no_probe_is_made_when_nobody_wants_or_offers_it() {
    for (wanted, frame) in [(false, POLLED), (true, crate::world::OPEN)] {
        let mut world = World::with(|config| {
            official(config);
            config.upgrade = wanted;
        });
        world.connect("/");
        world.frame(frame);
        world.sees("open 1 polling\n- open\nsend 1 40");
    }
}

#[test]
fn what_worked_last_may_go_first() {
    let mut world = World::with(|config| {
        official(config);
        config.remember_upgrade = true;
    });
    world.connect("/");
    let polling = world.current();
    world.frame(POLLED);
    let probe = world.current();
    world.act(|machine, now| machine.handle_opened(now, probe));
    world.frame_on(probe, "3probe");
    world.act(|machine, now| machine.handle_paused(now, polling));
    world.cut();
    world.forget();
    world.wait(1000);
    world.sees("- reconnect_attempt 1\nopen 3 websocket");
    world.fail();
    world.sees("open 4 polling");
    world.fail();
    world.forget();
    world.wait(2000);
    world.sees("- reconnect_attempt 2\nopen 5 polling");
}

#[test]
fn a_payload_is_its_packets_in_order_and_nothing_after_the_end() {
    let mut world = World::with(official);
    world.connect("/");
    let id = world.current();
    let binary = r#"451-["b",{"_placeholder":true,"num":0}]"#;
    let body = [
        crate::world::OPEN,
        r#"40{"sid":"s"}"#,
        binary,
        "bAQID",
        "1",
        r#"42["ghost"]"#,
    ]
    .join("\u{1e}");
    world.act(|machine, now| machine.handle_payload(now, id, &body));
    assert_eq!(world.machine.stats().events_in, 1);
    world.sees_of(
        &["- close"],
        "- close: transport close (transport closed by the server)",
    );
}

#[test]
fn all_that_waited_at_the_server_may_come_at_once() {
    let mut world = World::with(official);
    world.connect("/");
    let id = world.current();
    world.frame(crate::world::OPEN);
    world.frame(r#"40{"sid":"s"}"#);
    world.forget();
    let body = [r#"42["x"]"#; 65_536].join("\u{1e}");
    world.act(|machine, now| machine.handle_payload(now, id, &body));
    assert_eq!(world.machine.stats().events_in, 65_536);
    assert!(world.machine.is_connected("/"));
}

#[test]
fn a_payload_of_too_many_packets_breaks_the_connection() {
    let mut world = World::with(|config| {
        official(config);
        config.limits.max_payload_packets = 2;
    });
    world.connect("/");
    let id = world.current();
    let body = [crate::world::OPEN, "6", "6"].join("\u{1e}");
    world.act(|machine, now| machine.handle_payload(now, id, &body));
    world.sees_of(
        &["- close"],
        "- close: transport error (more than 2 packets in a payload)",
    );
}

#[test]
fn binary_counts_as_base64_against_the_limit_of_a_body() {
    let (mut world, _, _) = probing();
    assert!(world.try_emit(Emit::new("b").arg(vec![0; 747])).is_ok());
    assert!(world.try_emit(Emit::new("b").arg(vec![0; 748])).is_err());
}
