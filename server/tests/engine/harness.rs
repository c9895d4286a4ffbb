//! Echo server on a free port, and clients that can violate the protocol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use pesan::socketio::Frame;
use pesan_server::engineio::{
    CloseReason, Connection, EncodedMessage, Engine, EngineConfig, HandshakeRequest, Protocol, Session,
};
use pesan_server::http::serve::{ServeConfig, bind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Timeout of all operations in these tests.
const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for a future; fails after [`DEADLINE`].
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen in time"))
}

/// Events of the server.
#[derive(Debug)]
pub(crate) enum Seen {
    Opened(Connection),
    Closed(CloseReason),
}

/// Echoes every message.
pub(crate) struct Echo(mpsc::UnboundedSender<Seen>);

pub(crate) struct Client {
    connection: Connection,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Protocol for Echo {
    type Session = Client;

    fn open(&self, connection: Connection, _: Arc<HandshakeRequest>) -> Client {
        // The test may have ended.
        self.0.send(Seen::Opened(connection.clone())).unwrap_or_default();
        Client {
            connection,
            seen: self.0.clone(),
        }
    }
}

impl Session for Client {
    fn receive(&mut self, message: Frame) {
        self.connection.send(&EncodedMessage::from_frame(&message));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn closed(self, reason: CloseReason) {
        self.seen.send(Seen::Closed(reason)).unwrap_or_default();
    }
}

/// Running echo server.
pub(crate) struct Server {
    pub address: SocketAddr,
    pub engine: Engine,
    seen: mpsc::UnboundedReceiver<Seen>,
}

/// Settings with a heartbeat so slow that no test reaches it.
pub(crate) fn config() -> EngineConfig {
    EngineConfig {
        path: "/engine.io/".to_owned(),
        ..EngineConfig::default()
    }
}

/// Settings with a short heartbeat.
pub(crate) fn quick() -> EngineConfig {
    EngineConfig {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        ..config()
    }
}

impl Server {
    pub(crate) fn start(config: EngineConfig) -> Self {
        let (sender, seen) = mpsc::unbounded_channel();
        let engine = Engine::new(config, Echo(sender));
        let address = listen(&engine, ServeConfig::default());
        Self {
            address,
            engine,
            seen,
        }
    }

    /// Waits for the next opened connection.
    pub(crate) async fn opened(&mut self) -> Connection {
        loop {
            if let Seen::Opened(connection) = soon("a connection", self.seen.recv())
                .await
                .expect("the server runs")
            {
                return connection;
            }
        }
    }

    /// Waits for the next closed connection; returns the reason.
    pub(crate) async fn closed(&mut self) -> CloseReason {
        loop {
            if let Seen::Closed(reason) = soon("an end", self.seen.recv()).await.expect("the server runs") {
                return reason;
            }
        }
    }

    pub(crate) async fn get(&self, query: &str) -> Answer {
        self.request("GET", query, "", "").await
    }

    pub(crate) async fn post(&self, query: &str, body: &str) -> Answer {
        self.request("POST", query, "", body).await
    }

    /// Sends one request on a new connection; each of `headers` ends with `\r\n`.
    pub(crate) async fn request(&self, method: &str, query: &str, headers: &str, body: &str) -> Answer {
        let mut stream = self.begin(method, query, headers, body.len(), body).await;
        Answer::read(&mut stream).await
    }

    /// Begins a request whose body has `length` bytes, of which `body` is sent.
    pub(crate) async fn begin(
        &self,
        method: &str,
        query: &str,
        headers: &str,
        length: usize,
        body: &str,
    ) -> TcpStream {
        self.begin_with(&(self.head(method, query, headers, length) + body))
            .await
    }

    /// Sends any bytes on a new connection.
    pub(crate) async fn begin_with(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("the server listens");
        stream
            .write_all(bytes.as_bytes())
            .await
            .expect("the server reads");
        stream
    }

    pub(crate) fn head(&self, method: &str, query: &str, headers: &str, length: usize) -> String {
        format!(
            "{method} /engine.io/?{query} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n",
            self.address
        )
    }

    /// Opens a polling session; returns the query of its requests.
    pub(crate) async fn open_polling(&self) -> String {
        let answer = self.get("EIO=4&transport=polling").await;
        let handshake = answer.body.strip_prefix('0').expect("an open packet");
        let handshake: serde_json::Value = serde_json::from_str(handshake).expect("JSON");
        let sid = handshake["sid"].as_str().expect("a sid");
        format!("EIO=4&transport=polling&sid={sid}")
    }

    /// Opens a WebSocket and reads its open packet.
    pub(crate) async fn open_websocket(&self) -> Socket {
        let mut socket = self.websocket("EIO=4&transport=websocket").await;
        assert!(socket.text().await.starts_with("0{"));
        socket
    }

    /// Opens a WebSocket with the given query.
    pub(crate) async fn websocket(&self, query: &str) -> Socket {
        let url = format!("ws://{}/engine.io/?{query}", self.address);
        let (stream, _) = soon("a websocket", tokio_tungstenite::connect_async(url))
            .await
            .expect("a websocket handshake");
        Socket(stream)
    }

    /// Opens a raw WebSocket; returns it with the first bytes after the handshake response.
    pub(crate) async fn raw_websocket(&self, headers: &str) -> (TcpStream, String) {
        let request = format!(
            "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        let mut stream = self.begin_with(&request).await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(soon("an answer", stream.read_u8()).await.expect("a head"));
        }
        (stream, String::from_utf8(head).expect("a head is text"))
    }

    /// Checks that the server still serves other clients.
    pub(crate) async fn assert_serves(&self) {
        let mut socket = self.open_websocket().await;
        socket.send("4still here").await;
        assert_eq!(socket.text().await, "4still here");
    }
}

/// Serves an engine on a free port.
pub(crate) fn listen(engine: &Engine, config: ServeConfig) -> SocketAddr {
    let listener = bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(serve(listener, engine.router(), config, std::future::pending()));
    address
}

/// Response to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let length = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                let (_, length) = head.split_once("content-length: ").unwrap_or(("", "0"));
                let length: usize = length
                    .lines()
                    .next()
                    .and_then(|length| length.parse().ok())
                    .unwrap_or(0);
                break end + 4 + length;
            }
            bytes.push(soon("an answer", stream.read_u8()).await.expect("an answer"));
        };
        let head_length = bytes.len();
        bytes.resize(length, 0);
        soon("a body", stream.read_exact(&mut bytes[head_length..]))
            .await
            .expect("a body");
        let bytes_of_body = bytes.split_off(head_length);
        let head = String::from_utf8(bytes).expect("a head is text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self {
            status: status.expect("a status"),
            head: head.to_lowercase(),
            body: String::from_utf8_lossy(&bytes_of_body).into_owned(),
            bytes: bytes_of_body,
        }
    }

    /// Code in the JSON body of a refusal.
    pub(crate) fn code(&self) -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_str(&self.body).expect("a JSON body");
        body["code"].clone()
    }
}

/// WebSocket of a conforming client.
pub(crate) struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0
            .send(Message::text(text))
            .await
            .expect("the socket is open");
    }

    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) {
        self.0
            .send(Message::binary(bytes.to_vec()))
            .await
            .expect("the socket is open");
    }

    /// Next message, without pings and pongs of RFC 6455.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            match soon("a message", self.0.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("text was expected, not {other:?}"),
        }
    }

    /// Waits for the close frame; returns its code.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Some(Message::Close(frame)) => return frame.map(|CloseFrame { code, .. }| code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }
}

/// Frame of a client with this first byte and a mask of zeros.
pub(crate) fn frame(first: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match data.len() {
        short @ 0..=125 => out.push(0x80 | short as u8),
        medium @ 126..=65_535 => {
            out.push(0x80 | 126);
            out.extend((medium as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(data);
    out
}
