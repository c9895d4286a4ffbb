//! The platform of the browser: timer, clock, tasks and transports, on pages and in workers.
//!
//! A connection owns one WebSocket or the requests of polling, one timer, and listeners to network and visibility. All
//! of it is released when the last handle is dropped.

mod clock;
mod http;
mod network_events;
mod websocket;

use std::rc::Rc;

use futures_util::future::{AbortHandle, Abortable};
use gloo_timers::callback::Timeout;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::WorkerGlobalScope;

pub(crate) use clock::Clock;
pub(crate) use network_events::NetworkMonitor;

use super::config::{NoRuntime, TransportConfig};
use super::events::{NetworkEvent, TransportEventSink};
use super::polling::PollingTransport;
use crate::socketio::codec::Frame;
use crate::socketio::proto::{CloseInfo, Connection, TransportId, TransportKind};
use crate::socketio::sync::{BoxFuture, MaybeSend, Shared};

/// Page or worker.
pub(crate) struct Platform;

impl Platform {
    pub(crate) fn current() -> Result<Self, NoRuntime> {
        Ok(Self)
    }

    /// URL of the page or worker.
    pub(crate) fn location() -> Option<String> {
        match web_sys::window() {
            Some(window) => window.location().href().ok(),
            None => {
                let worker: Option<WorkerGlobalScope> = js_sys::global().dyn_into().ok();
                worker.map(|worker| worker.location().href())
            }
        }
    }

    /// Always true: there is only one event loop.
    pub(crate) fn is_same(&self, _other: &Self) -> bool {
        true
    }

    /// Random seed.
    pub(crate) fn seed(&self) -> u64 {
        let half = || (js_sys::Math::random() * f64::from(u32::MAX)) as u64;
        half() << 32 | half()
    }

    pub(crate) fn timer(&self, wake: impl Fn() + 'static) -> Timer {
        Timer::new(wake)
    }

    /// Monitor of the network and of the page's visibility.
    pub(crate) fn network_monitor(&self, notify: impl Fn(NetworkEvent) + 'static) -> NetworkMonitor {
        NetworkMonitor::listen(notify)
    }

    /// Runs a future until it ends or the returned guard is dropped.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) -> Box<dyn MaybeSend> {
        Box::new(Task::spawn(future))
    }

    /// Starts opening a transport, which reports to `events`.
    pub(crate) fn open(
        &self,
        kind: TransportKind,
        url: &str,
        config: &Shared<TransportConfig>,
        events: TransportEventSink,
    ) -> Result<Transport, CloseInfo> {
        match kind {
            TransportKind::WebSocket => websocket::WebSocket::open(url, config, &events)
                .map(Transport::WebSocket)
                .map_err(|_| CloseInfo::failed("websocket refused by the browser")),
            TransportKind::Polling => {
                let requests = http::Requests::new(Shared::clone(config));
                PollingTransport::open(requests, url, events, config.max_unsent_bytes).map(Transport::Polling)
            }
        }
    }
}

/// Open or opening transport; closed when dropped.
pub(crate) enum Transport {
    WebSocket(websocket::WebSocket),
    Polling(PollingTransport<http::Requests>),
}

impl Transport {
    /// Sends a frame, or queues it.
    ///
    /// # Errors
    /// How the transport ends, when too many bytes wait.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        match self {
            Self::WebSocket(socket) => socket.send(frame),
            Self::Polling(polling) => polling.send(frame),
        }
    }

    /// Sends what polling has queued.
    pub(crate) fn flush(&self, connection: &mut Connection, id: TransportId) {
        match self {
            Self::Polling(polling) => polling.flush(connection, id),
            Self::WebSocket(_) => {}
        }
    }

    /// Completes when everything that was sent has left the browser's buffer, or the transport has ended.
    pub(crate) fn written(&self) -> BoxFuture<()> {
        match self {
            Self::WebSocket(socket) => Box::pin(socket.written()),
            Self::Polling(polling) => Box::pin(polling.written()),
        }
    }

    /// Completes when the transport has ended, which begins when it is dropped.
    pub(crate) fn ended(&self) -> BoxFuture<()> {
        match self {
            Self::WebSocket(socket) => Box::pin(socket.ended()),
            Self::Polling(polling) => Box::pin(polling.ended()),
        }
    }

    pub(crate) fn pause(&self) {
        match self {
            Self::Polling(polling) => polling.pause(),
            Self::WebSocket(_) => {}
        }
    }
}

/// Timer that can be set again; cancelled when dropped.
pub(crate) struct Timer {
    wake: Rc<dyn Fn()>,
    timeout: Option<Timeout>,
}

impl Timer {
    /// Timer that calls `wake` whenever it is due.
    pub(crate) fn new(wake: impl Fn() + 'static) -> Self {
        Self {
            wake: Rc::new(wake),
            timeout: None,
        }
    }

    /// Sets the time of the next call, in place of the one before.
    ///
    /// Browsers hold delays in 31 bits; a longer one calls early, which does no harm.
    pub(crate) fn set(&mut self, millis: u64) {
        let millis = u32::try_from(millis).unwrap_or(u32::MAX).min(i32::MAX as u32);
        let wake = Rc::clone(&self.wake);
        self.timeout = Some(Timeout::new(millis, move || wake()));
    }
}

/// Running future; cancelled when dropped.
struct Task(AbortHandle);

impl Task {
    /// Starts a future in the next microtask.
    fn spawn(future: BoxFuture<()>) -> Self {
        let (handle, registration) = AbortHandle::new_pair();
        let future = Abortable::new(future, registration);
        spawn_local(async move {
            if future.await.is_err() {
                // Cancelled: nothing to do.
            }
        });
        Self(handle)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::pending;
    use std::rc::Rc;

    use gloo_timers::future::TimeoutFuture;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn task_dropped_drops_its_future() {
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let task = Task::spawn(Box::pin(async move {
            counted.set(counted.get() + 1);
            pending::<()>().await;
        }));
        assert_eq!(polls.get(), 0, "nothing runs at once");
        TimeoutFuture::new(1).await;
        assert_eq!((polls.get(), Rc::strong_count(&polls)), (1, 2));
        drop(task);
        TimeoutFuture::new(1).await;
        assert_eq!(Rc::strong_count(&polls), 1);
    }

    #[wasm_bindgen_test]
    async fn task_finished_drops_its_future() {
        let ended = Rc::new(Cell::new(false));
        let end = Rc::clone(&ended);
        let _task = Task::spawn(Box::pin(async move { end.set(true) }));
        TimeoutFuture::new(1).await;
        assert!(ended.get());
        assert_eq!(Rc::strong_count(&ended), 1);
    }
}
