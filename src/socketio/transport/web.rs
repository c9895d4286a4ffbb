//! The client in a browser: the same [`Client`] and [`Socket`] as natively.
//!
//! A connection owns one WebSocket (or the requests of polling), one timer, and listeners for the page's own wakeups: it
//! tries at once when the network is back or the page is seen again. All of it is gone when the last handle is dropped.
//! Works in workers too, where there is no page to wake it.

mod clock;
mod global;
mod http;
mod network_events;
mod task;
mod timer;
mod websocket;

pub(crate) use clock::Clock;
pub(crate) use network_events::Wakeups;
pub(crate) use timer::Timer;

use super::{Polling, Port, Wakeup};
use crate::socketio::Frame;
use crate::socketio::client::{OpenError, Settings};
use crate::socketio::proto::{CloseInfo, Machine, TransportId, TransportKind};
use crate::socketio::sync::{BoxFuture, MaybeSend, Shared};

/// Page or worker.
pub(crate) struct Platform;

impl Platform {
    pub(crate) fn current() -> Result<Self, OpenError> {
        Ok(Self)
    }

    /// Address of the page.
    pub(crate) fn location() -> Option<String> {
        global::location()
    }

    /// There is only one.
    pub(crate) fn is_same(&self, _other: &Self) -> bool {
        true
    }

    /// Unlike that of any other client.
    pub(crate) fn seed(&self) -> u64 {
        let half = || (js_sys::Math::random() * f64::from(u32::MAX)) as u64;
        half() << 32 | half()
    }

    pub(crate) fn timer(&self, wake: impl Fn() + 'static) -> Timer {
        Timer::new(wake)
    }

    /// What the browser knows about network and page.
    pub(crate) fn wakeups(&self, wake: impl Fn(Wakeup) + 'static) -> Wakeups {
        Wakeups::listen(wake)
    }

    /// Runs a future until it ends or what this gives is dropped.
    pub(crate) fn spawn(&self, future: BoxFuture<()>) -> Box<dyn MaybeSend> {
        Box::new(task::Task::spawn(future))
    }

    /// Begins to open a transport; `port` hears what becomes of it.
    pub(crate) fn open(
        &self,
        kind: TransportKind,
        url: &str,
        settings: &Shared<Settings>,
        port: Port,
    ) -> Result<Transport, CloseInfo> {
        match kind {
            TransportKind::WebSocket => websocket::WebSocket::open(url, settings, &port)
                .map(Transport::WebSocket)
                .map_err(|_| CloseInfo::failed("websocket refused by the browser")),
            TransportKind::Polling => {
                let requests = http::Requests::new(Shared::clone(settings));
                Polling::open(requests, url, port, settings.max_unsent_bytes).map(Transport::Polling)
            }
        }
    }
}

/// Open or opening transport; closed when dropped.
pub(crate) enum Transport {
    WebSocket(websocket::WebSocket),
    Polling(Polling<http::Requests>),
}

impl Transport {
    /// Sends a frame, or queues it.
    ///
    /// # Errors
    /// The end of the transport, when more waits than may.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        match self {
            Self::WebSocket(socket) => socket.send(frame),
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

    pub(crate) fn pause(&self) {
        match self {
            Self::Polling(polling) => polling.pause(),
            Self::WebSocket(_) => {}
        }
    }
}
