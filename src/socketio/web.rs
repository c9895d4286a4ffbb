//! The client in a browser: the same [`Client`] and [`Socket`] as natively.
//!
//! A connection owns one WebSocket (or the requests of polling), one timer, and listeners for the page's own wakeups: it
//! tries at once when the network is back or the page is seen again. All of it is gone when the last handle is dropped.
//! Works in workers too, where there is no page to wake it.

mod clock;
mod http;
mod timer;
mod wakeups;
mod websocket;

use js_sys::{Math, Reflect};
use wasm_bindgen::JsValue;

pub(crate) use clock::Clock;
pub(crate) use timer::Timer;
pub(crate) use wakeups::Wakeups;

use super::Frame;
use super::client::{CloseInfo, TransportKind};
use super::handle::{BoxFuture, OpenError, Options, Polling, Port, Wakeup};
pub use super::handle::{Client, Socket};

/// There is only one.
pub(crate) type Runtime = ();

/// Page or worker.
pub(crate) struct Platform;

impl Platform {
    pub(crate) fn current() -> Result<Self, OpenError> {
        Ok(Self)
    }

    /// Address of the page.
    pub(crate) fn location() -> Option<String> {
        let location = Reflect::get(&js_sys::global(), &JsValue::from_str("location")).ok()?;
        Reflect::get(&location, &JsValue::from_str("href"))
            .ok()?
            .as_string()
    }

    pub(crate) fn runtime(&self) -> Runtime {}

    /// Unlike that of any other client.
    pub(crate) fn seed(&self) -> u64 {
        let half = || (Math::random() * f64::from(u32::MAX)) as u64;
        half() << 32 | half()
    }

    pub(crate) fn timer(&self, wake: impl Fn() + 'static) -> Timer {
        Timer::new(wake)
    }

    /// What the browser knows about network and page.
    pub(crate) fn wakeups(&self, wake: impl Fn(Wakeup) + Clone + 'static) -> Wakeups {
        Wakeups::listen(wake)
    }

    pub(crate) fn spawn(&self, future: BoxFuture<()>) {
        wasm_bindgen_futures::spawn_local(future);
    }

    /// Begins to open a transport; `port` hears what becomes of it.
    pub(crate) fn open(&self, kind: TransportKind, url: &str, options: &Options, port: Port) -> Transport {
        match kind {
            TransportKind::WebSocket => {
                match websocket::Socket::open(url, &options.protocols, port.clone()) {
                    Ok(socket) => Transport::WebSocket(socket),
                    Err(_) => {
                        // The browser refuses the address or a protocol; it is told when the lock is free.
                        self.spawn(Box::pin(async move {
                            port.closed(CloseInfo::failed("websocket refused by the browser"));
                        }));
                        Transport::Nothing
                    }
                }
            }
            TransportKind::Polling => {
                let requests = http::Requests::new(options.extra_headers.clone(), options.with_credentials);
                Transport::Polling(Polling::open(requests, self, port))
            }
        }
    }
}

/// Open or opening transport; closed when dropped.
pub(crate) enum Transport {
    WebSocket(websocket::Socket),
    Polling(Polling),
    Nothing,
}

impl Transport {
    pub(crate) fn send(&self, frame: Frame) {
        match self {
            Self::WebSocket(socket) => socket.send(&frame),
            Self::Polling(polling) => polling.send(frame),
            Self::Nothing => {}
        }
    }

    pub(crate) fn pause(&self) {
        match self {
            Self::Polling(polling) => polling.pause(),
            Self::WebSocket(_) | Self::Nothing => {}
        }
    }
}
