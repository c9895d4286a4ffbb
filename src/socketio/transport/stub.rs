//! Platform of a host without the feature `native`: transports never open.
//!
//! It makes a page's code compile, so that it can be checked, documented and rendered, on a host where it cannot connect.

use std::time::Instant;

use super::config::{NoRuntime, TransportConfig};
use super::events::{NetworkEvent, TransportEventSink};
use crate::socketio::codec::Frame;
use crate::socketio::proto::{CloseInfo, Connection, Timestamp, TransportId, TransportKind};
use crate::socketio::sync::{BoxFuture, MaybeSend, Shared};

/// Clock of the host.
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&mut self) -> Timestamp {
        Timestamp::default() + self.0.elapsed()
    }
}

/// Timer that is never due.
pub(crate) struct Timer;

impl Timer {
    pub(crate) fn set(&mut self, _millis: u64) {}
}

/// Transport that never opens.
pub(crate) struct Transport;

impl Transport {
    pub(crate) fn send(&self, _frame: Frame) -> Result<(), CloseInfo> {
        Ok(())
    }

    pub(crate) fn flush(&self, _connection: &mut Connection, _id: TransportId) {}

    pub(crate) fn written(&self) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }

    pub(crate) fn ended(&self) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }

    pub(crate) fn pause(&self) {}
}

/// Reports nothing.
pub(crate) struct NetworkMonitor;

/// Runs nothing.
pub(crate) struct Platform;

impl Platform {
    pub(crate) fn current() -> Result<Self, NoRuntime> {
        Ok(Self)
    }

    pub(crate) fn location() -> Option<String> {
        None
    }

    pub(crate) fn is_same(&self, _other: &Self) -> bool {
        true
    }

    pub(crate) fn seed(&self) -> u64 {
        0
    }

    pub(crate) fn timer(&self, _wake: impl Fn() + 'static) -> Timer {
        Timer
    }

    pub(crate) fn network_monitor(&self, _notify: impl Fn(NetworkEvent) + Clone + 'static) -> NetworkMonitor {
        NetworkMonitor
    }

    pub(crate) fn spawn(&self, _future: BoxFuture<()>) -> Box<dyn MaybeSend> {
        Box::new(())
    }

    pub(crate) fn open(
        &self,
        _kind: TransportKind,
        _url: &str,
        _config: &Shared<TransportConfig>,
        _events: TransportEventSink,
    ) -> Result<Transport, CloseInfo> {
        Ok(Transport)
    }
}
