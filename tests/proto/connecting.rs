//! CONNECT and its answers, `auth`, time limits.

use pesan::socketio::Value;
use pesan::socketio::proto::{Auth, Status};

use crate::harness::{Harness, OPEN, secs};

fn token(text: &str) -> Value {
    Value::object([("token", Value::from(text))])
}

#[test]
fn auth_is_sent_with_connect_and_may_change() {
    let mut harness = Harness::with(|config| config.auth = Auth::Value(token("a")));
    harness.connect("/");
    harness.accept();
    harness.connection.set_auth("/", Auth::Value(token("b")));
    harness.lose_connection();
    harness.wait(1000);
    harness.accept();
    harness.sees_of(
        &["send"],
        "send 1 40{\"token\":\"a\"}\nsend 2 40{\"token\":\"b\"}",
    );
}

#[test]
fn auth_on_request_is_requested_at_each_connect() {
    let mut harness = Harness::with(|config| config.auth = Auth::Ask);
    harness.connect("/");
    harness.open();
    harness.sees("open 1 websocket\n- open\n/ asks for auth");
    let request = harness.requests.remove(0);
    harness.act(|connection, now| connection.provide_auth(now, request, Ok(Some(token("a")))));
    harness.sees("send 1 40{\"token\":\"a\"}");
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    harness.sees_of(&["/", "send"], "/ asks for auth");
}

#[test]
fn auth_for_old_connection_is_ignored() {
    let mut harness = Harness::with(|config| config.auth = Auth::Ask);
    harness.connect("/");
    harness.open();
    harness.lose_connection();
    harness.wait(1000);
    harness.open();
    let [old, new] = std::mem::take(&mut harness.requests)
        .try_into()
        .expect("two questions");
    harness.forget();
    harness.act(|connection, now| connection.provide_auth(now, old, Ok(Some(token("old")))));
    harness.sees("");
    harness.act(|connection, now| connection.provide_auth(now, new, Ok(None)));
    harness.sees("send 2 40");
}

#[test]
fn auth_failed_or_not_an_object_is_a_connect_error() {
    for (auth, error) in [
        (Err("no session".to_owned()), "invalid auth: no session"),
        (Ok(Some(Value::from("text"))), "invalid auth: it is not an object"),
    ] {
        let mut harness = Harness::with(|config| config.auth = Auth::Ask);
        harness.connect("/");
        harness.open();
        harness.forget();
        let request = harness.requests.remove(0);
        harness.act(|connection, now| connection.provide_auth(now, request, auth));
        harness.sees(&format!(
            "close 1\n- close: forced close\n/ connect_error: {error}"
        ));
        assert!(!harness.connection.is_active("/"));
    }
}

#[test]
fn auth_never_provided_is_a_connect_timeout() {
    let mut harness = Harness::with(|config| config.auth = Auth::Ask);
    harness.connect("/");
    harness.open();
    harness.forget();
    harness.wait(20_000);
    harness.sees_of(
        &["/"],
        "/ connect_timeout
         / connect_error: the server did not answer CONNECT in time",
    );
}

#[test]
fn connect_unanswered_times_out_and_reconnects() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.open();
    harness.forget();
    harness.wait(20_000);
    harness.sees(
        "/ connect_timeout
         / connect_error: the server did not answer CONNECT in time
         close 1
         - close: forced close (the server did not answer CONNECT in time)",
    );
    assert!(harness.connection.is_active("/"));
    harness.wait(1000);
    harness.sees("- reconnect_attempt 1\nopen 2 websocket");
}

#[test]
fn connect_answered_after_timeout_on_open_connection_connects() {
    let mut harness = Harness::joined();
    harness.connect("/slow");
    harness.sees("send 1 40/slow,");
    harness.wait(19_000);
    harness.frame("2");
    harness.forget();
    harness.wait(1000);
    harness.sees("/slow connect_timeout\n/slow connect_error: the server did not answer CONNECT in time");
    harness.connect("/slow");
    harness.sees("");
    harness.frame(r#"40/slow,{"sid":"x"}"#);
    harness.sees("/slow connect x");
}

#[test]
fn connect_without_timeout_waits_forever() {
    let mut harness = Harness::with(|config| {
        config.connect_timeout = None;
        config.timeout = None;
    });
    harness.connect("/");
    harness.forget();
    harness.wait(1_000_000);
    harness.sees("");
    harness.open();
    for _ in 0..40 {
        harness.frame("2");
        harness.wait(25_000);
    }
    harness.sees_of(&["/", "- close"], "");
}

#[test]
fn connect_twice_sends_one_connect() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.connect("/");
    harness.open();
    harness.connect("/");
    harness.sees("open 1 websocket\n- open\nsend 1 40");
    harness.frame(r#"40{"sid":"s"}"#);
    harness.connect("/");
    harness.sees("/ connect s");
}

#[test]
fn connect_error_of_any_form_is_reported() {
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
        let mut harness = Harness::new();
        harness.connect("/");
        harness.open();
        harness.forget();
        harness.frame(frame);
        harness.sees(&format!(
            "close 1\n- close: forced close\n/ connect_error: {message}"
        ));
        assert!(!harness.connection.is_active("/"), "{frame}, {data:?}");
        harness.wait(1_000_000);
        harness.sees("");
    }
}

#[test]
fn connect_answer_without_id_is_not_supported() {
    for frame in ["40", "40{}", r#"40{"sid":""}"#, r#"40{"sid":7}"#] {
        let mut harness = Harness::new();
        harness.connect("/");
        harness.open();
        harness.forget();
        harness.frame(frame);
        harness.sees_of(
            &["/"],
            "/ connect_error: the server does not speak Socket.IO protocol 5",
        );
    }
}

#[test]
fn disconnect_instead_of_answer_is_a_connect_error() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.open();
    harness.forget();
    harness.frame("41");
    harness.sees_of(
        &["/"],
        "/ connect_error: the server answered CONNECT with DISCONNECT",
    );
}

#[test]
fn connection_lost_before_answer_is_not_a_disconnect() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.open();
    harness.forget();
    harness.lose_connection();
    harness.sees("- close: transport close (websocket connection closed: closed with code 1006)");
}

#[test]
fn connect_answered_twice_is_ignored() {
    let mut harness = Harness::joined();
    harness.frame(r#"40{"sid":"other"}"#);
    harness.sees("");
    assert_eq!(harness.connection.id("/"), Some("s"));
}

#[test]
fn disconnect_while_opening_closes_the_transport() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.disconnect("/");
    harness.sees("open 1 websocket\nclose 1\n- close: forced close");
    assert_eq!(harness.connection.status(), Status::Idle);
    harness.frame(OPEN);
    harness.sees("");
}

#[test]
fn reconnect_during_cancelled_connect_waits_for_its_answer() {
    let mut harness = Harness::joined();
    harness.connection.set_auth("/room", Auth::Value(token("old")));
    harness.connect("/room");
    harness.disconnect("/room");
    harness.connection.set_auth("/room", Auth::Value(token("new")));
    harness.connect("/room");
    harness.sees("send 1 40/room,{\"token\":\"old\"}");
    harness.frame(r#"40/room,{"sid":"r1"}"#);
    harness.sees("send 1 41/room,\nsend 1 40/room,{\"token\":\"new\"}");
    harness.frame(r#"40/room,{"sid":"r2"}"#);
    harness.sees("/room connect r2");
}

#[test]
fn connect_cancelled_but_answered_sends_disconnect() {
    let mut harness = Harness::joined();
    harness.connect("/room");
    harness.disconnect("/room");
    harness.forget();
    harness.frame(r#"40/room,{"sid":"r1"}"#);
    harness.sees("send 1 41/room,");
    assert!(!harness.connection.is_active("/room"));
}

#[test]
fn namespace_illegal_is_refused() {
    let mut harness = Harness::new();
    for name in ["room", "/a,b"] {
        harness.connect(name);
        harness.sees(&format!(
            "{name} connect_error: no packet can carry this namespace"
        ));
    }
}

#[test]
fn timeout_is_shared_among_transports() {
    use pesan::socketio::proto::TransportKind::{Polling, WebSocket};
    let mut harness = Harness::with(|config| config.transports = vec![WebSocket, Polling]);
    harness.connect("/");
    harness.forget();
    harness.wait(10_000);
    harness.sees("close 1\nopen 2 polling");
    harness.wait(10_000);
    harness.sees("close 2\n- connect_timeout\n/ connect_error: timeout\n- error: timeout");
}

#[test]
fn timeout_changed_later_applies_to_next_attempt() {
    let mut harness = Harness::new();
    harness.connection.config_mut().timeout = Some(secs(1));
    harness.connect("/");
    harness.forget();
    harness.wait(1000);
    harness.sees_of(&["- connect_timeout"], "- connect_timeout");
}

#[test]
fn auth_with_binary_is_refused() {
    let mut harness =
        Harness::with(|config| config.auth = Auth::Value(Value::object([("key", Value::Binary(vec![1]))])));
    harness.connect("/");
    harness.open();
    harness.sees_of(
        &["/", "send"],
        "/ connect_error: invalid auth: it contains binary, which this format cannot carry",
    );
}

#[test]
fn connect_timed_out_reconnects_when_no_other_namespace_is_connected() {
    let mut harness = Harness::joined();
    harness.connect("/room");
    harness.wait(20_000);
    harness.forget();
    harness.disconnect("/");
    let error = "the server did not answer CONNECT in time";
    harness.sees(&format!(
        "send 1 41
         / disconnect: io client disconnect
         close 1
         - close: forced close ({error})"
    ));
    harness.wait(1000);
    harness.sees("- reconnect_attempt 1\nopen 2 websocket");
    let mut harness = Harness::joined();
    harness.connect("/room");
    harness.connect("/other");
    harness.wait(20_000);
    harness.disconnect("/other");
    harness.forget();
    harness.frame("41");
    harness.sees_of(
        &["/ ", "- close"],
        &format!("/ disconnect: io server disconnect\n- close: forced close ({error})"),
    );
}

#[test]
fn connect_without_timeout_keeps_connection_when_another_times_out() {
    let mut harness = Harness::new();
    harness.connect("/room");
    harness.open();
    harness.connection.config_mut().connect_timeout = None;
    harness.connect("/patient");
    harness.forget();
    harness.wait(20_000);
    harness.sees("/room connect_timeout\n/room connect_error: the server did not answer CONNECT in time");
    harness.frame(r#"40/patient,{"sid":"p"}"#);
    harness.sees("/patient connect p");
}

/// Connected to `/room`, disconnected from it, and connecting again.
fn left_and_wanted_again() -> Harness {
    let mut harness = Harness::joined();
    harness.connect("/room");
    harness.frame(r#"40/room,{"sid":"r1"}"#);
    harness.disconnect("/room");
    harness.connect("/room");
    harness.forget();
    harness
}

#[test]
fn disconnect_crossing_is_not_the_answer_to_next_connect() {
    let mut harness = left_and_wanted_again();
    harness.frame("41/room,");
    harness.frame(r#"40/room,{"sid":"r2"}"#);
    harness.sees("/room connect r2");
    // A second one would be an answer.
    harness.disconnect("/room");
    harness.connect("/room");
    harness.forget();
    harness.frame("41/room,");
    harness.frame("41/room,");
    harness.sees("/room connect_error: the server answered CONNECT with DISCONNECT");
}

#[test]
fn events_for_previous_socket_do_not_reach_the_next() {
    let mut harness = left_and_wanted_again();
    harness.frame(r#"42/room,0["question"]"#);
    harness.frame(r#"40/room,{"sid":"r2"}"#);
    harness.sees("/room connect r2");
    harness.frame(r#"42/room,0["question"]"#);
    harness.sees("/room got question [] ?");
}

#[test]
fn auth_larger_than_max_payload_is_a_connect_error() {
    let mut harness = Harness::with(|config| config.auth = Auth::Value(token(&"x".repeat(1000))));
    harness.connect("/");
    harness.open();
    harness.sees(
        "open 1 websocket
         - open
         close 1
         - close: forced close
         / connect_error: invalid auth: it is larger than the server accepts",
    );
}
