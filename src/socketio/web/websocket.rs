//! One browser WebSocket with its listeners; nothing of it is heard after it is dropped.

use gloo_events::EventListener;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent};

use crate::socketio::Frame;
use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{Port, Report, Settings};

/// Open or opening WebSocket; closed when dropped.
pub(crate) struct WebSocket {
    socket: web_sys::WebSocket,
    /// Bytes that may wait in the browser.
    max_buffered: usize,
    /// Removed before the socket is closed, so that its end is not reported.
    listeners: Vec<EventListener>,
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
        Ok(Self {
            socket,
            max_buffered: settings.max_unsent_bytes,
            listeners,
        })
    }

    /// Hands a frame to the browser.
    ///
    /// # Errors
    /// The end of the connection, when more waits in the browser than may.
    pub(crate) fn send(&self, frame: &Frame) -> Result<(), CloseInfo> {
        let sent = match frame {
            Frame::Text(text) => self.socket.send_with_str(text),
            Frame::Binary(bytes) => self.socket.send_with_u8_array(bytes),
        };
        if sent.is_err() {
            // The socket is not open any more: `close` is on its way and tells the client.
        }
        if self.socket.buffered_amount() as usize > self.max_buffered {
            return Err(CloseInfo::unread(self.max_buffered));
        }
        Ok(())
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

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.listeners.clear();
        if self.socket.close().is_err() {
            // only a close code can be wrong, and none is given
        }
    }
}
