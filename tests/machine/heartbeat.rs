//! The server pings; a server that does not is gone, by the clock.

use pesan::socketio::Timestamp;
use pesan::socketio::proto::{Emit, Machine};

use crate::world::World;

#[test]
fn a_ping_is_answered_and_moves_the_deadline() {
    let mut world = World::joined();
    world.wait(30_000);
    world.frame("2");
    world.sees("send 1 3\n- ping");
    assert_eq!(world.machine.last_ping(), Some(Timestamp::from_millis(30_000)));
    world.wait(44_999);
    world.sees("");
    world.wait(1);
    world.sees("close 1\n/ disconnect: ping timeout\n- close: ping timeout");
}

#[test]
fn other_traffic_does_not_move_the_deadline() {
    let mut world = World::joined();
    world.wait(44_000);
    for frame in [
        r#"42["x"]"#,
        "6",
        "3",
        r#"0{"sid":"b","pingInterval":1,"pingTimeout":1}"#,
    ] {
        world.frame(frame);
    }
    world.forget();
    world.wait(1000);
    world.sees("close 1\n/ disconnect: ping timeout\n- close: ping timeout");
}

#[test]
fn an_emit_after_a_sleep_finds_the_connection_dead_and_is_queued() {
    let mut world = World::joined();
    world.sleep(60_000);
    world.emit(Emit::new("late"));
    world.sees("close 1\n/ disconnect: ping timeout\n- close: ping timeout");
    assert_eq!(world.machine.queue_len("/"), 1);
    world.wait(1000);
    world.accept();
    world.sees_of(&["send"], "send 2 40\nsend 2 42[\"late\"]");
}

#[test]
fn a_page_that_becomes_visible_notices_at_once_and_tries_again_at_once() {
    let mut world = World::joined();
    world.sleep(60_000);
    world.act(Machine::became_visible);
    world.sees(
        "close 1
         / disconnect: ping timeout
         - close: ping timeout
         - reconnect_attempt 1
         open 2 websocket",
    );
}

#[test]
fn becoming_visible_leaves_a_living_connection_alone() {
    let mut world = World::joined();
    world.sleep(40_000);
    world.act(Machine::became_visible);
    world.sees("");
}

#[test]
fn a_ping_with_data_gets_a_bare_answer() {
    let mut world = World::joined();
    world.frame("2probe");
    world.sees("send 1 3\n- ping");
}

#[test]
fn a_timeout_that_comes_too_early_does_nothing() {
    let mut world = World::joined();
    for _ in 0..100 {
        world.sleep(400);
        world.act(Machine::handle_timeout);
    }
    world.sees("");
}

#[test]
fn senseless_heartbeats_fail_the_attempt() {
    for wrong in ["0", "-1", "1.5", "1e300", "null", "\"1\""] {
        let mut world = World::new();
        world.connect("/");
        world.forget();
        world.frame(&format!(
            r#"0{{"sid":"e","upgrades":[],"pingInterval":{wrong},"pingTimeout":20000}}"#
        ));
        world.sees_of(
            &["close", "- error"],
            "close 1\n- error: handshake field 'pingInterval' is missing or of the wrong type",
        );
    }
}
