//! HTTP: the page's files, health, metrics, and what goes on to Socket.IO.
//!
//! `app` has every route on one page, `security_headers` every layer. [`serve`] accepts
//! connections.

pub(crate) mod accept_encoding;
#[cfg(feature = "chat")]
pub mod assets;
#[cfg(feature = "chat")]
pub mod csp;
#[cfg(feature = "chat")]
pub mod health;
#[cfg(feature = "chat")]
pub mod security_headers;
pub mod serve;
