//! HTTP: accept loop ([`serve`]), files of the page, security headers, health and metrics.
//!
//! `app` has all routes on one page, `security_headers` all layers.

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
