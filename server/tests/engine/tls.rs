//! HTTPS and WSS: the engine over a stream that only the connection's own task can write to.

use std::path::Path;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use pesan_server::engine::{Group, Outgoing};
use pesan_server::http::serve::{ServeConfig, Tls};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;

use super::harness::{Server, config, listen, soon};

#[tokio::test]
async fn a_websocket_over_tls_gets_everything_in_order() {
    let mut server = Server::start(config());
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/tls");
    let mut serving = ServeConfig::default();
    let tls = Tls::from_files(&files.join("certificate.pem"), &files.join("key.pem"));
    serving.tls = Some(tls.expect("certificate and key go together"));
    let address = listen(&server.engine, serving);

    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(files.join("certificate.pem")).expect("a certificate");
    roots.add(certificate).expect("a usable certificate");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.expect("the server listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let connecting = TlsConnector::from(Arc::new(client)).connect(name, stream);
    let stream = soon("TLS", connecting).await.expect("a TLS handshake");
    let url = "wss://localhost/engine.io/?EIO=4&transport=websocket";
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream)
        .await
        .expect("a websocket");

    let connection = server.opened().await;
    let group = Group::new([connection]);
    let large = "x".repeat(300_000);
    for number in 0..10 {
        group.send(&Outgoing::from_frame(&format!("{number}{large}").into()));
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
