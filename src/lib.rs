//! pesan brings Socket.IO to Rust: a client for the browser and for tokio, and a chat built on it.

#[doc(hidden)]
pub mod chat;
pub mod protocol;
pub mod socketio;
