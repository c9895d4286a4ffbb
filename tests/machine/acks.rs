//! Every ack settles exactly once, and belongs to its connection.

use pesan::socketio::Value;
use pesan::socketio::proto::{AnswerError, Emit};

use crate::world::{World, millis};

#[test]
fn an_answer_settles_its_question_and_a_second_answer_does_nothing() {
    let mut world = World::joined();
    world.emit(Emit::new("ask").with_ack());
    world.sees(r#"send 1 420["ask"]"#);
    world.frame(r#"430["yes",1]"#);
    world.sees(
        r#"/ #1 Acknowledged
           / #1 ack ["yes",1]"#,
    );
    world.frame(r#"430["again"]"#);
    world.sees("");
    assert_eq!(world.machine.stats().stray_acks, 1);
}

#[test]
fn answers_find_their_questions_in_any_order() {
    let mut world = World::joined();
    world.emit(Emit::new("a").with_ack());
    world.emit(Emit::new("b").with_ack());
    world.forget();
    world.frame("431[2]");
    world.frame("430[1]");
    world.sees_of(&["/ #1 ack", "/ #2 ack"], "/ #2 ack [2]\n/ #1 ack [1]");
}

#[test]
fn an_answer_that_comes_too_late_is_not_heard() {
    let mut world = World::joined();
    world.emit(Emit::new("ask").with_ack().timeout(millis(50)));
    world.forget();
    world.wait(49);
    world.sees("");
    world.wait(1);
    world.sees(
        "/ #1 Failed(TimedOut)
         / #1 ack operation has timed out",
    );
    world.frame("430[1]");
    world.sees("");
}

#[test]
fn a_question_that_times_out_in_the_queue_is_not_sent() {
    let mut world = World::new();
    world.emit(Emit::new("ask").with_ack().timeout(millis(50)));
    world.connect("/");
    world.forget();
    world.wait(50);
    world.sees(
        "/ #1 Failed(TimedOut)
         / #1 ack operation has timed out",
    );
    world.accept();
    world.sees("- open\nsend 1 40\n/ connect s");
}

#[test]
fn a_question_in_the_queue_survives_a_drop_and_is_answered_later() {
    let mut world = World::joined();
    world.cut();
    world.emit(Emit::new("ask").with_ack());
    world.wait(1000);
    world.fail();
    world.wait(2000);
    world.accept();
    world.forget();
    world.frame("430[7]");
    world.sees("/ #1 Acknowledged\n/ #1 ack [7]");
}

#[test]
fn an_answer_to_a_question_that_was_not_sent_yet_is_not_heard() {
    let mut world = World::new();
    world.connect("/");
    world.emit(Emit::new("ask").with_ack());
    world.open();
    world.forget();
    world.frame("430[1]");
    world.sees("");
    assert_eq!(world.machine.pending_acks("/"), 1);
}

#[test]
fn ids_go_on_over_a_reconnection_so_that_an_old_answer_fits_no_new_question() {
    let mut world = World::joined();
    world.emit(Emit::new("a").with_ack());
    world.cut();
    world.wait(1000);
    world.accept();
    world.emit(Emit::new("b").with_ack());
    world.sees_of(&["send"], "send 1 420[\"a\"]\nsend 2 40\nsend 2 421[\"b\"]");
    world.frame("430[1]");
    world.sees("");
}

#[test]
fn a_lost_interest_settles_the_ack_and_leaves_the_event_alone() {
    let mut world = World::new();
    let id = world.emit(Emit::new("ask").with_ack());
    assert!(world.act(|machine, _| machine.cancel_ack(id)));
    assert!(!world.act(|machine, _| machine.cancel_ack(id)));
    world.sees("/ #1 ack cancelled");
    world.connect("/");
    world.accept();
    world.sees_of(&["send", "/ #"], "send 1 40\nsend 1 420[\"ask\"]\n/ #1 Sent");
}

#[test]
fn an_event_that_is_taken_back_is_not_sent() {
    let mut world = World::new();
    let id = world.emit(Emit::new("ask").with_ack());
    assert!(world.act(|machine, now| machine.cancel(now, id)));
    assert!(!world.act(|machine, now| machine.cancel(now, id)));
    world.sees("/ #1 Failed(Cancelled)\n/ #1 ack cancelled");
    world.connect("/");
    world.accept();
    world.sees_of(&["send"], "send 1 40");
}

#[test]
fn a_volatile_question_that_is_dropped_settles_at_once() {
    let mut world = World::new();
    world.emit(Emit::new("ask").with_ack().volatile());
    world.sees("/ #1 ack volatile and not connected");
    assert_eq!(world.machine.pending_acks("/"), 0);
}

#[test]
fn the_servers_question_is_answered_under_its_number() {
    let mut world = World::joined();
    world.frame(r#"427["how"]"#);
    world.sees(r#"/ got how [] ?"#);
    let token = world.tokens.remove(0);
    let answered = world.act(|machine, now| machine.answer(now, token, vec![Value::from("so")]));
    assert_eq!(answered, Ok(()));
    world.sees(r#"send 1 437["so"]"#);
}

#[test]
fn an_answer_may_carry_binary() {
    let mut world = World::joined();
    world.frame(r#"427["how"]"#);
    world.forget();
    let token = world.tokens.remove(0);
    let answer = vec![Value::Binary(vec![1, 2])];
    assert_eq!(
        world.act(|machine, now| machine.answer(now, token, answer)),
        Ok(())
    );
    world.sees("send 1 461-7[{\"_placeholder\":true,\"num\":0}]\nsend 1 [1, 2]");
}

#[test]
fn an_answer_for_an_older_connection_is_refused() {
    let mut world = World::joined();
    world.frame(r#"427["how"]"#);
    world.cut();
    world.wait(1000);
    world.accept();
    world.forget();
    let token = world.tokens.remove(0);
    let answered = world.act(|machine, now| machine.answer(now, token, vec![Value::from("late")]));
    assert_eq!(answered, Err(AnswerError::Stale));
    world.sees("");
}

#[test]
fn an_answer_after_leaving_the_namespace_is_refused() {
    let mut world = World::joined();
    world.connect("/other");
    world.frame(r#"40/other,{"sid":"o"}"#);
    world.frame(r#"427["how"]"#);
    world.disconnect("/");
    world.connect("/");
    world.frame(r#"40{"sid":"s2"}"#);
    world.forget();
    let token = world.tokens.remove(0);
    let answered = world.act(|machine, now| machine.answer(now, token, vec![]));
    assert_eq!(answered, Err(AnswerError::Stale));
    world.sees("");
}

#[test]
fn an_ack_without_a_payload_is_a_parse_error_and_no_panic() {
    let mut world = World::joined();
    world.emit(Emit::new("ask").with_ack());
    world.forget();
    world.frame("430");
    world.sees_of(
        &["/ #", "- close"],
        "/ #1 Failed(Disconnected)
         / #1 ack socket has been disconnected
         - close: parse error (invalid payload: ACK carries an array)",
    );
}

#[test]
fn round_trips_are_measured() {
    let mut world = World::joined();
    assert_eq!(world.machine.latency(), None);
    world.emit(Emit::new("a").with_ack());
    world.wait(80);
    world.frame("430[]");
    let latency = world.machine.latency().expect("measured");
    assert_eq!(
        (latency.last, latency.average, latency.samples),
        (millis(80), millis(80), 1)
    );
}
