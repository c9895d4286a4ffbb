//! A server that can restores the session after a cut, missed events included.

use pesan::socketio::Value;
use pesan::socketio::proto::{Auth, Emit};

use crate::world::World;

/// Joined to a server that named a private id.
fn recoverable() -> World {
    let mut world = World::new();
    world.connect("/");
    world.open();
    world.frame(r#"40{"sid":"s","pid":"p"}"#);
    world.forget();
    world
}

#[test]
fn the_last_offset_goes_out_with_the_private_id_and_missed_events_come_before_connect() {
    let mut world = recoverable();
    world.frame(r#"42["hi",1,"o1"]"#);
    world.cut();
    world.wait(1000);
    world.open();
    world.forget();
    world.frame(r#"42["missed",2,"o2"]"#);
    world.sees("");
    world.frame(r#"40{"sid":"s","pid":"p"}"#);
    world.sees("/ got missed [2,\"o2\"]\n/ connect s recovered");
    assert!(world.machine.recovered("/"));
    world.cut();
    world.wait(1000);
    world.open();
    world.sees_of(&["send"], r#"send 3 40{"pid":"p","offset":"o2"}"#);
}

#[test]
fn auth_goes_over_the_private_id() {
    let mut world = recoverable();
    world
        .machine
        .set_auth("/", Auth::Value(Value::object([("token", Value::from(1))])));
    world.cut();
    world.wait(1000);
    world.open();
    world.sees_of(&["send"], r#"send 2 40{"pid":"p","token":1}"#);
}

#[test]
fn a_new_session_is_not_recovered() {
    let mut world = recoverable();
    world.cut();
    world.wait(1000);
    world.open();
    world.forget();
    world.frame(r#"40{"sid":"s2","pid":"p2"}"#);
    world.sees("/ connect s2");
    assert!(!world.machine.recovered("/"));
}

#[test]
fn what_came_early_is_forgotten_when_the_connection_ends_since_it_will_come_again() {
    let mut world = recoverable();
    world.frame(r#"42["hi","o1"]"#);
    world.cut();
    world.wait(1000);
    world.open();
    world.frame(r#"42["missed","o2"]"#);
    world.cut();
    world.wait(1000);
    world.open();
    world.forget();
    world.frame(r#"42["missed","o2"]"#);
    world.frame(r#"40{"sid":"s","pid":"p"}"#);
    world.sees("/ got missed [\"o2\"]\n/ connect s recovered");
}

#[test]
fn a_question_that_came_early_can_be_answered() {
    let mut world = World::new();
    world.connect("/");
    world.open();
    world.frame(r#"425["how"]"#);
    world.frame(r#"40{"sid":"s"}"#);
    world.forget();
    let token = world.tokens.remove(0);
    assert_eq!(
        world.act(|machine, now| machine.answer(now, token, vec![])),
        Ok(())
    );
    world.sees("send 1 435[]");
}

#[test]
fn acks_do_not_move_the_offset() {
    let mut world = recoverable();
    world.emit(Emit::new("ask").with_ack());
    world.frame(r#"430["not an offset"]"#);
    world.cut();
    world.wait(1000);
    world.open();
    world.sees_of(&["send 2"], r#"send 2 40{"pid":"p"}"#);
}

/// The server would send the same again at every attempt.
#[test]
fn a_session_whose_missed_events_cannot_be_taken_is_not_asked_for_again() {
    let many = [r#"42["x","o2"]"#; 4].as_slice();
    let unreadable = [r#"42["x","o2"]"#, r#"42["connect"]"#].as_slice();
    for missed in [many, unreadable] {
        let mut world = World::with(|config| config.early_events = 3);
        world.connect("/");
        world.open();
        world.frame(r#"40{"sid":"s","pid":"p"}"#);
        world.frame(r#"42["x","o1"]"#);
        world.cut();
        world.wait(1000);
        world.forget();
        world.open();
        world.sees_of(&["send"], r#"send 2 40{"pid":"p","offset":"o1"}"#);
        for frame in missed {
            world.frame(frame);
        }
        world.wait(1000);
        world.open();
        world.sees_of(&["send"], "send 3 40");
    }
}
