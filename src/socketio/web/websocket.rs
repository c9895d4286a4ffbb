//! One browser WebSocket, with its closures; when it is dropped, nobody hears of it again.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

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
        let list = js_sys::Array::new();
        for name in protocols {
            list.push(&JsValue::from_str(name));
        }
        let socket = WebSocket::new_with_str_sequence(url, &list)?;
        // A Blob is read asynchronously, and messages would overtake each other.
        socket.set_binary_type(BinaryType::Arraybuffer);
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
            Frame::Text(text) => self.socket.send_with_str(text),
            Frame::Binary(bytes) => self.socket.send_with_u8_array(bytes),
        };
        if sent.is_err() {
            // Not open any more: `close` is on its way and tells the machine.
        }
    }
}

/// What an event of the socket says.
fn report(event: &JsValue) -> Report {
    match event.unchecked_ref::<Event>().type_().as_str() {
        "open" => Report::Opened,
        "close" => {
            let event: &CloseEvent = event.unchecked_ref();
            Report::Closed(CloseInfo::closed(event.code(), event.reason()))
        }
        _ => Report::Frame(frame(&event.unchecked_ref::<MessageEvent>().data())),
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
        if self.socket.close().is_err() {
            // Only a code that is not ours to give is an error, and none is given.
        }
    }
}
