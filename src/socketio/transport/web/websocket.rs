//! WebSocket transport of the browser. Reports no events after it is dropped.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, ArrayBuffer, Date, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent};

use crate::socketio::codec::Frame;
use crate::socketio::proto::{CloseInfo, FrameKind};
use crate::socketio::transport::config::TransportConfig;
use crate::socketio::transport::events::{TransportEvent, TransportEventSink};

/// Pause in milliseconds between the last event and a DISCONNECT, so that the server reads them separately; see
/// [`FrameKind`]. Browsers cannot send pings, whose pong could be awaited instead.
const LEAVING_DELAY: u32 = 100;

/// Open or opening WebSocket; closed when dropped, after the frames already sent.
pub(crate) struct WebSocket {
    sender: Rc<Sender>,
    /// Removed before the socket is closed, so that the close is not reported.
    listeners: Vec<EventListener>,
}

/// Hands frames to the browser.
struct Sender {
    socket: web_sys::WebSocket,
    /// Maximum of bytes buffered by the browser.
    max_buffered: usize,
    /// `Date.now()` when the last event was sent.
    last_data: Cell<f64>,
    held: RefCell<Option<Held>>,
    /// Whether to close the socket when no frames are held any more.
    closing: Cell<bool>,
}

/// A DISCONNECT and the frames after it, until the pause has passed.
struct Held {
    frames: Vec<Frame>,
    _release: Timeout,
}

impl WebSocket {
    /// Starts opening and reports to `events`.
    ///
    /// # Errors
    /// When the browser refuses the URL or a subprotocol.
    pub(crate) fn open(
        url: &str,
        config: &TransportConfig,
        events: &TransportEventSink,
    ) -> Result<Self, JsValue> {
        let protocols: Array = config.protocols.iter().map(JsValue::from).collect();
        let socket = web_sys::WebSocket::new_with_str_sequence(url, &protocols)?;
        // A Blob can only be read asynchronously, so that messages could overtake each other.
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (opened, received, closed) = (events.clone(), events.clone(), events.clone());
        let listeners = vec![
            EventListener::new(&socket, "open", move |_| opened.send(TransportEvent::Opened)),
            EventListener::new(&socket, "message", move |event| {
                let event: &MessageEvent = event.unchecked_ref();
                if let Some(frame) = frame(&event.data()) {
                    received.send(TransportEvent::Frame(frame));
                }
            }),
            EventListener::new(&socket, "close", move |event| {
                let event: &CloseEvent = event.unchecked_ref();
                closed.send(TransportEvent::Closed(CloseInfo::closed(
                    event.code(),
                    event.reason(),
                )));
            }),
        ];
        let sender = Rc::new(Sender {
            socket,
            max_buffered: config.max_unsent_bytes,
            last_data: Cell::new(f64::NEG_INFINITY),
            held: RefCell::new(None),
            closing: Cell::new(false),
        });
        Ok(Self { sender, listeners })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// How the connection ends, when the browser buffers too many bytes.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        let sender = &self.sender;
        if let Some(held) = &mut *sender.held.borrow_mut() {
            held.frames.push(frame);
            return Ok(());
        }
        match FrameKind::of(&frame) {
            FrameKind::Data => sender.last_data.set(Date::now()),
            FrameKind::Leaving if Date::now() - sender.last_data.get() < f64::from(LEAVING_DELAY) => {
                let later = Rc::clone(sender);
                sender.held.replace(Some(Held {
                    frames: vec![frame],
                    _release: Timeout::new(LEAVING_DELAY, move || later.release()),
                }));
                return Ok(());
            }
            FrameKind::Leaving | FrameKind::Other => {}
        }
        sender.send(&frame);
        if sender.socket.buffered_amount() as usize > sender.max_buffered {
            return Err(CloseInfo::send_backlog(sender.max_buffered));
        }
        Ok(())
    }
}

impl WebSocket {
    /// Completes when the browser's buffer is empty, or the socket has closed.
    pub(crate) fn written(&self) -> impl Future<Output = ()> + use<> {
        let sender = Rc::clone(&self.sender);
        async move {
            sender
                .wait_until(|sender| sender.held.borrow().is_none() && sender.is_empty())
                .await;
        }
    }

    /// Completes when the socket has closed.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<> {
        let sender = Rc::clone(&self.sender);
        async move {
            sender.wait_until(|_| false).await;
        }
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.listeners.clear();
        if self.sender.held.borrow().is_some() {
            self.sender.closing.set(true);
        } else {
            self.sender.close();
        }
    }
}

/// Pause between two looks at the browser's buffer, in milliseconds; it has no event.
const BUFFER_CHECK_INTERVAL: u32 = 10;

impl Sender {
    fn is_empty(&self) -> bool {
        self.socket.buffered_amount() == 0
    }

    async fn wait_until(&self, is_done: impl Fn(&Self) -> bool) {
        while !is_done(self) && self.socket.ready_state() != web_sys::WebSocket::CLOSED {
            TimeoutFuture::new(BUFFER_CHECK_INTERVAL).await;
        }
    }

    fn send(&self, frame: &Frame) {
        let sent = match frame {
            Frame::Text(text) => self.socket.send_with_str(text),
            Frame::Binary(bytes) => self.socket.send_with_u8_array(bytes),
        };
        if sent.is_err() {
            // The socket is no longer open; its `close` event will follow.
        }
    }

    /// Sends the held frames.
    fn release(&self) {
        let held = self.held.take();
        for frame in held.iter().flat_map(|held| &held.frames) {
            self.send(frame);
        }
        if self.closing.get() {
            self.close();
        }
    }

    fn close(&self) {
        if self.socket.close().is_err() {
            // Fails only for an invalid close code, and none is given.
        }
    }
}

/// Converts a message to a frame: text, or an `ArrayBuffer` as set by `binaryType`.
fn frame(data: &JsValue) -> Option<Frame> {
    if let Some(text) = data.as_string() {
        return Some(Frame::Text(text));
    }
    let buffer = data.dyn_ref::<ArrayBuffer>()?;
    Some(Frame::Binary(Uint8Array::new(buffer).to_vec()))
}
