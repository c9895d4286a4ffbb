//! The platform of tokio: timer, clock, tasks and transports.
//!
//! A client runs on the runtime in which it was opened and can be used from any thread.

pub(crate) mod cookies;
mod frame_channel;
mod http;
mod tls;
mod websocket;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::config::{NoRuntime, TransportConfig};
use super::events::{NetworkEvent, TransportEventSink};
use super::polling::PollingTransport;
use crate::socketio::codec::Frame;
use crate::socketio::proto::{CloseInfo, Connection, Timestamp, TransportId, TransportKind};
use crate::socketio::sync::{BoxFuture, MaybeSend, Shared};

/// Reports nothing: tokio does not observe the network.
pub(crate) struct NetworkMonitor;

/// Runtime that a connection runs on.
pub(crate) struct Platform {
    handle: Handle,
}

impl Platform {
    /// Runtime of the caller.
    pub(crate) fn current() -> Result<Self, NoRuntime> {
        Handle::try_current()
            .map(|handle| Self { handle })
            .map_err(|_| NoRuntime)
    }

    /// URL of the page; there is none.
    pub(crate) fn location() -> Option<String> {
        None
    }

    /// Whether it is the same runtime; connections are not shared across runtimes.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.handle.id() == other.handle.id()
    }

    /// Random seed.
    pub(crate) fn seed(&self) -> u64 {
        RandomState::new().hash_one(0u8)
    }

    pub(crate) fn timer(&self, wake: impl Fn() + Send + 'static) -> Timer {
        Timer::new(&self.handle, wake)
    }

    /// Monitor that reports nothing.
    pub(crate) fn network_monitor(&self, _notify: impl Fn(NetworkEvent) + 'static) -> NetworkMonitor {
        NetworkMonitor
    }

    /// Runs a future until it ends or the returned guard is dropped.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) -> Box<dyn MaybeSend> {
        Box::new(AbortOnDrop(self.handle.spawn(future).abort_handle()))
    }

    /// Runs a future to its end.
    pub(crate) fn spawn_detached(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(future);
    }

    /// Starts opening a transport, which reports to `events`.
    pub(crate) fn open(
        &self,
        kind: TransportKind,
        url: &str,
        config: &Shared<TransportConfig>,
        events: TransportEventSink,
    ) -> Result<Transport, CloseInfo> {
        let max_frame_bytes = config.max_frame_bytes;
        match kind {
            TransportKind::WebSocket => {
                let target = websocket::Target {
                    url: url.to_owned(),
                    protocols: config.protocols.clone(),
                    headers: config.extra_headers.clone(),
                    ca: config.ca.clone(),
                    cookies: config.cookies.clone(),
                    max_frame_bytes,
                };
                let (sender, receiver) = frame_channel::channel(config.max_unsent_bytes);
                self.handle.spawn(websocket::run(target, receiver, events));
                Ok(Transport::WebSocket(sender))
            }
            TransportKind::Polling => {
                let runtime = self.handle.clone();
                let requests = http::Requests::new(runtime, config, events.clone());
                PollingTransport::open(requests, url, events, config.max_unsent_bytes).map(Transport::Polling)
            }
        }
    }
}

/// Aborts a task when dropped.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Open or opening transport. When it is dropped, queued frames are still sent, then it closes.
pub(crate) enum Transport {
    /// Queue of the WebSocket's task.
    WebSocket(frame_channel::FrameSender),
    /// HTTP requests.
    Polling(PollingTransport<http::Requests>),
}

impl Transport {
    /// Queues a frame.
    ///
    /// # Errors
    /// How the transport ends, when too many bytes wait.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        match self {
            Self::WebSocket(sender) => sender.send(frame),
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

    /// Completes when everything that was sent is written, or the transport has ended.
    pub(crate) fn written(&self) -> BoxFuture<()> {
        match self {
            Self::WebSocket(sender) => Box::pin(sender.budget().written()),
            Self::Polling(polling) => Box::pin(polling.written()),
        }
    }

    /// Completes when the transport has ended, which begins when it is dropped.
    pub(crate) fn ended(&self) -> BoxFuture<()> {
        match self {
            Self::WebSocket(sender) => Box::pin(sender.budget().ended()),
            Self::Polling(polling) => Box::pin(polling.ended()),
        }
    }

    /// Stops polling.
    pub(crate) fn pause(&self) {
        match self {
            Self::WebSocket(_) => {}
            Self::Polling(polling) => polling.pause(),
        }
    }
}

/// Milliseconds since the connection was created.
pub(crate) struct Clock(Instant);

impl Clock {
    /// Clock that starts at zero now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Current time.
    pub(crate) fn now(&mut self) -> Timestamp {
        Timestamp::from_millis(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Timer that can be set again; its task ends when it is dropped.
pub(crate) struct Timer {
    due: watch::Sender<Option<Instant>>,
}

impl Timer {
    /// Timer that calls `wake` on the runtime `handle` whenever it is due.
    pub(crate) fn new(handle: &Handle, wake: impl Fn() + Send + 'static) -> Self {
        let (due, mut set) = watch::channel(None::<Instant>);
        handle.spawn(async move {
            loop {
                let Some(at) = *set.borrow_and_update() else {
                    if set.changed().await.is_err() {
                        return;
                    }
                    continue;
                };
                let changed = tokio::select! {
                    changed = set.changed() => changed,
                    () = tokio::time::sleep_until(at) => {
                        wake();
                        // `wake` may have set it again; the same time is not due twice.
                        set.changed().await
                    }
                };
                if changed.is_err() {
                    return;
                }
            }
        });
        Self { due }
    }

    /// Sets the time of the next call.
    pub(crate) fn set(&mut self, millis: u64) {
        let delay = Duration::from_millis(millis);
        let now = Instant::now();
        // At most a day: far beyond any heartbeat, and within the range of the clock.
        self.due
            .send_replace(Some(now + delay.min(Duration::from_secs(24 * 60 * 60))));
    }
}
