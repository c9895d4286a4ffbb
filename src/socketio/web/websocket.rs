//! One browser WebSocket, with its closures; when it is dropped, nobody hears of it again.

use wasm_bindgen::{JsCast, JsValue};

use super::browser::{Array, Bytes, Event, WebSocket};
use super::hearing::Hearing;
use crate::socketio::Frame;
use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{Port, Report};

/// Open or opening WebSocket.
pub(crate) struct Socket {
    socket: WebSocket,
    /// Lives as long as the socket, and no longer.
    _hearing: Hearing,
}

impl Socket {
    /// Begins to open; `port` hears what becomes of it.
    pub(crate) fn open(url: &str, protocols: &[String], port: Port) -> Result<Self, JsValue> {
        // An empty list is the same as none.
        let list = Array::new();
        for name in protocols {
            list.push(name);
        }
        let socket = WebSocket::new(url, &list)?;
        // A Blob is read asynchronously, and messages would overtake each other.
        socket.set_binary_type("arraybuffer");
        let hear = move |event: JsValue| port.report(report(&event));
        let hearing = Hearing::of(&socket, &["open", "message", "close"], Box::new(hear));
        Ok(Self {
            socket,
            _hearing: hearing,
        })
    }

    /// Hands one frame to the browser; after a close there is nobody to send to, and `close` says so.
    pub(crate) fn send(&self, frame: &Frame) {
        let sent = match frame {
            Frame::Text(text) => self.socket.send_text(text),
            Frame::Binary(bytes) => self.socket.send_bytes(bytes),
        };
        if sent.is_err() {
            // Not open any more: `close` is on its way and tells the machine.
        }
    }
}

/// What an event of the socket says.
fn report(event: &JsValue) -> Report {
    let event: &Event = event.unchecked_ref();
    match event.type_().as_str() {
        "open" => Report::Opened,
        "close" => Report::Closed(CloseInfo::closed(event.code(), event.reason())),
        _ => Report::Frame(frame(&event.data())),
    }
}

/// Message as Rust sees it: text, or an `ArrayBuffer`, as `binaryType` says.
fn frame(data: &JsValue) -> Frame {
    match data.as_string() {
        Some(text) => Frame::Text(text),
        None => Frame::Binary(Bytes::new(data).subarray()),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.close();
    }
}
