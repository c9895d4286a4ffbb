//! Order of events, as observed with the official client.

use pesan::socketio::proto::{CloseInfo, Emit};

use crate::harness::{Harness, millis};

#[test]
fn first_connect_emits_open_then_connect() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.sees("open 1 websocket");
    harness.open();
    harness.sees(
        "- open
         send 1 40",
    );
    harness.frame(r#"40{"sid":"s"}"#);
    harness.sees("/ connect s");
    assert_eq!(harness.connection.id("/"), Some("s"));
}

#[test]
fn connection_lost_emits_disconnect_then_close() {
    let mut harness = Harness::joined();
    harness.lose_connection();
    harness.sees(
        "/ disconnect: transport close (websocket connection closed: closed with code 1006)
         - close: transport close (websocket connection closed: closed with code 1006)",
    );
    harness.wait(1000);
    harness.sees(
        "- reconnect_attempt 1
         open 2 websocket",
    );
    harness.accept();
    harness.sees(
        "- open
         send 2 40
         - reconnect 1
         / connect s",
    );
}

#[test]
fn transport_error_is_emitted_before_close() {
    let mut harness = Harness::joined();
    harness.closed(CloseInfo::failed("reset"));
    harness.sees(
        "- error: websocket error: reset
         / disconnect: transport error (websocket error: reset)
         - close: transport error (websocket error: reset)",
    );
}

#[test]
fn reconnect_failed_is_emitted_before_last_reconnect_error() {
    let mut harness = Harness::with(|config| config.reconnection.attempts = Some(2));
    harness.connect("/");
    harness.fail();
    let error = "websocket error: refused";
    harness.sees(&format!(
        "open 1 websocket
         / connect_error: {error}
         - error: {error}"
    ));
    harness.wait(1000);
    harness.fail();
    harness.sees(&format!(
        "- reconnect_attempt 1
         open 2 websocket
         / connect_error: {error}
         - error: {error}
         - reconnect_error: {error}"
    ));
    harness.wait(2000);
    harness.fail();
    harness.sees(&format!(
        "- reconnect_attempt 2
         open 3 websocket
         / connect_error: {error}
         - error: {error}
         - reconnect_failed
         - reconnect_error: {error}"
    ));
    harness.wait(1_000_000);
    harness.sees("");
}

#[test]
fn last_disconnect_emits_close_before_disconnect() {
    let mut harness = Harness::joined();
    harness.disconnect("/");
    harness.sees(
        "send 1 41
         close 1
         - close: forced close
         / disconnect: io client disconnect",
    );
    harness.wait(1_000_000);
    harness.sees("");
}

#[test]
fn server_disconnecting_last_socket_closes_without_reconnect() {
    let mut harness = Harness::joined();
    harness.frame("41");
    harness.sees(
        "close 1
         - close: forced close
         / disconnect: io server disconnect",
    );
    harness.wait(1_000_000);
    harness.sees("");
    harness.connect("/");
    harness.sees("open 2 websocket");
}

#[test]
fn acks_pending_on_disconnect_fail_right_after_it() {
    let mut harness = Harness::joined();
    harness.emit(Emit::new("ask").with_ack());
    harness.forget();
    harness.lose_connection();
    harness.sees_of(
        &["/"],
        "/ disconnect: transport close (websocket connection closed: closed with code 1006)
         / #1 Failed(Disconnected)
         / #1 ack socket has been disconnected",
    );
}

#[test]
fn connect_flushes_receive_buffer_then_send_buffer_then_retries() {
    let mut harness = Harness::with(|config| {
        config.retries = 1;
        config.ack_timeout = Some(millis(100));
    });
    harness.connect("/");
    harness.emit(Emit::new("safe").arg(1));
    harness.connection.config_mut().retries = 0;
    harness.emit(Emit::new("plain").arg(2));
    harness.connection.config_mut().retries = 1;
    harness.open();
    harness.frame(r#"42["early","x"]"#);
    harness.forget();
    harness.frame(r#"40{"sid":"s"}"#);
    harness.sees(
        r#"/ got early ["x"]
           send 1 42["plain",2]
           / #2 Sent
           send 1 420["safe",1]
           / #1 Sent
           / connect s"#,
    );
}

#[test]
fn transport_open_timeout_emits_connect_timeout_and_error() {
    let mut harness = Harness::new();
    harness.connect("/");
    harness.forget();
    harness.wait(19_999);
    harness.sees("");
    harness.wait(1);
    harness.sees(
        "close 1
         - connect_timeout
         / connect_error: timeout
         - error: timeout",
    );
}
