//! Socket.IO server with the names of the official one: [`Io`], [`Namespace`], [`Socket`], rooms, broadcasts, acks.
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
//! General rules:
//! - Events of one socket are handled in the order in which they were sent; an async handler delays its own socket only.
//! - A panic in a handler disconnects its socket only. No handler is called while a lock is held.
//! - A broadcast is encoded once. Sends and broadcasts reach a client in the order in which they were called.
//! - Arguments that do not fit a handler are reported to [`Io::on_error`], in the log and in the metrics.
//! - Everything that a client can make the server hold has a limit in [`SocketIoLimits`].

mod ack;
mod adapter;
mod backlog;
mod broadcast;
mod cluster;
mod config;
mod connect;
mod data;
mod disconnect_reason;
mod dispatcher;
mod error;
mod extract;
mod flags;
mod handler;
mod handles;
mod handshake;
mod hooks;
mod listeners;
mod namespace;
mod namespace_matcher;
mod packet_handler;
mod pending_acks;
mod recovery;
mod remote_socket;
mod responses;
mod rooms;
mod server;
mod socket;

pub use ack::AckFuture;
pub use adapter::{Adapter, AdapterEvent, AdapterSink, Health};
#[cfg(feature = "redis")]
pub use adapter::{Redis, RedisConfig, RedisError};
pub use broadcast::{BroadcastOperator, ParentBroadcast};
pub use config::{IoConfig, Recovery, SocketIoLimits};
pub use data::Data;
pub use disconnect_reason::DisconnectReason;
pub use error::{AckError, ConnectError, EmitError, NamespaceError};
pub use extract::{Auth, EventContext, Extension, ExtractError, FromSocket, State};
pub use handler::{
    ConnectHandler, ConnectOutput, EventHandler, Handler, Middleware, MiddlewareOutput, PacketMiddleware,
    ServerEventHandler,
};
pub use handles::{AckSender, Io, Namespace, ParentNamespace, Socket};
pub use handshake::Handshake;
pub use hooks::{ConnectRefused, ErrorKind, ErrorReport, ReconnectFailed, Reconnected, Reconnecting};
pub use listeners::{IncomingEvent, ListenerId};
pub use namespace_matcher::NamespaceMatcher;
pub use packet_handler::PacketHandler;
#[doc(no_inline)]
pub use pesan::socketio::{
    Ack, ArgReader, Args, ArgsError, Event, FromArg, HandlerOutput, NoAck, Parser, Spread, Value, from_value,
    to_value,
};
pub use remote_socket::{FetchedSockets, RemoteSocket};
pub use responses::{NodeResponses, Responses};
pub use rooms::RoomNames;
pub use socket::Emitter;
