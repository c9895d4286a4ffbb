//! One browser WebSocket, with its closures; when it is dropped, nobody hears of it again.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::callback::Callback;
use crate::socketio::Frame;
use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{Port, Report};

/// Open or opening WebSocket.
pub(crate) struct Socket {
    socket: WebSocket,
    /// What the browser calls; lives as long as the socket.
    _handlers: [Callback; 3],
}

impl Socket {
    /// Begins to open; `port` hears what becomes of it.
    pub(crate) fn open(url: &str, protocols: &[String], port: &Port) -> Result<Self, JsValue> {
        let socket = if protocols.is_empty() {
            WebSocket::new(url)?
        } else {
            let list: js_sys::Array = protocols.iter().map(|name| JsValue::from_str(name)).collect();
            WebSocket::new_with_str_sequence(url, &list)?
        };
        // A Blob is read asynchronously, and messages would overtake each other.
        socket.set_binary_type(BinaryType::Arraybuffer);

        let handler = |report: fn(&JsValue) -> Report| {
            let port = port.clone();
            Callback::new(Box::new(move |event| port.report(report(&event))))
        };
        let open = handler(|_| Report::Opened);
        let message = handler(|event| Report::Frame(frame(&event.unchecked_ref::<MessageEvent>().data())));
        let close = handler(|event| {
            let event: &CloseEvent = event.unchecked_ref();
            Report::Closed(CloseInfo::closed(event.code(), event.reason()))
        });
        socket.set_onopen(Some(open.function()));
        socket.set_onmessage(Some(message.function()));
        socket.set_onclose(Some(close.function()));
        Ok(Self {
            socket,
            _handlers: [open, message, close],
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

/// Message as Rust sees it: text, or an `ArrayBuffer`, as `binaryType` says.
fn frame(data: &JsValue) -> Frame {
    match data.as_string() {
        Some(text) => Frame::Text(text),
        None => Frame::Binary(Uint8Array::new(data).to_vec()),
    }
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
