//! HTTPS and WSS: the engine over a stream that only the session task can write to.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use pesan_server::engineio::{EncodedMessage, EngineConfig, EngineLimits, Group};
use pesan_server::http::serve::{ServeConfig, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;

use super::harness::{Server, config, frame, listen, soon};

/// Serves the engine over TLS.
fn listen_securely(server: &Server) -> SocketAddr {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/tls");
    let mut serving = ServeConfig::default();
    let tls = Tls::from_files(&files.join("certificate.pem"), &files.join("key.pem"));
    serving.tls = Some(tls.expect("certificate and key go together"));
    listen(&server.engine, serving)
}

/// A TLS connection that knows the server's certificate.
async fn secure(stream: TcpStream) -> TlsStream<TcpStream> {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/tls");
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(files.join("certificate.pem")).expect("a certificate");
    roots.add(certificate).expect("a usable certificate");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = TlsConnector::from(Arc::new(client)).connect(name, stream);
    soon("TLS", connecting).await.expect("a TLS handshake")
}

#[tokio::test]
async fn websocket_over_tls_gets_all_messages_in_order() {
    let mut server = Server::start(config());
    let address = listen_securely(&server);
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let stream = secure(stream).await;
    let url = "wss://localhost/engine.io/?EIO=4&transport=websocket";
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .expect("a websocket");

    let connection = server.opened().await;
    let group = Group::new([connection]);
    let large = "x".repeat(300_000);
    for number in 0..10 {
        group.send(&EncodedMessage::from_frame(&format!("{number}{large}").into()));
    }
    assert!(matches!(
        soon("the open packet", socket.next()).await,
        Some(Ok(Message::Text(_)))
    ));
    for number in 0..10 {
        let message = soon("a broadcast", socket.next()).await.expect("an open socket");
        let text = message.expect("a message").into_text().expect("text");
        assert_eq!(text.as_str(), format!("4{number}{large}"));
    }
    socket.send(Message::text("4echo")).await.expect("an open socket");
    let echo = soon("an echo", socket.next()).await.expect("an open socket");
    assert_eq!(echo.expect("a message"), Message::text("4echo"));
    socket.close(None).await.expect("an open socket");
    server.closed().await;
}

#[tokio::test]
async fn message_larger_than_the_queue_reaches_a_reading_tls_client() {
    let limits = EngineLimits {
        max_queued_bytes: 1 << 20,
        ..EngineLimits::default()
    };
    let mut server = Server::start(EngineConfig { limits, ..config() });
    let address = listen_securely(&server);
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let url = "wss://localhost/engine.io/?EIO=4&transport=websocket";
    let (mut socket, _) = tokio_tungstenite::client_async(url, secure(stream).await)
        .await
        .expect("a websocket");
    let connection = server.opened().await;
    let message = EncodedMessage::from_frame(&"x".repeat(12 << 20).into());
    connection.send(&message);
    let group = Group::new([connection.clone()]);
    group.send(&message);
    group.send(&EncodedMessage::from_frame(&"last".into()));
    for length in [None, Some(1 + (12 << 20)), Some(1 + (12 << 20)), Some(5)] {
        let message = soon("a message", socket.next()).await.expect("an open socket");
        let text = message.expect("a message").into_text().expect("text");
        assert!(length.is_none_or(|length| text.len() == length), "{}", text.len());
    }
    assert_eq!(connection.buffered(), 0);
    assert!(!connection.is_closed());
}

#[tokio::test]
async fn upgrade_over_tls_with_unread_probe_response_is_not_corrupted() {
    let server = Server::start(config());
    let address = listen_securely(&server);
    let session = server.open_polling().await.replace("polling", "websocket");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(8192).expect("a small buffer");
    let stream = socket.connect(address).await.expect("the server listens");
    let mut stream = secure(stream).await;
    let request = format!(
        "GET /engine.io/?{session} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("an answer", stream.read_u8()).await.expect("a head"));
    }
    let ping = |number: u32| frame(0x89, format!("{number:0125}").as_bytes());
    for hundred in 0..1000 {
        let pings = (100 * hundred..100 * (hundred + 1)).flat_map(ping);
        if stream.write_all(&pings.collect::<Vec<_>>()).await.is_err() {
            return; // The server has given up.
        }
        tokio::task::yield_now().await;
    }
    for number in 0..100_000 {
        // The echo is sent together with the rest.
        if number % 100 == 0 && stream.write_all(&ping(100_000 + number / 100)).await.is_err() {
            return;
        }
        let mut pong = [0; 127];
        if soon("a pong or the end", stream.read_exact(&mut pong))
            .await
            .is_err()
        {
            return;
        }
        assert_eq!(String::from_utf8_lossy(&pong[2..]), format!("{number:0125}"));
        assert_eq!(pong[..2], [0x8a, 125]);
    }
}
