//! One browser WebSocket, with its closures; when it is dropped, nobody hears of it again.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::socketio::Frame;
use crate::socketio::client::CloseInfo;
use crate::socketio::handle::Port;

/// Open or opening WebSocket.
pub(crate) struct Socket {
    socket: WebSocket,
    _handlers: Handlers,
}

/// What the browser calls; lives as long as the socket.
struct Handlers {
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Begins to open; `port` hears what becomes of it.
    pub(crate) fn open(url: &str, protocols: &[String], port: Port) -> Result<Self, JsValue> {
        let socket = if protocols.is_empty() {
            WebSocket::new(url)?
        } else {
            let list: js_sys::Array = protocols.iter().map(|name| JsValue::from_str(name)).collect();
            WebSocket::new_with_str_sequence(url, &list)?
        };
        // A Blob is read asynchronously, and messages would overtake each other.
        socket.set_binary_type(BinaryType::Arraybuffer);

        let opened = port.clone();
        let open = Closure::<dyn FnMut()>::new(move || opened.opened());
        let received = port.clone();
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(frame) = frame(&event.data()) {
                received.frame(frame);
            }
        });
        let close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            port.closed(CloseInfo::closed(event.code(), event.reason()));
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _handlers: Handlers {
                _open: open,
                _message: message,
                _close: close,
            },
        })
    }

    /// Hands one frame to the browser; after a close there is nobody to send to, and `onclose` says so.
    pub(crate) fn send(&self, frame: &Frame) {
        let sent = match frame {
            Frame::Text(text) => self.socket.send_with_str(text),
            Frame::Binary(bytes) => self.socket.send_with_u8_array(bytes),
        };
        if sent.is_err() {
            // Not open any more: `onclose` is on its way and tells the machine.
        }
    }
}

/// Message as Rust sees it; `None` for a Blob, which `binaryType` rules out.
fn frame(data: &JsValue) -> Option<Frame> {
    if let Some(text) = data.as_string() {
        return Some(Frame::Text(text));
    }
    let buffer = data.dyn_ref::<ArrayBuffer>()?;
    Some(Frame::Binary(Uint8Array::new(buffer).to_vec()))
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        if self.socket.close().is_err() {
            // Only a code that is not ours to give is an error, and none is given.
        }
    }
}
