//! Echo server on `PORT`, for protocol test suites.
//!
//! - `/engine.io/` echoes every Engine.IO message, text and binary.
//! - `/socket.io/` has the namespaces `/` and `/custom`. On connection it emits `auth` with the auth payload; `message`
//!   is answered by `message-back` with the same arguments, `message-with-ack` acks the same arguments.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use pesan::socketio::Frame;
use pesan_server::engineio::{
    CloseReason, Connection, EncodedMessage, Engine, EngineConfig, HandshakeRequest, Protocol, Session,
};
use pesan_server::http::serve::{ServeConfig, bind, serve};
use pesan_server::socketio::{AckSender, Args, Io, IoConfig, Socket};

/// Sends every message back.
struct Echo;

struct Client(Connection);

impl Protocol for Echo {
    type Session = Client;

    fn open(&self, connection: Connection, _: Arc<HandshakeRequest>) -> Client {
        Client(connection)
    }
}

impl Session for Client {
    fn receive(&mut self, message: Frame) {
        self.0.send(&EncodedMessage::from_frame(&message));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn closed(self, _: CloseReason) {}
}

/// Settings of both paths.
fn config(path: &str) -> EngineConfig {
    EngineConfig {
        path: path.to_owned(),
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        max_payload: 1_000_000,
        ..EngineConfig::default()
    }
}

/// The same for Socket.IO events.
fn echo() -> Io {
    let io = Io::new(IoConfig {
        connect_timeout: Duration::from_millis(1000),
        ..IoConfig::default()
    });
    for name in ["/", "/custom"] {
        io.of(name)
            .expect("a legal name")
            .on_connection(|socket: Socket| {
                socket.on("message", |socket: Socket, args: Args| {
                    socket.emit("message-back", args)
                });
                socket.on("message-with-ack", |_: Socket, args: Args, ack: AckSender| {
                    ack.send(args)
                });
                socket.emit("auth", socket.handshake().auth.clone())
            });
    }
    io
}

// One thread: requests of different connections are then handled in the order in which they came, as suites expect.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok());
    let listener = bind(([127, 0, 0, 1], port.unwrap_or(3000)).into())?;
    let io = echo();
    let app = Engine::new(config("/engine.io/"), Echo).router();
    let app = app.merge(io.engine(config("/socket.io/")).router());
    serve(listener, app, ServeConfig::default(), std::future::pending()).await;
    Ok(())
}
