//! A lost connection comes back by itself, unless somebody wanted it gone.

use pesan::socketio::Timestamp;
use pesan::socketio::proto::{CloseInfo, Config, Machine, Output, Status};

use crate::world::World;

#[test]
fn attempts_come_after_one_two_four_and_then_every_five_seconds() {
    let mut world = World::joined();
    world.cut();
    world.forget();
    for (attempt, pause) in [(1, 1000), (2, 2000), (3, 4000), (4, 5000), (5, 5000)] {
        world.wait(pause - 1);
        world.sees("");
        world.wait(1);
        world.sees_of(
            &["- reconnect_attempt"],
            &format!("- reconnect_attempt {attempt}"),
        );
        world.fail();
        world.forget();
    }
}

#[test]
fn a_success_begins_the_count_anew() {
    let mut world = World::joined();
    world.cut();
    world.wait(1000);
    world.fail();
    world.wait(2000);
    world.accept();
    world.cut();
    let until = world.machine.retry_at();
    assert_eq!(until, Some(Timestamp::from_millis(4000)));
}

#[test]
fn the_next_attempt_can_be_read_for_a_countdown() {
    let mut world = World::joined();
    assert_eq!(world.machine.status(), Status::Open);
    world.wait(500);
    world.cut();
    let until = Timestamp::from_millis(1500);
    assert_eq!(world.machine.status(), Status::Waiting { attempt: 1, until });
    assert_eq!(world.machine.retry_at(), Some(until));
    world.wait(1000);
    assert_eq!(world.machine.status(), Status::Opening { attempt: 1 });
    assert_eq!(world.machine.retry_at(), None);
}

#[test]
fn asked_to_it_tries_at_once() {
    let mut world = World::joined();
    world.cut();
    world.forget();
    world.act(Machine::reconnect_now);
    world.sees("- reconnect_attempt 1\nopen 2 websocket");
    world.act(Machine::reconnect_now);
    world.sees("");
    world.fail();
    world.act(Machine::network_online);
    world.sees_of(&["- reconnect_attempt"], "- reconnect_attempt 2");
}

#[test]
fn after_giving_up_it_can_be_asked_again() {
    let mut world = World::with(|config| config.reconnection.attempts = Some(0));
    world.connect("/");
    world.fail();
    world.sees_of(&["- reconnect"], "- reconnect_failed");
    world.act(Machine::network_online);
    world.sees("");
    world.act(Machine::reconnect_now);
    world.sees("open 2 websocket");
    world.accept();
    assert!(world.machine.is_connected("/"));
}

#[test]
fn a_network_that_is_lost_ends_the_connection_at_once() {
    let mut world = World::joined();
    world.act(Machine::network_offline);
    world.sees(
        "close 1
         / disconnect: transport close (network connection lost)
         - close: transport close (network connection lost)",
    );
    world.act(Machine::network_online);
    world.sees("- reconnect_attempt 1\nopen 2 websocket");
    world.act(Machine::network_offline);
    world.sees_of(&["close", "- error"], "close 2\n- error: network connection lost");
}

#[test]
fn a_server_on_this_machine_needs_no_network() {
    let mut world = World::with(|config| config.address = "http://localhost:5000".parse().expect("legal"));
    world.connect("/");
    world.accept();
    world.forget();
    world.act(Machine::network_offline);
    world.sees("");
}

#[test]
fn turned_off_it_does_not_try_and_turning_it_off_ends_a_pause() {
    let mut world = World::joined_with(|config| config.reconnection.enabled = false);
    world.cut();
    world.forget();
    world.wait(1_000_000);
    world.sees("");
    let mut world = World::joined();
    world.cut();
    world.forget();
    world.act(|machine, _| machine.set_reconnection(false));
    assert_eq!(world.machine.status(), Status::Idle);
    world.wait(1_000_000);
    world.sees("");
    world.act(|machine, _| machine.set_reconnection(true));
    world.act(Machine::reconnect_now);
    world.sees("open 2 websocket");
}

#[test]
fn a_first_connect_that_fails_is_tried_again_too() {
    let mut world = World::new();
    world.connect("/");
    world.fail();
    world.wait(1000);
    world.sees_of(&["- reconnect_attempt"], "- reconnect_attempt 1");
}

#[test]
fn leaving_during_a_pause_ends_it() {
    let mut world = World::joined();
    world.cut();
    world.forget();
    world.disconnect("/");
    world.sees("- close: forced close");
    world.wait(1_000_000);
    world.sees("");
}

#[test]
fn connecting_another_namespace_during_a_pause_waits_with_the_others() {
    let mut world = World::joined();
    world.cut();
    world.connect("/admin");
    world.forget();
    world.wait(1000);
    world.open();
    world.sees_of(&["send"], "send 2 40\nsend 2 40/admin,");
}

#[test]
fn an_old_transport_changes_nothing() {
    let mut world = World::joined();
    let old = world.current();
    world.act(Machine::network_offline);
    world.wait(1000);
    world.accept();
    world.forget();
    world.frame_on(old, r#"42["ghost"]"#);
    world.frame_on(old, "1");
    world.act(|machine, now| machine.handle_closed(now, old, CloseInfo::default()));
    world.act(|machine, now| machine.handle_opened(now, old));
    world.act(|machine, now| machine.handle_paused(now, old));
    world.sees("");
    assert!(world.machine.is_connected("/"));
}

#[test]
fn clients_of_one_server_do_not_return_in_step() {
    let pauses: std::collections::BTreeSet<u64> = (0..100)
        .map(|seed| {
            let mut config = Config::new("http://a.b".parse().expect("legal"));
            config.transports.truncate(1);
            let mut machine = Machine::new(config, seed);
            let start = Timestamp::from_millis(0);
            machine.connect(start, "/");
            let Some(Output::Open { id, .. }) = machine.poll_output() else {
                panic!("it opens");
            };
            machine.handle_closed(start, id, CloseInfo::default());
            machine.retry_at().expect("it waits").as_millis()
        })
        .collect();
    assert!(pauses.len() > 80, "{} different pauses of 100", pauses.len());
}
