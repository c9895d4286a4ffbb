//! A Socket.IO server for Rust, and the chat that is built on it.
//!
//! [`socketio`] is the server for programs of your own, on [`engineio`]; [`http::serve`] is an accept loop for it, and the
//! engine is a tower service for any other. Everything else is the chat of the binary, which the feature `chat` adds.
//!
//! ```no_run
//! use pesan_server::socketio::{Io, Socket};
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let io = Io::default();
//!     io.on_connection(|socket: Socket| {
//!         socket.on("pesan", |socket: Socket, text: String| socket.io().emit("pesan", text));
//!     });
//!     io.listen("127.0.0.1:5000").await
//! }
//! ```
//!
//! # Features
//! | feature | adds |
//! | --- | --- |
//! | `axum` | `Engine::router` for an axum application, and the client's address from its `ConnectInfo` |
//! | `redis` | `socketio::Redis`, the adapter that connects several nodes |
//! | `deflate` | compression of WebSocket messages and of polling responses |
//! | `tls` | TLS in the accept loop |
//! | `metrics` | counters and gauges for a recorder of the crate `metrics` |
//! | `chat` (default) | the chat: history in SQLite and Redis, the page's files, the command line; and all of the above |

#[cfg(feature = "chat")]
pub mod admin;
#[cfg(feature = "chat")]
pub mod app;
#[cfg(feature = "chat")]
pub mod auth;
#[cfg(feature = "chat")]
pub mod chat;
#[cfg(feature = "chat")]
pub mod cli;
#[cfg(feature = "chat")]
pub mod config;
pub mod engineio;
pub mod http;
#[cfg(feature = "chat")]
pub mod log;
pub mod log_limit;
mod meter;
#[cfg(feature = "chat")]
pub mod shutdown;
pub mod socketio;
