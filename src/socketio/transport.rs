//! Transports of the client: browser or tokio, and what they share.

mod events;
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
mod native;
mod polling;
mod stub;
#[cfg(all(feature = "web", target_arch = "wasm32"))]
mod web;

pub(crate) use events::{Port, Report};
pub(crate) use polling::{Http, Polling, Response};
pub(crate) use stub::{Clock, Platform, Timer, Transport, Wakeup, Wakeups};
