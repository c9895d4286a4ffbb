//! One browser WebSocket, with its closures; when it is dropped, nobody hears of it again.

use wasm_bindgen::{JsCast, JsValue};

use super::browser::{Array, Bytes, Event, Text, TextEncoder, WebSocket, global};
use super::hearing::Hearing;
use crate::socketio::Frame;
use crate::socketio::client::CloseInfo;
use crate::socketio::handle::{Port, Report, Settings};

/// Text of so many UTF-16 units is encoded by the browser at once; below, character by character is quicker.
const LONG: u32 = 256;

/// Open or opening WebSocket.
pub(crate) struct Socket {
    socket: WebSocket,
    /// Bytes that may wait in the browser.
    most: usize,
    /// Lives as long as the socket, and no longer.
    _hearing: Hearing,
}

impl Socket {
    /// Begins to open; `port` hears what becomes of it.
    pub(crate) fn open(url: &str, settings: &Settings, port: Port) -> Result<Self, JsValue> {
        let protocols = &settings.protocols;
        let begun = protocols.is_empty().then(|| begun(url)).flatten();
        let socket = match begun {
            Some(socket) => socket,
            None => new(url, protocols)?,
        };
        // A Blob is read asynchronously, and messages would overtake each other.
        socket.set_binary_type("arraybuffer");
        let encoder = TextEncoder::new();
        let hear = move |event: JsValue| port.report(report(&event, &encoder));
        let hearing = Hearing::of(&socket, &["open", "message", "close"], Box::new(hear));
        Ok(Self {
            socket,
            most: settings.max_unsent_bytes,
            _hearing: hearing,
        })
    }

    /// Hands one frame to the browser; after a close there is nobody to send to, and `close` says so.
    ///
    /// # Errors
    /// The end of the connection, when more waits in the browser than may.
    pub(crate) fn send(&self, frame: &Frame) -> Result<(), CloseInfo> {
        let sent = match frame {
            Frame::Text(text) => self.socket.send_text(text),
            Frame::Binary(bytes) => self.socket.send_bytes(bytes),
        };
        if sent.is_err() {
            // Not open any more: `close` is on its way and tells the machine.
        }
        if self.socket.buffered_amount() > self.most as f64 {
            return Err(CloseInfo::unread(self.most));
        }
        Ok(())
    }
}

/// One to this address that the page opened itself, while the program was on its way.
///
/// A page may define the function `socketHeadStart(url)`. It is asked before a WebSocket without subprotocols is opened,
/// and gives one to that address, open or opening, which hands out what it heard so far as soon as the task that asked
/// is over; or nothing. The chapter on the client in `docs` has it in twenty lines.
fn begun(url: &str) -> Option<WebSocket> {
    // where there is no such function, that is the error
    global().socket_head_start(url).ok().flatten()
}

fn new(url: &str, protocols: &[String]) -> Result<WebSocket, JsValue> {
    // an empty list is the same as none
    let list = Array::new();
    for name in protocols {
        list.push(name);
    }
    WebSocket::new(url, &list)
}

/// What an event of the socket says.
fn report(event: &JsValue, encoder: &TextEncoder) -> Report {
    let event: &Event = event.unchecked_ref();
    // only messages have data, and most events are messages
    let data = event.data();
    if !data.is_undefined() {
        return Report::Frame(frame(&data, encoder));
    }
    if event.type_() == "open" {
        return Report::Opened;
    }
    Report::Closed(CloseInfo::closed(event.code(), event.reason()))
}

/// Message as Rust sees it: text, or an `ArrayBuffer`, as `binaryType` says.
fn frame(data: &JsValue, encoder: &TextEncoder) -> Frame {
    if !data.is_string() {
        return Frame::Binary(Bytes::new(data).subarray());
    }
    let text: &Text = data.unchecked_ref();
    if text.length() >= LONG {
        return Frame::Text(long(text, encoder));
    }
    Frame::Text(data.as_string().unwrap_or_default())
}

fn long(text: &Text, encoder: &TextEncoder) -> String {
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
        self.socket.close();
    }
}
