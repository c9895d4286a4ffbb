//! HTTP: the page's files, health, metrics, and what goes on to Socket.IO.
//!
//! [`app`](crate::app::app) has every route on one page, [`security_headers`] every layer. [`serve`] accepts
//! connections.

pub(crate) mod accept_encoding;
pub mod assets;
pub mod csp;
pub mod health;
pub mod security_headers;
pub mod serve;
