//! The pesan client over TLS: `wss:` and `https:`, with a server certificate of a private authority.

use std::path::Path;
use std::time::Duration;

use pesan::socketio::proto::TransportKind;
use pesan::socketio::{Options, Socket as Client};
use pesan_server::engineio::EngineConfig;
use pesan_server::http::serve::{ServeConfig, Tls, bind, serve};
use pesan_server::socketio::{AckSender, Io, Socket};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// Starts a TLS server that acknowledges `echo`; returns its address and the certificate to trust.
fn start() -> (String, Vec<u8>) {
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        socket.on("echo", |_: Socket, text: String, ack: AckSender| ack.send(text));
    });
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/tls");
    let certificate = files.join("certificate.pem");
    let mut config = ServeConfig::default();
    config.tls = Some(Tls::from_files(&certificate, &files.join("key.pem")).expect("they go together"));
    let listener = bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let port = listener.local_addr().expect("just bound").port();
    let app = io.engine(EngineConfig::default()).router();
    tokio::spawn(serve(listener, app, config, std::future::pending()));
    let certificate = std::fs::read(certificate).expect("readable");
    (format!("https://localhost:{port}"), certificate)
}

#[tokio::test]
async fn pesan_client_over_tls_works_with_both_transports() {
    let (url, certificate) = start();
    for kind in [TransportKind::WebSocket, TransportKind::Polling] {
        let options = Options::new().ca(&certificate).transports([kind]).force_new();
        let socket = Client::open(&url, options).expect("a good address");
        let text = "x".repeat(100_000);
        let answer = socket
            .timeout(PATIENCE)
            .emit_with_ack::<String>("echo", text.as_str());
        assert_eq!(answer.await.as_deref(), Ok(text.as_str()), "{kind:?}");
    }
}

#[tokio::test]
async fn certificate_not_trusted_is_refused() {
    let (url, _) = start();
    for (ca, reason) in [
        ("", "certificate"),
        ("no certificate", "`ca` contains no certificate"),
    ] {
        let mut options = Options::new().auto_connect(false).force_new();
        if !ca.is_empty() {
            options = options.ca(ca);
        }
        let socket = Client::open(&url, options.timeout(Duration::from_secs(5))).expect("a good address");
        let (sender, mut errors) = mpsc::unbounded_channel();
        socket.on("connect_error", move |error: String| drop(sender.send(error)));
        socket.connect();
        let error = timeout(PATIENCE, errors.recv())
            .await
            .expect("in time")
            .expect("an error");
        assert!(error.contains(reason), "{error}");
    }
}
