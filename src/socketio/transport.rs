//! Transports of the client, and the platform they run on: browser (`web`), tokio (`native`), or neither (`stub`).
//!
//! Transports report to a [`TransportHandler`] and know nothing of the client that implements it.

mod config;
mod events;
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
mod native;
mod polling;
#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
mod stub;
#[cfg(target_arch = "wasm32")]
mod web;

pub(crate) use config::{NoRuntime, TransportConfig};
pub(crate) use events::{NetworkEvent, TransportEvent, TransportEventSink, TransportHandler};
#[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
pub(crate) use native::cookies::Cookies;
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
pub(crate) use native::{Clock, NetworkMonitor, Platform, Timer, Transport};
#[cfg(all(test, not(target_arch = "wasm32"), feature = "native"))]
pub(crate) use polling::{HttpClient, HttpResponse, PollingTransport};
#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
pub(crate) use stub::{Clock, NetworkMonitor, Platform, Timer, Transport};
#[cfg(target_arch = "wasm32")]
pub(crate) use web::{Clock, NetworkMonitor, Platform, Timer, Transport};
