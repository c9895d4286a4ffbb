//! A Socket.IO server for Rust, and the chat that is built on it.

pub mod access;
pub mod admin;
pub mod chat;
pub mod config;
pub mod engineio;
pub mod http;
pub mod log;
pub mod socketio;
pub mod state;

/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
