//! pesan brings Socket.IO to Rust: a client for the browser and for tokio, and a chat built on it.

#[cfg(feature = "app")]
#[doc(hidden)]
pub mod app;
#[doc(hidden)]
pub mod chat;
#[cfg(feature = "app")]
#[doc(hidden)]
pub mod components;
#[cfg(feature = "app")]
#[doc(hidden)]
pub mod composables;
#[cfg(feature = "app")]
#[doc(hidden)]
pub mod contexts;
pub mod protocol;
#[cfg(feature = "app")]
#[doc(hidden)]
pub mod services;
pub mod socketio;
