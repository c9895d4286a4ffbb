//! With `retries`, an event is sent until the server answers: one at a time, in order.

use pesan::socketio::proto::{Config, Emit};

use crate::world::{World, millis};

fn twice(config: &mut Config) {
    config.retries = 2;
    config.ack_timeout = Some(millis(100));
}

#[test]
fn one_is_in_flight_and_the_next_waits_for_its_answer() {
    let mut world = World::joined_with(twice);
    world.emit(Emit::new("a"));
    world.emit(Emit::new("b").with_ack());
    world.sees("send 1 420[\"a\"]\n/ #1 Sent");
    world.frame("430[]");
    world.sees("/ #1 Acknowledged\nsend 1 421[\"b\"]\n/ #2 Sent");
    world.frame("431[5]");
    world.sees("/ #2 Acknowledged\n/ #2 ack [5]");
}

#[test]
fn each_try_has_an_id_of_its_own_and_after_the_last_the_next_event_has_its_turn() {
    let mut world = World::joined_with(twice);
    world.emit(Emit::new("a").with_ack());
    world.emit(Emit::new("b"));
    world.wait(299);
    world.sees_of(
        &["send"],
        "send 1 420[\"a\"]\nsend 1 421[\"a\"]\nsend 1 422[\"a\"]",
    );
    world.wait(1);
    world.sees(
        "/ #1 Failed(TimedOut)
         / #1 ack operation has timed out
         send 1 423[\"b\"]
         / #2 Sent",
    );
}

#[test]
fn an_answer_to_an_earlier_try_is_not_heard() {
    let mut world = World::joined_with(twice);
    world.emit(Emit::new("a").with_ack());
    world.wait(100);
    world.forget();
    world.frame("430[]");
    world.sees("");
    world.frame("431[]");
    world.sees("/ #1 Acknowledged\n/ #1 ack []");
}

#[test]
fn an_unanswered_event_is_sent_again_after_a_reconnection() {
    let mut world = World::joined_with(twice);
    world.emit(Emit::new("a"));
    world.emit(Emit::new("b"));
    world.cut();
    world.wait(1000);
    world.accept();
    world.sees_of(&["send"], "send 1 420[\"a\"]\nsend 2 40\nsend 2 421[\"a\"]");
    world.frame("431[]");
    world.sees_of(&["send"], "send 2 422[\"b\"]");
}

#[test]
fn a_lost_connection_uses_up_a_try() {
    let mut world = World::joined_with(|config| config.retries = 1);
    world.emit(Emit::new("a").with_ack());
    world.cut();
    world.wait(1000);
    world.accept();
    world.forget();
    world.cut();
    world.sees_of(
        &["/ #"],
        "/ #1 Failed(Disconnected)\n/ #1 ack socket has been disconnected",
    );
    assert_eq!(world.machine.queue_len("/"), 0);
}

#[test]
fn volatile_events_bypass_it() {
    let mut world = World::joined_with(twice);
    world.emit(Emit::new("a"));
    world.emit(Emit::new("typing").volatile());
    world.sees_of(&["send"], "send 1 420[\"a\"]\nsend 1 42[\"typing\"]");
}

#[test]
fn what_is_retried_has_a_place_in_the_bounds_of_the_queue() {
    let mut world = World::with(|config| {
        twice(config);
        config.outbox.messages = 1;
    });
    world.emit(Emit::new("a"));
    assert!(world.try_emit(Emit::new("b")).is_err());
    assert_eq!(world.machine.queue_len("/"), 1);
}

#[test]
fn the_one_in_flight_can_be_taken_back() {
    let mut world = World::joined_with(twice);
    let first = world.emit(Emit::new("a").with_ack());
    world.emit(Emit::new("b"));
    world.forget();
    world.act(|machine, now| machine.cancel(now, first));
    world.sees(
        "/ #1 Failed(Cancelled)
         / #1 ack cancelled
         send 1 421[\"b\"]
         / #2 Sent",
    );
    world.frame("430[]");
    world.sees("");
}

#[test]
fn clearing_leaves_the_one_in_flight() {
    let mut world = World::joined_with(twice);
    world.emit(Emit::new("a"));
    world.emit(Emit::new("b").with_ack());
    world.forget();
    world.act(|machine, _| machine.clear_queue("/"));
    world.sees("/ #2 Failed(Cleared)\n/ #2 ack queue was cleared");
    world.frame("430[]");
    world.sees("/ #1 Acknowledged");
}

#[test]
fn what_waits_too_long_is_not_sent_but_what_is_under_way_is_waited_for() {
    let mut world = World::joined_with(|config| {
        twice(config);
        config.ack_timeout = Some(millis(10_000));
        config.outbox.max_age = Some(millis(1500));
    });
    world.emit(Emit::new("a"));
    world.emit(Emit::new("b").with_ack());
    world.forget();
    world.wait(1500);
    world.sees("/ #2 Failed(Expired)\n/ #2 ack too old to be sent");
    world.frame("430[]");
    world.sees("/ #1 Acknowledged");
    world.emit(Emit::new("c"));
    world.cut();
    world.forget();
    world.wait(1499);
    world.emit(Emit::new("d"));
    world.wait(1);
    world.sees_of(&["/ #"], "/ #3 Failed(Expired)");
    assert_eq!(world.machine.queue_len("/"), 1);
}
