//! A Socket.IO server for Rust, and the chat that is built on it.

pub mod admin;
pub mod app;
pub mod auth;
pub mod chat;
pub mod cli;
pub mod config;
pub mod engineio;
pub mod http;
pub mod log;
pub mod shutdown;
pub mod socketio;

/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
