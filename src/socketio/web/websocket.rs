//! One browser WebSocket, with its closures; when it is dropped, nobody hears of it again.

use js_sys::{JsString, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use super::head_start;
use super::hearing::Hearing;
use crate::socketio::Frame;
use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{Port, Report};

/// Text of so many UTF-16 units is encoded by the browser at once; below, character by character is quicker.
const LONG: u32 = 256;

#[wasm_bindgen]
extern "C" {
    type TextEncoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextEncoder;

    #[wasm_bindgen(method, js_name = encodeInto)]
    fn encode_into(this: &TextEncoder, text: &JsString, bytes: &mut [u8]) -> Encoded;

    type Encoded;

    #[wasm_bindgen(method, getter)]
    fn read(this: &Encoded) -> u32;

    #[wasm_bindgen(method, getter)]
    fn written(this: &Encoded) -> usize;
}

/// Open or opening WebSocket.
pub(crate) struct Socket {
    socket: WebSocket,
    /// Lives as long as the socket, and no longer.
    _hearing: Hearing,
}

impl Socket {
    /// Begins to open; `port` hears what becomes of it.
    pub(crate) fn open(url: &str, protocols: &[String], port: Port) -> Result<Self, JsValue> {
        let begun = protocols.is_empty().then(|| head_start::take(url)).flatten();
        let socket = match begun {
            Some(socket) => socket,
            None => new(url, protocols)?,
        };
        // A Blob is read asynchronously, and messages would overtake each other.
        socket.set_binary_type(BinaryType::Arraybuffer);
        let encoder = TextEncoder::new();
        let hear = move |event: JsValue| port.report(report(&event, &encoder));
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

fn new(url: &str, protocols: &[String]) -> Result<WebSocket, JsValue> {
    // an empty list is the same as none
    let list = js_sys::Array::new();
    for name in protocols {
        list.push(&JsValue::from_str(name));
    }
    WebSocket::new_with_str_sequence(url, &list)
}

/// What an event of the socket says.
fn report(event: &JsValue, encoder: &TextEncoder) -> Report {
    // only messages have data, and most events are messages
    let data = event.unchecked_ref::<MessageEvent>().data();
    if !data.is_undefined() {
        return Report::Frame(frame(data, encoder));
    }
    if event.unchecked_ref::<Event>().type_() == "open" {
        return Report::Opened;
    }
    let event: &CloseEvent = event.unchecked_ref();
    Report::Closed(CloseInfo::closed(event.code(), event.reason()))
}

/// Message as Rust sees it: text, or an `ArrayBuffer`, as `binaryType` says.
fn frame(data: JsValue, encoder: &TextEncoder) -> Frame {
    if !data.is_string() {
        return Frame::Binary(Uint8Array::new(&data).to_vec());
    }
    let text: JsString = data.unchecked_into();
    Frame::Text(if text.length() < LONG {
        text.into()
    } else {
        long(&text, encoder)
    })
}

fn long(text: &JsString, encoder: &TextEncoder) -> String {
    let length = text.length();
    let mut bytes = vec![0; length as usize];
    let mut encoded = encoder.encode_into(text, &mut bytes);
    if encoded.read() < length {
        // not ASCII alone: no unit takes more than three bytes
        bytes.resize(3 * length as usize, 0);
        encoded = encoder.encode_into(text, &mut bytes);
    }
    bytes.truncate(encoded.written());
    // an encoder writes nothing but UTF-8
    String::from_utf8(bytes).unwrap_or_default()
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.socket.close().is_err() {
            // Only a code that is not ours to give is an error, and none is given.
        }
    }
}
