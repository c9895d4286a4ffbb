//! Sessions that are full, and a server after a standstill: what is buffered meanwhile, and which sessions survive.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pesan::socketio::Frame;
use pesan_server::engineio::{
    CloseReason, Connection, Engine, EngineConfig, HandshakeRequest, Protocol, Session,
};
use pesan_server::http::serve::ServeConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::harness::{Answer, Server, config, listen, quick, soon};

/// Accepts one message, then is full.
struct Busy(mpsc::UnboundedSender<CloseReason>);

struct Taken(mpsc::UnboundedSender<CloseReason>, bool);

impl Protocol for Busy {
    type Session = Taken;

    fn open(&self, _: Connection, _: Arc<HandshakeRequest>) -> Taken {
        Taken(self.0.clone(), false)
    }
}

impl Session for Taken {
    fn receive(&mut self, _: Frame) {
        self.1 = true;
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        if self.1 { Poll::Pending } else { Poll::Ready(()) }
    }

    fn closed(self, reason: CloseReason) {
        self.0.send(reason).unwrap_or_default();
    }
}

async fn request(address: SocketAddr, method: &str, query: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let head = format!(
        "{method} /engine.io/?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    stream
}

#[tokio::test]
async fn session_full_with_aborted_posts_holds_one_body() {
    let (sender, mut closed) = mpsc::unbounded_channel();
    let engine = Engine::new(config(), Busy(sender));
    let address = listen(&engine, ServeConfig::default());
    let mut open = request(address, "GET", "EIO=4&transport=polling", "").await;
    let open = Answer::read(&mut open).await.body;
    let open: serde_json::Value = serde_json::from_str(&open[1..]).expect("JSON");
    let session = format!(
        "EIO=4&transport=polling&sid={}",
        open["sid"].as_str().expect("a sid")
    );
    let body = format!("4a\u{1e}4{}", "b".repeat(100_000));
    let given_up = request(address, "POST", &session, &body).await;
    let arrived = async || {
        for _ in 0..20 {
            let mut refused = request(address, "GET", "EIO=4", "").await;
            assert_eq!(Answer::read(&mut refused).await.status, 400);
        }
    };
    arrived().await;
    drop(given_up);
    arrived().await;
    let mut next = request(address, "POST", &session, &body).await;
    assert_eq!(Answer::read(&mut next).await.status, 400);
    assert_eq!(
        soon("an end", closed.recv()).await,
        Some(CloseReason::TransportError)
    );
}

#[test]
fn server_after_a_standstill_pings_before_closing_sessions() {
    let (sender, address) = std::sync::mpsc::channel();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let (stand, mut standing) = mpsc::unbounded_channel::<()>();
    let serving = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let server = Server::start(EngineConfig {
                ping_interval: Duration::from_millis(300),
                ping_timeout: Duration::from_millis(300),
                ..quick()
            });
            sender.send(server.address).expect("the test listens");
            loop {
                tokio::select! {
                    Some(()) = standing.recv() => std::thread::sleep(Duration::from_millis(1000)),
                    _ = &mut stopped => break,
                }
            }
        });
    });
    let address = address.recv().expect("the server starts");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = format!("ws://{address}/engine.io/?EIO=4&transport=websocket");
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("a handshake");
        let mut socket = super::harness::Socket(socket);
        assert!(socket.text().await.starts_with("0{"));
        stand.send(()).expect("the server runs");
        for _ in 0..3 {
            assert_eq!(socket.text().await, "2");
            socket.send("3").await;
        }
    });
    stop.send(()).expect("the server runs");
    serving.join().expect("no panic");
}
