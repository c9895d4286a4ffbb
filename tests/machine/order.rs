//! Events come in the order in which the official client was seen to emit them.

use pesan::socketio::proto::{CloseInfo, Emit};

use crate::world::{World, millis};

#[test]
fn a_first_connect_opens_then_joins_then_connects() {
    let mut world = World::new();
    world.connect("/");
    world.sees("open 1 websocket");
    world.open();
    world.sees(
        "- open
         send 1 40",
    );
    world.frame(r#"40{"sid":"s"}"#);
    world.sees("/ connect s");
    assert_eq!(world.machine.id("/"), Some("s"));
}

#[test]
fn a_drop_tells_the_socket_first_then_the_connection() {
    let mut world = World::joined();
    world.cut();
    world.sees(
        "/ disconnect: transport close (websocket connection closed: closed with code 1006)
         - close: transport close (websocket connection closed: closed with code 1006)",
    );
    world.wait(1000);
    world.sees(
        "- reconnect_attempt 1
         open 2 websocket",
    );
    world.accept();
    world.sees(
        "- open
         send 2 40
         - reconnect 1
         / connect s",
    );
}

#[test]
fn an_error_of_the_transport_comes_before_its_close() {
    let mut world = World::joined();
    world.closed(CloseInfo::failed("reset"));
    world.sees(
        "- error: websocket error: reset
         / disconnect: transport error (websocket error: reset)
         - close: transport error (websocket error: reset)",
    );
}

#[test]
fn reconnect_failed_precedes_the_last_reconnect_error() {
    let mut world = World::with(|config| config.reconnection.attempts = Some(2));
    world.connect("/");
    world.fail();
    let error = "websocket error: refused";
    world.sees(&format!(
        "open 1 websocket
         / connect_error: {error}
         - error: {error}"
    ));
    world.wait(1000);
    world.fail();
    world.sees(&format!(
        "- reconnect_attempt 1
         open 2 websocket
         / connect_error: {error}
         - error: {error}
         - reconnect_error: {error}"
    ));
    world.wait(2000);
    world.fail();
    world.sees(&format!(
        "- reconnect_attempt 2
         open 3 websocket
         / connect_error: {error}
         - error: {error}
         - reconnect_failed
         - reconnect_error: {error}"
    ));
    world.wait(1_000_000);
    world.sees("");
}

#[test]
fn the_last_socket_to_leave_closes_the_connection_before_it_hears_of_it() {
    let mut world = World::joined();
    world.disconnect("/");
    world.sees(
        "send 1 41
         close 1
         - close: forced close
         / disconnect: io client disconnect",
    );
    world.wait(1_000_000);
    world.sees("");
}

#[test]
fn a_server_that_disconnects_the_last_socket_ends_the_connection_and_no_attempt_follows() {
    let mut world = World::joined();
    world.frame("41");
    world.sees(
        "close 1
         - close: forced close
         / disconnect: io server disconnect",
    );
    world.wait(1_000_000);
    world.sees("");
    world.connect("/");
    world.sees("open 2 websocket");
}

#[test]
fn pending_acks_fail_right_after_disconnect() {
    let mut world = World::joined();
    world.emit(Emit::new("ask").with_ack());
    world.forget();
    world.cut();
    world.sees_of(
        &["/"],
        "/ disconnect: transport close (websocket connection closed: closed with code 1006)
         / #1 Failed(Disconnected)
         / #1 ack socket has been disconnected",
    );
}

#[test]
fn on_connect_early_events_come_first_then_the_queue_then_what_is_retried_then_connect() {
    let mut world = World::with(|config| {
        config.retries = 1;
        config.ack_timeout = Some(millis(100));
    });
    world.connect("/");
    world.emit(Emit::new("safe").arg(1));
    world.machine.config_mut().retries = 0;
    world.emit(Emit::new("plain").arg(2));
    world.machine.config_mut().retries = 1;
    world.open();
    world.frame(r#"42["early","x"]"#);
    world.forget();
    world.frame(r#"40{"sid":"s"}"#);
    world.sees(
        r#"/ got early ["x"]
           send 1 42["plain",2]
           / #2 Sent
           send 1 420["safe",1]
           / #1 Sent
           / connect s"#,
    );
}

#[test]
fn a_transport_that_does_not_open_in_time_is_a_connect_timeout_with_its_error() {
    let mut world = World::new();
    world.connect("/");
    world.forget();
    world.wait(19_999);
    world.sees("");
    world.wait(1);
    world.sees(
        "close 1
         - connect_timeout
         / connect_error: timeout
         - error: timeout",
    );
}
