//! Server on a free port, and a client that sends raw frames.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pesan_server::engineio::EngineConfig;
use pesan_server::http::serve::{ServeConfig, serve};
use pesan_server::socketio::{Io, IoConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Timeout of all operations in these tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Server that runs until the test ends.
pub(crate) struct Served {
    pub(crate) io: Io,
    pub(crate) address: SocketAddr,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::with(IoConfig::default()).await
    }

    pub(crate) async fn with(config: IoConfig) -> Self {
        Self::serve(Io::new(config)).await
    }

    pub(crate) async fn serve(io: Io) -> Self {
        Self::serve_with(io, EngineConfig::default()).await
    }

    pub(crate) async fn serve_with(io: Io, config: EngineConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("just bound");
        let engine = io.engine(config).clone();
        let app = engine.router();
        tokio::spawn(serve(
            listener,
            app,
            ServeConfig::default(),
            std::future::pending(),
        ));
        Self { io, address }
    }

    /// Opens a client without a namespace.
    pub(crate) async fn open(&self) -> Raw {
        Raw::open(self.address).await
    }

    /// Opens a client in the root namespace.
    pub(crate) async fn join(&self) -> Raw {
        let mut raw = self.open().await;
        raw.join("/").await;
        raw
    }
}

/// Client of Engine.IO messages; answers pings by itself.
pub(crate) struct Raw {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Raw {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket&token=abc");
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a handshake");
        let mut raw = Self { socket };
        assert!(raw.engine().await.expect("an open packet").starts_with("0{"));
        raw
    }

    /// Joins a namespace; returns the id of the socket.
    pub(crate) async fn join(&mut self, namespace: &str) -> String {
        let prefix = if namespace == "/" {
            String::new()
        } else {
            format!("{namespace},")
        };
        self.send(&format!("0{prefix}")).await;
        let reply = self.next().await;
        let json = reply
            .strip_prefix(&format!("0{prefix}"))
            .unwrap_or_else(|| panic!("no CONNECT: {reply}"));
        let reply: serde_json::Value = serde_json::from_str(json).expect("JSON");
        reply["sid"].as_str().expect("a sid").to_owned()
    }

    /// Sends a Socket.IO packet.
    pub(crate) async fn send(&mut self, packet: &str) {
        let message = Message::text(format!("4{packet}"));
        self.socket.send(message).await.expect("an open socket");
    }

    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) {
        self.socket
            .send(Message::binary(bytes.to_vec()))
            .await
            .expect("an open socket");
    }

    /// Sends many packets in few writes.
    pub(crate) async fn send_all(&mut self, packets: impl IntoIterator<Item = String>) {
        for packet in packets {
            self.socket
                .feed(Message::text(format!("4{packet}")))
                .await
                .expect("an open socket");
        }
        self.socket.flush().await.expect("an open socket");
    }

    /// Next Socket.IO packet.
    pub(crate) async fn next(&mut self) -> String {
        self.maybe_next().await.expect("a packet before the end")
    }

    /// Next Socket.IO packet; `None` when the connection ended.
    pub(crate) async fn maybe_next(&mut self) -> Option<String> {
        let packet = self.engine().await?;
        Some(
            packet
                .strip_prefix('4')
                .unwrap_or_else(|| panic!("no message: {packet}"))
                .to_owned(),
        )
    }

    /// Next attachment.
    pub(crate) async fn next_binary(&mut self) -> Vec<u8> {
        let message = tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("in time");
        match message {
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            other => panic!("no attachment: {other:?}"),
        }
    }

    /// Checks that no packet is pending: the response to an event is the next one.
    pub(crate) async fn expect_silence(&mut self) {
        self.send(r#"2["marco"]"#).await;
        let packet = self.next().await;
        // With recovery an offset follows.
        assert!(packet.starts_with(r#"2["polo""#), "{packet} before the answer");
    }

    /// Waits for the server to close the connection.
    pub(crate) async fn expect_end(&mut self) {
        while let Some(packet) = self.maybe_next().await {
            assert!(
                packet.starts_with('1'),
                "only a good-bye before the end: {packet}"
            );
        }
    }

    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.expect("an open socket");
    }

    /// Waits until the server has read everything that was sent, by the refusal of another namespace.
    pub(crate) async fn expect_read(&mut self, io: &Io) {
        assert!(io.namespaces().iter().all(|known| known.name() != "/nowhere"));
        self.send("0/nowhere,").await;
        assert!(self.next().await.starts_with("4/nowhere,"));
    }

    /// Resets the connection; data in transit is lost.
    pub(crate) fn reset(self) {
        let MaybeTlsStream::Plain(stream) = self.socket.get_ref() else {
            unreachable!("the tests connect without TLS");
        };
        stream.set_zero_linger().expect("an open socket");
    }

    async fn engine(&mut self) -> Option<String> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next())
                .await
                .expect("in time");
            match message? {
                Ok(Message::Text(text)) if text.as_str() == "2" => {
                    self.socket
                        .send(Message::text("3"))
                        .await
                        .expect("an open socket");
                }
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(other) => panic!("unexpected message: {other:?}"),
            }
        }
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let patience = tokio::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(tokio::time::Instant::now() < patience, "{what}");
        tokio::task::yield_now().await;
    }
}

/// Joins with recovery; returns sid and pid.
pub(crate) async fn join(raw: &mut Raw, auth: &str) -> (String, String) {
    raw.send(&format!("0{auth}")).await;
    let reply = raw.next().await;
    let json = reply
        .strip_prefix('0')
        .unwrap_or_else(|| panic!("no CONNECT: {reply}"));
    let reply: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let text = |key: &str| reply[key].as_str().expect("text").to_owned();
    (text("sid"), text("pid"))
}

/// State with which a client reconnects.
pub(crate) struct Lost {
    pub(crate) sid: String,
    pub(crate) pid: String,
    /// Offset of the last received event.
    pub(crate) last: String,
    pub(crate) auth: String,
}

/// Connects a client, sends it an event, and drops its connection.
pub(crate) async fn lost(served: &Served) -> Lost {
    let mut raw = served.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    served.io.emit("first", ()).expect("can be sent");
    let last = offset(&raw.next().await);
    raw.close().await;
    until("it is gone", || served.io.is_empty()).await;
    let auth = format!(r#"{{"pid":"{pid}","offset":"{last}"}}"#);
    Lost { sid, pid, last, auth }
}

/// Offset of an event, its last argument.
pub(crate) fn offset(packet: &str) -> String {
    let args: Vec<serde_json::Value> = serde_json::from_str(&packet[1..]).expect("JSON");
    args.last()
        .and_then(serde_json::Value::as_str)
        .expect("an offset")
        .to_owned()
}
