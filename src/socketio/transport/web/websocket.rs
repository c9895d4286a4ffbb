//! One browser WebSocket with its listeners; nothing of it is heard after it is dropped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Array, ArrayBuffer, Date, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent};

use crate::socketio::Frame;
use crate::socketio::client::Settings;
use crate::socketio::proto::{CloseInfo, FrameKind};
use crate::socketio::transport::{Port, Report};

/// Pause in milliseconds between the last event and a DISCONNECT, so that the server reads them apart; see [`FrameKind`].
/// A browser sends no pings, whose answer could be waited for instead.
const LEAVING_DELAY: u32 = 100;

/// Open or opening WebSocket; closed when dropped, after what was sent.
pub(crate) struct WebSocket {
    sender: Rc<Sender>,
    /// Removed before the socket is closed, so that its end is not reported.
    listeners: Vec<EventListener>,
}

/// Hands frames to the browser.
struct Sender {
    socket: web_sys::WebSocket,
    /// Bytes that may wait in the browser.
    max_buffered: usize,
    /// When the last event was sent, by `Date.now()`.
    last_data: Cell<f64>,
    held: RefCell<Option<Held>>,
    /// Whether the socket is to be closed once nothing is held.
    closing: Cell<bool>,
}

/// DISCONNECT and what follows it, until it is due.
struct Held {
    frames: Vec<Frame>,
    _release: Timeout,
}

impl WebSocket {
    /// Begins to open; events are reported to `port`.
    ///
    /// # Errors
    /// What the browser throws: a URL or subprotocol that it does not accept.
    pub(crate) fn open(url: &str, settings: &Settings, port: &Port) -> Result<Self, JsValue> {
        let protocols: Array = settings.protocols.iter().map(JsValue::from).collect();
        let socket = web_sys::WebSocket::new_with_str_sequence(url, &protocols)?;
        // A Blob is read asynchronously, and messages would overtake each other.
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (opened, received, closed) = (port.clone(), port.clone(), port.clone());
        let listeners = vec![
            EventListener::new(&socket, "open", move |_| opened.report(Report::Opened)),
            EventListener::new(&socket, "message", move |event| {
                let event: &MessageEvent = event.unchecked_ref();
                if let Some(frame) = frame(&event.data()) {
                    received.report(Report::Frame(frame));
                }
            }),
            EventListener::new(&socket, "close", move |event| {
                let event: &CloseEvent = event.unchecked_ref();
                closed.report(Report::Closed(CloseInfo::closed(event.code(), event.reason())));
            }),
        ];
        let sender = Rc::new(Sender {
            socket,
            max_buffered: settings.max_unsent_bytes,
            last_data: Cell::new(f64::NEG_INFINITY),
            held: RefCell::new(None),
            closing: Cell::new(false),
        });
        Ok(Self { sender, listeners })
    }

    /// Hands a frame to the browser.
    ///
    /// # Errors
    /// The end of the connection, when more waits in the browser than may.
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
            return Err(CloseInfo::unread(sender.max_buffered));
        }
        Ok(())
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

impl Sender {
    fn send(&self, frame: &Frame) {
        let sent = match frame {
            Frame::Text(text) => self.socket.send_with_str(text),
            Frame::Binary(bytes) => self.socket.send_with_u8_array(bytes),
        };
        if sent.is_err() {
            // The socket is not open any more: `close` is on its way and tells the client.
        }
    }

    /// Sends what was held.
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
            // only a close code can be wrong, and none is given
        }
    }
}

/// Message as a frame: text, or an `ArrayBuffer`, as `binaryType` says.
fn frame(data: &JsValue) -> Option<Frame> {
    if let Some(text) = data.as_string() {
        return Some(Frame::Text(text));
    }
    let buffer = data.dyn_ref::<ArrayBuffer>()?;
    Some(Frame::Binary(Uint8Array::new(buffer).to_vec()))
}
