//! Socket.IO server in the official vocabulary: [`Io`], [`Namespace`], [`Socket`], rooms, broadcasts, acks.
//!
//! ```
//! use pesan_server::socketio::{Io, Socket};
//!
//! let io = Io::default();
//! io.on_connection(|socket: Socket| {
//!     socket.on("pesan", |socket: Socket, message: String| socket.io().emit("pesan", message));
//! });
//! ```
//!
//! Rules that hold everywhere:
//! - Events of one socket are handled in the order in which they came; an async handler holds up its own socket only.
//! - A handler that panics ends its socket, nothing else. No handler is called while a lock is held.
//! - A broadcast is encoded once. Sends and broadcasts reach a client in the order in which they were called.
//! - What a handler cannot take is reported by [`Io::on_error`], in the log and in the metrics.
//! - Whatever a client can make the server hold has a cap in [`Limits`].

mod ack;
mod acks;
mod adapter;
mod admission;
mod args;
mod backlog;
mod client;
mod cluster;
mod config;
mod data;
mod emitter;
mod entering;
mod error;
mod handler;
mod handshake;
mod hooks;
mod listeners;
mod namespace;
mod operator;
mod parent;
mod reason;
mod recovery;
mod remote;
mod responses;
mod rooms;
mod server;
mod session;
mod socket;
mod task;

pub use ack::Ack;
pub use adapter::{Adapter, Arrival, Health, Inbox, Redis, RedisConfig, RedisError};
pub use args::Args;
pub use config::{IoConfig, Limits, Recovery};
pub use data::Data;
pub use emitter::{Answer, Emitter};
pub use error::{AckError, ConnectError, EmitError, NamespaceError};
pub use handler::{ConnectHandler, EventHandler, Handler, Incoming, Middleware, Outcome, PacketMiddleware};
pub use handshake::Handshake;
pub use hooks::{ConnectRefused, ErrorKind, ErrorReport, ReconnectFailed, Reconnected, Reconnecting};
pub use listeners::ListenerId;
pub use namespace::Namespace;
pub use operator::BroadcastOperator;
pub use parent::{Parent, Rule};
#[doc(no_inline)]
pub use pesan::socketio::Parser;
pub use reason::DisconnectReason;
pub use remote::{FetchedSockets, RemoteSocket};
pub use responses::{NodeResponses, Responses};
pub use rooms::RoomNames;
pub use server::Io;
pub use session::Session;
pub use socket::Socket;
