//! pesan brings Socket.IO to Rust: a client for the browser and for tokio, and a chat built on it.

pub mod chat;
pub mod messages;
pub mod socketio;
