//! Transports of the client, and the platform they run on: browser (`web`), tokio (`native`), or neither (`stub`).
//!
//! Transports report to a [`TransportHandler`] and know nothing of the client that implements it.

mod events;
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
mod native;
mod polling;
#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
mod stub;
#[cfg(target_arch = "wasm32")]
mod web;

pub(crate) use events::{TransportEvent, TransportEventSink, TransportHandler};
#[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
pub(crate) use native::{Clock, NetworkMonitor, Platform, Timer, Transport};
#[cfg(all(test, not(target_arch = "wasm32"), feature = "native"))]
pub(crate) use polling::{HttpClient, HttpResponse, PollingTransport};
#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
pub(crate) use stub::{Clock, NetworkMonitor, Platform, Timer, Transport};
#[cfg(target_arch = "wasm32")]
pub(crate) use web::{Clock, NetworkMonitor, Platform, Timer, Transport};

/// Settings that concern the transports alone.
pub(crate) struct TransportConfig {
    pub(crate) protocols: Vec<String>,
    pub(crate) extra_headers: Vec<(String, String)>,
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "only browsers have cookies to send")
    )]
    pub(crate) with_credentials: bool,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) ca: Vec<u8>,
    #[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
    pub(crate) max_frame_bytes: usize,
    pub(crate) max_unsent_bytes: usize,
}

/// Change of the network or of the page's visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "only browsers report these events")
)]
pub(crate) enum NetworkEvent {
    /// The network is available again.
    Online,
    /// The network was lost.
    Offline,
    /// The page is visible again.
    Visible,
}

/// The caller is not inside a tokio runtime.
#[derive(Debug)]
pub(crate) struct NoRuntime;
