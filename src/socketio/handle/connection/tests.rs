//! What a connection keeps of transports that have come to their end.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::socketio::handle::{Client, Lifecycle, Options};

/// Server that greets each client and hangs up; gives its address.
async fn hasty_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("just bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // a client that left before its handshake was done has had enough
            if let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await {
                let open = r#"0{"sid":"e","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
                drop(socket.send(open.into()).await);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_transport_that_has_ended_is_let_go() {
    let soon = Duration::from_millis(1);
    let options = Options::new().force_new().reconnection_delay(soon, soon);
    let client = Client::open(&hasty_server().await, options).expect("a good address");
    let (sender, mut came_back) = mpsc::unbounded_channel();
    let socket = client.socket("/");
    let counting = socket.on_lifecycle(move |step: &Lifecycle| {
        if let Lifecycle::Reconnect(_) = step {
            sender.send(()).expect("the test waits");
        }
    });
    for time in 0..50 {
        let next = tokio::time::timeout(Duration::from_secs(10), came_back.recv()).await;
        assert!(next.is_ok(), "it did not come back after {time} times");
    }
    let state = client.connection.state.lock();
    assert!(
        state.transports.len() <= 1,
        "{} transports",
        state.transports.len()
    );
    assert!(state.gone.is_empty());
    drop(state);
    drop(counting);
}
