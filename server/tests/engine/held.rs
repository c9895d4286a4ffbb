//! A session that is busy, and what waits meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use pesan::socketio::Frame;
use pesan_server::engine::{
    CloseReason, Connection, Engine, HandshakeRequest, Protocol, Session,
};
use pesan_server::http::serve::ServeConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::harness::{Answer, config, listen, soon};

/// Takes one message, and then no more.
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
async fn a_busy_session_holds_one_body_however_many_are_given_up() {
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
