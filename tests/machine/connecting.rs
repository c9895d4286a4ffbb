//! CONNECT and its answers, `auth`, time limits.

use pesan::socketio::Value;
use pesan::socketio::proto::{Auth, Status};

use crate::world::{OPEN, World, secs};

fn token(text: &str) -> Value {
    Value::object([("token", Value::from(text))])
}

#[test]
fn auth_goes_out_with_connect_and_may_change_between_connections() {
    let mut world = World::with(|config| config.auth = Auth::Value(token("a")));
    world.connect("/");
    world.accept();
    world.machine.set_auth("/", Auth::Value(token("b")));
    world.cut();
    world.wait(1000);
    world.accept();
    world.sees_of(
        &["send"],
        "send 1 40{\"token\":\"a\"}\nsend 2 40{\"token\":\"b\"}",
    );
}

#[test]
fn auth_that_the_program_has_to_look_up_is_asked_for_at_each_connect() {
    let mut world = World::with(|config| config.auth = Auth::Ask);
    world.connect("/");
    world.open();
    world.sees("open 1 websocket\n- open\n/ asks for auth");
    let request = world.requests.remove(0);
    world.act(|machine, now| machine.provide_auth(now, request, Ok(Some(token("a")))));
    world.sees("send 1 40{\"token\":\"a\"}");
    world.cut();
    world.wait(1000);
    world.open();
    world.sees_of(&["/", "send"], "/ asks for auth");
}

#[test]
fn auth_for_an_older_connection_is_ignored() {
    let mut world = World::with(|config| config.auth = Auth::Ask);
    world.connect("/");
    world.open();
    world.cut();
    world.wait(1000);
    world.open();
    let [old, new] = std::mem::take(&mut world.requests)
        .try_into()
        .expect("two questions");
    world.forget();
    world.act(|machine, now| machine.provide_auth(now, old, Ok(Some(token("old")))));
    world.sees("");
    world.act(|machine, now| machine.provide_auth(now, new, Ok(None)));
    world.sees("send 2 40");
}

#[test]
fn auth_that_fails_or_is_no_object_refuses_the_namespace() {
    for (auth, error) in [
        (Err("no session".to_owned()), "no auth: no session"),
        (Ok(Some(Value::from("text"))), "no auth: it is not an object"),
    ] {
        let mut world = World::with(|config| config.auth = Auth::Ask);
        world.connect("/");
        world.open();
        world.forget();
        let request = world.requests.remove(0);
        world.act(|machine, now| machine.provide_auth(now, request, auth));
        world.sees(&format!(
            "close 1\n- close: forced close\n/ connect_error: {error}"
        ));
        assert!(!world.machine.is_active("/"));
    }
}

#[test]
fn auth_that_never_comes_is_a_connect_timeout() {
    let mut world = World::with(|config| config.auth = Auth::Ask);
    world.connect("/");
    world.open();
    world.forget();
    world.wait(20_000);
    world.sees_of(
        &["/"],
        "/ connect_timeout
         / connect_error: the server did not answer CONNECT in time",
    );
}

#[test]
fn a_connect_that_is_never_answered_is_an_error_and_then_another_attempt() {
    let mut world = World::new();
    world.connect("/");
    world.open();
    world.forget();
    world.wait(20_000);
    world.sees(
        "/ connect_timeout
         / connect_error: the server did not answer CONNECT in time
         close 1
         - close: forced close (the server did not answer CONNECT in time)",
    );
    assert!(world.machine.is_active("/"));
    world.wait(1000);
    world.sees("- reconnect_attempt 1\nopen 2 websocket");
}

#[test]
fn an_answer_after_the_limit_still_counts_when_others_kept_the_connection() {
    let mut world = World::joined();
    world.connect("/slow");
    world.sees("send 1 40/slow,");
    world.wait(19_000);
    world.frame("2");
    world.forget();
    world.wait(1000);
    world.sees("/slow connect_timeout\n/slow connect_error: the server did not answer CONNECT in time");
    world.connect("/slow");
    world.sees("");
    world.frame(r#"40/slow,{"sid":"x"}"#);
    world.sees("/slow connect x");
}

#[test]
fn without_a_limit_a_connect_waits_for_ever() {
    let mut world = World::with(|config| {
        config.connect_timeout = None;
        config.timeout = None;
    });
    world.connect("/");
    world.forget();
    world.wait(1_000_000);
    world.sees("");
    world.open();
    for _ in 0..40 {
        world.frame("2");
        world.wait(25_000);
    }
    world.sees_of(&["/", "- close"], "");
}

#[test]
fn no_second_connect_is_sent_while_one_is_under_way() {
    let mut world = World::new();
    world.connect("/");
    world.connect("/");
    world.open();
    world.connect("/");
    world.sees("open 1 websocket\n- open\nsend 1 40");
    world.frame(r#"40{"sid":"s"}"#);
    world.connect("/");
    world.sees("/ connect s");
}

#[test]
fn a_refusal_of_any_form_is_a_connect_error() {
    for (frame, message, data) in [
        ("44", "the server refused the connection", None),
        (r#"44"boom""#, "boom", None),
        (r#"44{"message":"no","data":{"code":7}}"#, "no", Some(7)),
        (
            r#"44{"message":{"x":1}}"#,
            "the server refused the connection",
            None,
        ),
        ("44{}", "the server refused the connection", None),
    ] {
        let mut world = World::new();
        world.connect("/");
        world.open();
        world.forget();
        world.frame(frame);
        world.sees(&format!(
            "close 1\n- close: forced close\n/ connect_error: {message}"
        ));
        assert!(!world.machine.is_active("/"), "{frame}, {data:?}");
        world.wait(1_000_000);
        world.sees("");
    }
}

#[test]
fn a_connect_without_an_id_is_another_protocol() {
    for frame in ["40", "40{}", r#"40{"sid":""}"#, r#"40{"sid":7}"#] {
        let mut world = World::new();
        world.connect("/");
        world.open();
        world.forget();
        world.frame(frame);
        world.sees_of(
            &["/"],
            "/ connect_error: the server does not speak Socket.IO protocol 5",
        );
    }
}

#[test]
fn a_disconnect_in_place_of_an_answer_is_a_connect_error_and_no_disconnect() {
    let mut world = World::new();
    world.connect("/");
    world.open();
    world.forget();
    world.frame("41");
    world.sees_of(
        &["/"],
        "/ connect_error: the server disconnected in place of an answer",
    );
}

#[test]
fn a_drop_before_the_answer_is_no_disconnect() {
    let mut world = World::new();
    world.connect("/");
    world.open();
    world.forget();
    world.cut();
    world.sees("- close: transport close (websocket connection closed: closed with code 1006)");
}

#[test]
fn a_second_answer_to_connect_changes_nothing() {
    let mut world = World::joined();
    world.frame(r#"40{"sid":"other"}"#);
    world.sees("");
    assert_eq!(world.machine.id("/"), Some("s"));
}

#[test]
fn leaving_while_the_connection_opens_gives_it_up() {
    let mut world = World::new();
    world.connect("/");
    world.disconnect("/");
    world.sees("open 1 websocket\nclose 1\n- close: forced close");
    assert_eq!(world.machine.status(), Status::Idle);
    world.frame(OPEN);
    world.sees("");
}

#[test]
fn coming_back_while_an_unwanted_connect_is_under_way_sends_no_second_one() {
    let mut world = World::joined();
    world.machine.set_auth("/room", Auth::Value(token("old")));
    world.connect("/room");
    world.disconnect("/room");
    world.machine.set_auth("/room", Auth::Value(token("new")));
    world.connect("/room");
    world.sees("send 1 40/room,{\"token\":\"old\"}");
    world.frame(r#"40/room,{"sid":"r1"}"#);
    world.sees("send 1 41/room,\nsend 1 40/room,{\"token\":\"new\"}");
    world.frame(r#"40/room,{"sid":"r2"}"#);
    world.sees("/room connect r2");
}

#[test]
fn an_unwanted_connect_that_succeeds_is_taken_back() {
    let mut world = World::joined();
    world.connect("/room");
    world.disconnect("/room");
    world.forget();
    world.frame(r#"40/room,{"sid":"r1"}"#);
    world.sees("send 1 41/room,");
    assert!(!world.machine.is_active("/room"));
}

#[test]
fn a_namespace_that_no_packet_can_name_is_refused() {
    let mut world = World::new();
    for name in ["room", "/a,b"] {
        world.connect(name);
        world.sees(&format!(
            "{name} connect_error: no packet can name this namespace"
        ));
    }
}

#[test]
fn the_time_to_open_is_shared_among_the_transports() {
    use pesan::socketio::proto::TransportKind::{Polling, WebSocket};
    let mut world = World::with(|config| config.transports = vec![WebSocket, Polling]);
    world.connect("/");
    world.forget();
    world.wait(10_000);
    world.sees("close 1\nopen 2 polling");
    world.wait(10_000);
    world.sees("close 2\n- connect_timeout\n/ connect_error: timeout\n- error: timeout");
}

#[test]
fn the_limit_may_be_changed_while_the_client_lives() {
    let mut world = World::new();
    world.machine.config_mut().timeout = Some(secs(1));
    world.connect("/");
    world.forget();
    world.wait(1000);
    world.sees_of(&["- connect_timeout"], "- connect_timeout");
}

#[test]
fn auth_with_binary_is_refused_rather_than_cut() {
    let mut world =
        World::with(|config| config.auth = Auth::Value(Value::object([("key", Value::Binary(vec![1]))])));
    world.connect("/");
    world.open();
    world.sees_of(
        &["/", "send"],
        "/ connect_error: no auth: it holds binary, which this format cannot carry",
    );
}

#[test]
fn a_connect_that_was_not_answered_is_tried_again_once_nobody_else_needs_the_connection() {
    let mut world = World::joined();
    world.connect("/room");
    world.wait(20_000);
    world.forget();
    world.disconnect("/");
    let error = "the server did not answer CONNECT in time";
    world.sees(&format!(
        "send 1 41
         / disconnect: io client disconnect
         close 1
         - close: forced close ({error})"
    ));
    world.wait(1000);
    world.sees("- reconnect_attempt 1\nopen 2 websocket");
    let mut world = World::joined();
    world.connect("/room");
    world.connect("/other");
    world.wait(20_000);
    world.disconnect("/other");
    world.forget();
    world.frame("41");
    world.sees_of(
        &["/ ", "- close"],
        &format!("/ disconnect: io server disconnect\n- close: forced close ({error})"),
    );
}

#[test]
fn a_connect_without_a_limit_keeps_the_connection_when_another_runs_out_of_time() {
    let mut world = World::new();
    world.connect("/room");
    world.open();
    world.machine.config_mut().connect_timeout = None;
    world.connect("/patient");
    world.forget();
    world.wait(20_000);
    world.sees("/room connect_timeout\n/room connect_error: the server did not answer CONNECT in time");
    world.frame(r#"40/patient,{"sid":"p"}"#);
    world.sees("/patient connect p");
}

/// Connected to `/room`, left it, and joins it again.
fn left_and_wanted_again() -> World {
    let mut world = World::joined();
    world.connect("/room");
    world.frame(r#"40/room,{"sid":"r1"}"#);
    world.disconnect("/room");
    world.connect("/room");
    world.forget();
    world
}

#[test]
fn a_disconnect_that_crosses_ours_does_not_answer_the_next_connect() {
    let mut world = left_and_wanted_again();
    world.frame("41/room,");
    world.frame(r#"40/room,{"sid":"r2"}"#);
    world.sees("/room connect r2");
    // The second one would be an answer.
    world.disconnect("/room");
    world.connect("/room");
    world.forget();
    world.frame("41/room,");
    world.frame("41/room,");
    world.sees("/room connect_error: the server disconnected in place of an answer");
}

#[test]
fn what_the_socket_that_was_left_is_sent_does_not_come_to_the_next_one() {
    let mut world = left_and_wanted_again();
    world.frame(r#"42/room,0["question"]"#);
    world.frame(r#"40/room,{"sid":"r2"}"#);
    world.sees("/room connect r2");
    world.frame(r#"42/room,0["question"]"#);
    world.sees("/room got question [] ?");
}

#[test]
fn auth_that_the_server_would_not_take_refuses_the_namespace() {
    let mut world = World::with(|config| config.auth = Auth::Value(token(&"x".repeat(1000))));
    world.connect("/");
    world.open();
    world.sees(
        "open 1 websocket
         - open
         close 1
         - close: forced close
         / connect_error: no auth: it is more than the server takes",
    );
}
