//! Whatever a server sends ends in a typed error or a reconnect.

use pesan::socketio::proto::{Emit, Status};

use crate::world::{OPEN, World};

#[test]
fn frames_that_are_no_engine_packets_break_the_connection() {
    for (frame, error) in [
        ("", "empty packet"),
        ("7", "unknown packet type '7'"),
        ("a123", "unknown packet type 'a'"),
        (" 4a", "unknown packet type ' '"),
        ("€", "unknown packet type '€'"),
        ("b!", "invalid base64 in a binary packet"),
    ] {
        let mut world = World::joined();
        world.frame(frame);
        world.sees(&format!(
            "- error: {error}
             close 1
             / disconnect: transport error ({error})
             - close: transport error ({error})"
        ));
        world.wait(1000);
        world.sees("- reconnect_attempt 1\nopen 2 websocket");
    }
}

#[test]
fn messages_that_are_no_packets_are_parse_errors() {
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
        let mut world = World::joined();
        world.frame(frame);
        world.sees_of(&["close", "- error"], "close 1");
        assert_eq!(
            world.machine.status(),
            Status::Waiting {
                attempt: 1,
                until: world.machine.retry_at().expect("it waits")
            },
            "{frame}"
        );
    }
}

#[test]
fn a_stray_attachment_or_a_missing_one_is_a_parse_error() {
    let mut world = World::joined();
    world.binary(&[1]);
    world.sees_of(
        &["- close"],
        "- close: parse error (binary frame without a packet that waits for it)",
    );
    let mut world = World::joined();
    world.frame(r#"451-["x",{"_placeholder":true,"num":0}]"#);
    world.frame(r#"42["y"]"#);
    world.sees_of(
        &["- close"],
        "- close: parse error (text frame while 1 attachments are missing)",
    );
}

#[test]
fn half_a_binary_event_does_not_outlive_its_connection() {
    let mut world = World::joined();
    world.frame(r#"451-["x",{"_placeholder":true,"num":0}]"#);
    world.cut();
    world.wait(1000);
    world.accept();
    world.forget();
    world.frame(r#"42["fresh"]"#);
    world.sees("/ got fresh []");
}

#[test]
fn frames_and_attachments_beyond_the_limits_are_refused() {
    let mut world = World::joined_with(|config| config.limits.max_frame_bytes = 100);
    world.frame(&format!(r#"42["{}"]"#, "x".repeat(100)));
    world.sees_of(
        &["- close"],
        "- close: parse error (frame of 105 bytes, limit 100)",
    );
    let mut world = World::joined_with(|config| config.limits.max_attachment_bytes = 10);
    world.frame(r#"452-["x",{"_placeholder":true,"num":0}]"#);
    world.binary(&[0; 6]);
    world.binary(&[0; 6]);
    world.sees_of(
        &["- close"],
        "- close: parse error (attachments of more than 10 bytes)",
    );
}

#[test]
fn nesting_beyond_the_limit_is_refused() {
    let mut world = World::joined();
    world.frame(&format!(
        "42[\"x\",{}{}]",
        "[".repeat(100_000),
        "]".repeat(100_000)
    ));
    assert!(matches!(world.machine.status(), Status::Waiting { .. }));
}

#[test]
fn a_flood_before_the_answer_to_connect_is_bounded() {
    let mut world = World::with(|config| config.early_events = 3);
    world.connect("/");
    world.open();
    for _ in 0..3 {
        world.frame(r#"42["x"]"#);
    }
    world.forget();
    world.frame(r#"42["x"]"#);
    let error = "more than 3 events before the answer to CONNECT";
    world.sees(&format!(
        "- error: {error}\nclose 1\n- close: parse error ({error})"
    ));
    world.frame(r#"42["x"]"#);
    world.sees("");
}

#[test]
fn of_what_comes_before_the_answer_to_connect_all_frames_are_counted() {
    let mut world = World::with(|config| config.limits.max_frame_bytes = 100);
    world.connect("/");
    world.open();
    world.forget();
    for _ in 0..2 {
        world.frame(r#"452-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
        world.binary(&[0; 50]);
        world.binary(&[0]);
    }
    world.sees_of(
        &["- error"],
        "- error: more than 4096 events before the answer to CONNECT",
    );
}

#[test]
fn handshakes_that_say_nothing_fail_the_attempt() {
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
        let mut world = World::new();
        world.connect("/");
        world.forget();
        world.frame(frame);
        world.sees_of(&["close", "/ disconnect"], "close 1");
        assert!(
            matches!(world.machine.status(), Status::Waiting { attempt: 1, .. }),
            "{frame}"
        );
    }
}

#[test]
fn a_server_that_floods_with_pings_gets_one_answer_each_and_nothing_grows() {
    let mut world = World::joined();
    for _ in 0..10_000 {
        world.frame("2");
        world.forget();
    }
    assert_eq!(world.machine.stats().pings, 10_000);
}

#[test]
fn a_server_that_floods_during_an_upgrade_is_given_up() {
    use pesan::socketio::proto::TransportKind::{Polling, WebSocket};
    let mut world = World::with(|config| config.transports = vec![Polling, WebSocket]);
    world.connect("/");
    let polling = world.current();
    world.frame(&OPEN.replace("[]", "[\"websocket\"]"));
    let probe = world.current();
    world.act(|machine, now| machine.handle_opened(now, probe));
    world.frame_on(probe, "3probe");
    for _ in 0..5000 {
        world.frame_on(polling, "2");
    }
    world.forget();
    world.wait(0);
    world.sees_of(&["- error"], "- error: upgrade did not come to an end in time");
}

#[test]
fn events_for_others_and_answers_to_nobody_are_ignored() {
    let mut world = World::joined();
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
        world.frame(frame);
    }
    world.sees("");
    world.emit(Emit::new("alive"));
    world.sees("send 1 42[\"alive\"]");
}

#[test]
fn what_comes_before_the_handshake_is_ignored() {
    let mut world = World::new();
    world.connect("/");
    world.forget();
    for frame in [r#"42["x"]"#, r#"40{"sid":"s"}"#, "2", "3probe", "6"] {
        world.frame(frame);
    }
    world.sees("");
    world.accept();
    world.sees_of(&["/"], "/ connect s");
}
