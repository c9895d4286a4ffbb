//! Upgrade from polling to WebSocket.

use std::time::Duration;

use pesan_server::engineio::{CloseReason, EncodedMessage, EngineConfig, Transport};

use super::harness::{Server, Socket, config};

/// Polling session, and the query of its WebSocket.
async fn session(server: &Server) -> (String, String) {
    let polling = server.open_polling().await;
    let websocket = polling.replace("polling", "websocket");
    (polling, websocket)
}

/// WebSocket whose probe was answered.
async fn probed(server: &Server, query: &str) -> Socket {
    let mut socket = server.websocket(query).await;
    socket.send("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    socket
}

#[tokio::test]
async fn upgrade_probe_answers_the_poll_and_the_websocket_takes_over() {
    let mut server = Server::start(config());
    let (polling, websocket) = session(&server).await;
    let connection = server.opened().await;
    assert_eq!(connection.transport(), Transport::Polling);
    let mut socket = server.websocket(&websocket).await;
    let probe = async {
        socket.send("2probe").await;
        assert_eq!(socket.text().await, "3probe");
    };
    let (poll, ()) = tokio::join!(server.get(&polling), probe);
    assert_eq!(poll.body, "6");
    assert_eq!(server.get(&polling).await.body, "6");
    socket.send("5").await;
    socket.send("4hello").await;
    assert_eq!(socket.text().await, "4hello");
    assert_eq!(connection.transport(), Transport::WebSocket);
    // Polling requests are refused now.
    assert_eq!(server.get(&polling).await.code(), 3);
    assert_eq!(server.post(&polling, "4a").await.code(), 3);
    let mut second = server.websocket(&websocket).await;
    assert_eq!(second.close_code().await, Some(1000));
    socket.send("4again").await;
    assert_eq!(socket.text().await, "4again");
}

#[tokio::test]
async fn messages_in_both_directions_during_an_upgrade_keep_their_order() {
    let mut server = Server::start(config());
    let (polling, websocket) = session(&server).await;
    let connection = server.opened().await;
    let mut socket = probed(&server, &websocket).await;
    for number in 0..50 {
        connection.send(&EncodedMessage::from_frame(&format!("out {number}").into()));
    }
    let echoes: Vec<String> = (0..50).map(|number| format!("4in {number}")).collect();
    assert_eq!(server.post(&polling, &echoes.join("\u{1e}")).await.status, 200);
    socket.send("5").await;
    for number in 50..100 {
        connection.send(&EncodedMessage::from_frame(&format!("out {number}").into()));
        socket.send(&format!("4in {number}")).await;
    }
    let (mut out, mut echoed) = (0, 0);
    while out + echoed < 200 {
        let text = socket.text().await;
        if text == format!("4out {out}") {
            out += 1;
        } else {
            assert_eq!(text, format!("4in {echoed}"));
            echoed += 1;
        }
    }
}

#[tokio::test]
async fn upgrade_probe_failed_leaves_the_session_polling() {
    let server = Server::start(config());
    for wrong in ["2prob", "4hello", "abc"] {
        let (polling, websocket) = session(&server).await;
        let mut socket = server.websocket(&websocket).await;
        socket.send(wrong).await;
        socket.close_code().await;
        assert_eq!(server.post(&polling, "4alive").await.status, 200, "{wrong}");
        assert_eq!(server.get(&polling).await.body, "4alive", "{wrong}");
        // Another upgrade may be tried.
        let mut socket = server.websocket(&websocket).await;
        socket.send("2probe").await;
        assert_eq!(socket.text().await, "3probe");
    }
}

#[tokio::test]
async fn upgrade_over_its_timeout_is_closed() {
    let server = Server::start(EngineConfig {
        upgrade_timeout: Duration::from_millis(100),
        ..config()
    });
    let (polling, websocket) = session(&server).await;
    let mut socket = probed(&server, &websocket).await;
    socket.close_code().await;
    assert_eq!(server.post(&polling, "4alive").await.status, 200);
    assert_eq!(server.get(&polling).await.body, "4alive");
}

#[tokio::test]
async fn upgrade_beside_another_is_refused() {
    let server = Server::start(config());
    let (_, websocket) = session(&server).await;
    let mut first = server.websocket(&websocket).await;
    let mut second = server.websocket(&websocket).await;
    assert_eq!(second.close_code().await, Some(1000));
    first.send("2probe").await;
    assert_eq!(first.text().await, "3probe");
}

#[tokio::test]
async fn upgrade_when_disabled_is_refused() {
    let server = Server::start(EngineConfig {
        allow_upgrades: false,
        ..config()
    });
    let answer = server.get("EIO=4&transport=polling").await;
    assert!(answer.body.contains("\"upgrades\":[]"));
    let (polling, websocket) = session(&server).await;
    let mut socket = server.websocket(&websocket).await;
    assert_eq!(socket.close_code().await, Some(1000));
    server.post(&polling, "4alive").await;
    assert_eq!(server.get(&polling).await.body, "4alive");
}

#[tokio::test]
async fn websocket_closed_after_an_upgrade_closes_the_session() {
    let mut server = Server::start(config());
    let (polling, websocket) = session(&server).await;
    let mut socket = probed(&server, &websocket).await;
    socket.send("5").await;
    drop(socket);
    assert_eq!(server.closed().await, CloseReason::TransportClose);
    assert_eq!(server.get(&polling).await.code(), 1);
    assert_eq!(server.engine.sessions(), 0);
}

#[tokio::test]
async fn close_during_an_upgrade_is_sent_over_the_websocket() {
    let mut server = Server::start(config());
    let (_, websocket) = session(&server).await;
    let connection = server.opened().await;
    let mut socket = probed(&server, &websocket).await;
    // The client has stopped polling, and its upgrade packet is on the way.
    connection.send(&EncodedMessage::from_frame(&"farewell".into()));
    connection.close(CloseReason::ForcedServerClose);
    assert_eq!(server.closed().await, CloseReason::ForcedServerClose);
    socket.send("5").await;
    assert_eq!(socket.text().await, "4farewell");
    assert_eq!(socket.close_code().await, Some(1000));
}

#[tokio::test]
async fn close_during_an_upgrade_is_sent_to_a_poll_too() {
    let mut server = Server::start(config());
    let (polling, websocket) = session(&server).await;
    let connection = server.opened().await;
    let mut socket = probed(&server, &websocket).await;
    connection.send(&EncodedMessage::from_frame(&"farewell".into()));
    connection.close(CloseReason::ForcedServerClose);
    assert_eq!(server.closed().await, CloseReason::ForcedServerClose);
    assert_eq!(server.get(&polling).await.body, "4farewell");
    assert_eq!(server.get(&polling).await.body, "1");
    assert_eq!(socket.close_code().await, None);
    assert_eq!(server.get(&polling).await.code(), 1);
}

#[tokio::test]
async fn protocol_error_during_an_upgrade_is_sent_over_the_websocket() {
    let mut server = Server::start(config());
    let (_, websocket) = session(&server).await;
    let connection = server.opened().await;
    let mut socket = probed(&server, &websocket).await;
    // The client has stopped polling, and its upgrade packet is on the way.
    connection.close(CloseReason::ParseError);
    assert_eq!(server.closed().await, CloseReason::ParseError);
    socket.send("5").await;
    assert_eq!(socket.close_code().await, Some(1002));
    drop(socket);
    super::harness::soon("the last session to go", async {
        while server.engine.sessions() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn protocol_error_during_an_upgrade_ends_polls_too() {
    let mut server = Server::start(config());
    let (polling, websocket) = session(&server).await;
    let connection = server.opened().await;
    let _socket = probed(&server, &websocket).await;
    connection.close(CloseReason::ParseError);
    assert_eq!(server.closed().await, CloseReason::ParseError);
    assert_eq!(server.get(&polling).await.status, 400);
}
