//! What cannot be sent waits: in order, bounded, open to inspection.

use std::time::Instant;

use pesan::socketio::proto::{Config, Emit, EmitError, Flush, Machine, WhenFull};

use crate::world::{World, millis, secs};

#[test]
fn what_is_emitted_offline_leaves_in_order_before_connect() {
    let mut world = World::new();
    for n in 0..3 {
        world.emit(Emit::new("n").arg(n));
    }
    world.connect("/");
    world.open();
    world.emit(Emit::new("n").arg(3));
    world.forget();
    world.frame(r#"40{"sid":"s"}"#);
    world.sees(
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
fn the_queue_may_wait_until_the_program_has_seen_connect() {
    let mut world = World::with(|config| config.outbox.flush = Flush::AfterConnect);
    world.emit(Emit::new("old"));
    world.connect("/");
    world.accept();
    world.sees_of(&["send", "/"], "send 1 40\n/ connect s");
    world.emit(Emit::new("hello"));
    world.sees("");
    world.wait(0);
    world.sees("send 1 42[\"old\"]\n/ #1 Sent\nsend 1 42[\"hello\"]\n/ #2 Sent");
}

#[test]
fn a_program_can_clear_the_queue_while_it_handles_connect() {
    let mut world = World::with(|config| config.outbox.flush = Flush::AfterConnect);
    world.emit(Emit::new("old").with_ack());
    world.connect("/");
    world.accept();
    world.forget();
    world.act(|machine, _| machine.clear_queue("/"));
    world.sees("/ #1 Failed(Cleared)\n/ #1 ack queue was cleared");
    world.wait(0);
    world.sees("");
}

#[test]
fn a_full_queue_refuses_and_says_how_full_it_is() {
    let mut world = World::with(|config| config.outbox.messages = 2);
    world.emit(Emit::new("a"));
    world.emit(Emit::new("b"));
    let refused = world.try_emit(Emit::new("c").with_ack());
    assert_eq!(
        refused,
        Err(EmitError::OutboxFull {
            messages: 2,
            bytes: 14
        })
    );
    assert_eq!(world.machine.pending_acks("/"), 0);
    let names: Vec<&str> = world
        .machine
        .queued("/")
        .map(|queued| queued.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn or_the_oldest_make_room() {
    let mut world = World::with(|config| {
        config.outbox.messages = 2;
        config.outbox.when_full = WhenFull::DropOldest;
    });
    world.emit(Emit::new("a").with_ack());
    world.emit(Emit::new("b"));
    world.emit(Emit::new("c"));
    world.sees("/ #1 Failed(Evicted)\n/ #1 ack pushed out of a full queue");
    let names: Vec<&str> = world
        .machine
        .queued("/")
        .map(|queued| queued.name.as_str())
        .collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn bytes_are_bounded_as_well() {
    let mut world = World::with(|config| config.outbox.bytes = 20);
    world.emit(Emit::new("a").arg("0123"));
    let refused = world.try_emit(Emit::new("b"));
    assert_eq!(
        refused,
        Err(EmitError::OutboxFull {
            messages: 1,
            bytes: 14
        })
    );
}

#[test]
fn what_waits_too_long_is_not_sent() {
    let mut world = World::with(|config| config.outbox.max_age = Some(millis(500)));
    world.emit(Emit::new("old").with_ack());
    world.wait(400);
    world.emit(Emit::new("young"));
    world.forget();
    world.wait(100);
    world.sees("/ #1 Failed(Expired)\n/ #1 ack too old to be sent");
    world.connect("/");
    world.accept();
    world.sees_of(&["send"], "send 1 40\nsend 1 42[\"young\"]");
}

#[test]
fn a_timeout_without_an_ack_limits_the_waiting() {
    let mut world = World::new();
    world.emit(Emit::new("x").timeout(millis(10)));
    world.wait(10);
    world.sees("/ #1 Failed(TimedOut)");
    assert_eq!(world.machine.queue_len("/"), 0);
}

#[test]
fn one_timeout_does_not_leak_into_the_next_emit() {
    let mut world = World::with(|config| config.retries = 1);
    world.emit(Emit::new("a").timeout(millis(7)));
    world.emit(Emit::new("b").with_ack());
    world.connect("/");
    world.accept();
    world.frame("430[]");
    world.forget();
    world.wait(1000);
    world.sees("");
    assert_eq!(world.machine.pending_acks("/"), 1);
}

#[test]
fn leaving_a_namespace_keeps_its_queue() {
    let mut world = World::joined();
    world.disconnect("/");
    world.emit(Emit::new("later"));
    world.forget();
    world.connect("/");
    world.accept();
    world.sees_of(&["send"], "send 2 40\nsend 2 42[\"later\"]");
}

/// Whoever looks at all of a queue for each of its messages takes minutes for this, not a fraction of a second.
#[test]
fn a_long_queue_takes_no_longer_for_each_message() {
    const MANY: u64 = 50_000;
    fn filled(change: impl FnOnce(&mut Config)) -> World {
        let mut world = World::with(|config| {
            config.outbox.messages = MANY as usize;
            config.outbox.max_age = Some(secs(60));
            config.ack_timeout = Some(secs(90));
            change(config);
        });
        for _ in 0..MANY {
            world.emit(Emit::new("x").with_ack());
            world.sleep(1);
        }
        world
    }
    let start = Instant::now();
    let mut cleared = filled(|_| {});
    cleared.act(|machine, _| machine.clear_queue("/"));
    assert_eq!(cleared.machine.queue_len("/"), 0);

    let mut expired = filled(|_| {});
    expired.sleep(90_000);
    expired.act(Machine::handle_timeout);
    assert_eq!(expired.machine.queue_len("/"), 0);

    let mut full = filled(|config| config.outbox.when_full = WhenFull::DropOldest);
    for _ in 0..MANY {
        full.emit(Emit::new("y").with_ack());
    }
    assert_eq!(full.machine.queue_len("/"), MANY as usize);
    full.connect("/");
    full.accept();
    assert_eq!(full.machine.pending_acks("/"), MANY as usize);
    full.cut();
    assert_eq!(full.machine.pending_acks("/"), 0);

    let mut retried = filled(|config| config.retries = 1);
    retried.connect("/");
    retried.accept();
    for id in 0..MANY {
        retried.frame(&format!("43{id}[]"));
    }
    assert_eq!(retried.machine.queue_len("/"), 0);
    assert!(start.elapsed() < secs(20), "{:?}", start.elapsed());
}

#[test]
fn what_a_program_emits_while_it_handles_connect_leaves_at_once_when_nothing_waited() {
    let mut world = World::joined_with(|config| config.outbox.flush = Flush::AfterConnect);
    world.emit(Emit::new("typing").volatile());
    world.emit(Emit::new("hello"));
    world.sees("send 1 42[\"typing\"]\nsend 1 42[\"hello\"]");
}
