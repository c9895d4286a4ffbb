//! Engine.IO 4 server: sessions over WebSocket and HTTP long-polling, upgrade, heartbeat, limits, and broadcasts that are
//! framed once.
//!
//! A [`Protocol`] such as [`socketio`](crate::socketio) gives meaning to the messages. Requests arrive through
//! `Engine::router` (feature `axum`), the tower service [`Engine`], or [`Engine::handle`]. With [`http::serve`](crate::http::serve) as the accept loop, the engine gets
//! the raw TCP sockets, which its hubs write to directly.
//!
//! ```
//! use std::sync::Arc;
//! use std::task::{Context, Poll};
//! use pesan::socketio::Frame;
//! use pesan_server::engineio::*;
//!
//! struct Echo;
//! struct Client(Connection);
//!
//! impl Protocol for Echo {
//!     type Session = Client;
//!     fn open(&self, connection: Connection, _: Arc<HandshakeRequest>) -> Client {
//!         Client(connection)
//!     }
//! }
//!
//! impl Session for Client {
//!     fn receive(&mut self, message: Frame) {
//!         self.0.send(&EncodedMessage::from_frame(&message));
//!     }
//!     fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
//!         Poll::Ready(())
//!     }
//!     fn closed(self, _: CloseReason) {}
//! }
//!
//! let engine = Engine::new(EngineConfig { path: "/engine.io/".to_owned(), ..EngineConfig::default() }, Echo);
//! # drop(engine);
//! ```

#[cfg(feature = "axum")]
mod axum;
mod body;
mod close_reason;
mod compression;
mod config;
mod connection;
mod connection_state;
mod cors;
#[cfg(feature = "chat")]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod hub;
mod memory;
mod message;
mod polling;
mod protocol;
mod refusal;
mod send_queue;
mod service;
mod session;
mod session_registry;
pub(crate) mod turn;
mod websocket;

pub use body::ResponseBody;
pub use close_reason::CloseReason;
#[cfg(feature = "deflate")]
pub use config::Deflate;
pub use config::{AllowRequest, Cookie, EngineConfig, EngineLimits, OnConnectionError};
pub use connection::{Connection, Group, SendError, Transport};
pub use cors::{Cors, Origins};
pub(crate) use handshake::random_id;
pub use handshake::{HandshakeRequest, Headers, Peer};
pub use message::EncodedMessage;
pub use protocol::{Protocol, Session};
pub use refusal::{ConnectionError, RefuseCode};
pub use service::Engine;
