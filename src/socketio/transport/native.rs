//! The client on tokio: the same [`Client`] and [`Socket`] as in the browser, for bots, services and tests.
//!
//! A client lives in the runtime in which it was opened and can be used from any thread. Its connection closes when
//! the last handle is dropped.

mod counting_stream;
mod frame_channel;
mod http;
mod timer;
mod tls;
mod websocket;

use std::hash::{BuildHasher, RandomState};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) use timer::{Clock, Timer};

use super::{Polling, Port, Wakeup};
use crate::socketio::Frame;
use crate::socketio::client::{OpenError, Settings};
use crate::socketio::proto::{CloseInfo, Machine, TransportId, TransportKind};
use crate::socketio::sync::{BoxFuture, MaybeSend, Shared};

/// Nothing to listen to.
pub(crate) struct Wakeups;

/// Runtime that a connection lives in.
pub(crate) struct Platform {
    handle: Handle,
}

impl Platform {
    /// Runtime that the caller is in.
    pub(crate) fn current() -> Result<Self, OpenError> {
        Handle::try_current()
            .map(|handle| Self { handle })
            .map_err(|_| OpenError::NoRuntime)
    }

    /// Address of the page: there is none.
    pub(crate) fn location() -> Option<String> {
        None
    }

    /// Whether it is the same runtime; connections are not shared across them.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.handle.id() == other.handle.id()
    }

    /// Unlike that of any other client.
    pub(crate) fn seed(&self) -> u64 {
        RandomState::new().hash_one(0u8)
    }

    pub(crate) fn timer(&self, wake: impl Fn() + Send + 'static) -> Timer {
        Timer::new(&self.handle, wake)
    }

    /// Nobody tells a program about its network.
    pub(crate) fn wakeups(&self, _wake: impl Fn(Wakeup) + 'static) -> Wakeups {
        Wakeups
    }

    /// Runs a future until it ends or what this gives is dropped.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) -> Box<dyn MaybeSend> {
        Box::new(Running(self.handle.spawn(future).abort_handle()))
    }

    /// Runs a future to its end.
    pub(crate) fn soon(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(future);
    }

    /// Begins to open a transport; `port` hears what becomes of it.
    pub(crate) fn open(
        &self,
        kind: TransportKind,
        url: &str,
        settings: &Shared<Settings>,
        port: Port,
    ) -> Result<Transport, CloseInfo> {
        let max_frame_bytes = settings.max_frame_bytes;
        match kind {
            TransportKind::WebSocket => {
                let target = websocket::Target {
                    url: url.to_owned(),
                    protocols: settings.protocols.clone(),
                    headers: settings.extra_headers.clone(),
                    ca: settings.ca.clone(),
                    max_frame_bytes,
                };
                let (unsent, waiting) = frame_channel::line(settings.max_unsent_bytes);
                self.handle.spawn(websocket::run(target, waiting, port));
                Ok(Transport::WebSocket(unsent))
            }
            TransportKind::Polling => {
                let runtime = self.handle.clone();
                let requests = http::Requests::new(runtime, settings, port.clone());
                Polling::open(requests, url, port, settings.max_unsent_bytes).map(Transport::Polling)
            }
        }
    }
}

/// Headers of every request, as often as they were given.
fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
        let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Task that ends when this is dropped.
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Open or opening transport. When it is dropped, what waits is still sent, then it closes.
pub(crate) enum Transport {
    /// Queue of the WebSocket's task.
    WebSocket(frame_channel::Unsent),
    /// Requests.
    Polling(Polling<http::Requests>),
}

impl Transport {
    /// Queues a frame.
    ///
    /// # Errors
    /// The end of the transport, when more waits than may.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        match self {
            Self::WebSocket(unsent) => unsent.send(frame),
            Self::Polling(polling) => polling.send(frame),
        }
    }

    /// Nothing more is to be sent for now.
    pub(crate) fn flush(&self, machine: &mut Machine, id: TransportId) {
        match self {
            Self::Polling(polling) => polling.flush(machine, id),
            Self::WebSocket(_) => {}
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
