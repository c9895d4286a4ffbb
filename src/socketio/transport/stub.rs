//! What a target gives: transports, a timer, a clock, tasks, chance.
//!
//! In the browser and on tokio these are real. On a host without the feature `native` there is a stand-in that opens
//! nothing, so that a page's code compiles, and can be checked and documented, where it cannot run.

#[cfg(all(not(target_arch = "wasm32"), feature = "native"))]
pub(crate) use super::native::{Clock, Platform, Timer, Transport, Wakeups};
#[cfg(target_arch = "wasm32")]
pub(crate) use super::web::{Clock, Platform, Timer, Transport, Wakeups};
#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
pub(crate) use absent::{Clock, Platform, Timer, Transport, Wakeups};

/// What the surroundings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(dead_code, reason = "only a browser says so")
)]
pub(crate) enum Wakeup {
    /// The network is back.
    Online,
    /// There is no network.
    Offline,
    /// The page is seen again.
    Visible,
}

#[cfg(not(any(target_arch = "wasm32", feature = "native")))]
mod absent {
    use std::time::Instant;

    use super::super::events::Port;
    use super::Wakeup;
    use crate::socketio::client::{OpenError, Settings};
    use crate::socketio::proto::{CloseInfo, Machine, TransportId, TransportKind};
    use crate::socketio::sync::{BoxFuture, MaybeSend, Shared};
    use crate::socketio::{Frame, Timestamp};

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

        pub(crate) fn flush(&self, _machine: &mut Machine, _id: TransportId) {}

        pub(crate) fn pause(&self) {}
    }

    /// Nothing to listen to.
    pub(crate) struct Wakeups;

    /// Nothing to run in.
    pub(crate) struct Platform;

    impl Platform {
        pub(crate) fn current() -> Result<Self, OpenError> {
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

        pub(crate) fn wakeups(&self, _wake: impl Fn(Wakeup) + Clone + 'static) -> Wakeups {
            Wakeups
        }

        pub(crate) fn spawn(&self, _future: BoxFuture<()>) -> Box<dyn MaybeSend> {
            Box::new(())
        }

        pub(crate) fn open(
            &self,
            _kind: TransportKind,
            _url: &str,
            _settings: &Shared<Settings>,
            _port: Port,
        ) -> Result<Transport, CloseInfo> {
            Ok(Transport)
        }
    }
}
