//! What the client calls of the browser, each thing in the one shape that it needs.
//!
//! `catch` stands only where something can be thrown: each place that looks for an exception is code in every page.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Page or worker.
    #[wasm_bindgen(extends = EventTarget)]
    pub(super) type Global;

    /// What all globals are in; a function, since a variable would be kept for the next time.
    #[wasm_bindgen(js_namespace = globalThis, js_name = valueOf)]
    pub(super) fn global() -> Global;

    /// A worker has none.
    #[wasm_bindgen(method, getter)]
    pub(super) fn document(this: &Global) -> Option<Document>;

    /// A page's own function; where there is none, that is thrown.
    #[wasm_bindgen(method, catch, js_name = socketHeadStart)]
    pub(super) fn socket_head_start(this: &Global, url: &str) -> Result<Option<WebSocket>, JsValue>;

    #[wasm_bindgen(extends = EventTarget)]
    #[derive(Clone)]
    pub(super) type Document;

    #[wasm_bindgen(method, getter)]
    pub(super) fn hidden(this: &Document) -> bool;

    #[derive(Clone)]
    pub(super) type EventTarget;

    #[wasm_bindgen(method, catch, js_name = addEventListener)]
    pub(super) fn add_event_listener(this: &EventTarget, name: &str, call: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = removeEventListener)]
    pub(super) fn remove_event_listener(
        this: &EventTarget,
        name: &str,
        call: &JsValue,
    ) -> Result<(), JsValue>;

    /// Of any kind; the getters beyond `type` are those of the kinds that have them.
    pub(super) type Event;

    #[wasm_bindgen(method, getter, js_name = type)]
    pub(super) fn type_(this: &Event) -> String;

    #[wasm_bindgen(method, getter)]
    pub(super) fn data(this: &Event) -> JsValue;

    #[wasm_bindgen(method, getter)]
    pub(super) fn code(this: &Event) -> u16;

    #[wasm_bindgen(method, getter)]
    pub(super) fn reason(this: &Event) -> String;

    pub(super) type Array;

    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> Array;

    #[wasm_bindgen(method)]
    pub(super) fn push(this: &Array, text: &str);

    #[wasm_bindgen(js_name = Uint8Array)]
    pub(super) type Bytes;

    /// All of an `ArrayBuffer`.
    #[wasm_bindgen(constructor, js_class = Uint8Array)]
    pub(super) fn new(buffer: &JsValue) -> Bytes;

    #[wasm_bindgen(method)]
    pub(super) fn subarray(this: &Bytes) -> Vec<u8>;

    /// A string.
    pub(super) type Text;

    /// In UTF-16 units.
    #[wasm_bindgen(method, getter)]
    pub(super) fn length(this: &Text) -> u32;

    pub(super) type TextEncoder;

    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> TextEncoder;

    #[wasm_bindgen(method, js_name = encodeInto)]
    pub(super) fn encode_into(this: &TextEncoder, text: &Text, bytes: &mut [u8]) -> Encoded;

    /// How far an encoder came.
    pub(super) type Encoded;

    /// UTF-16 units of the text.
    #[wasm_bindgen(method, getter)]
    pub(super) fn read(this: &Encoded) -> u32;

    /// Bytes.
    #[wasm_bindgen(method, getter)]
    pub(super) fn written(this: &Encoded) -> usize;

    #[wasm_bindgen(extends = EventTarget)]
    pub(super) type WebSocket;

    #[wasm_bindgen(constructor, catch)]
    pub(super) fn new(url: &str, protocols: &Array) -> Result<WebSocket, JsValue>;

    #[wasm_bindgen(method, setter, js_name = binaryType)]
    pub(super) fn set_binary_type(this: &WebSocket, kind: &str);

    #[wasm_bindgen(method, catch, js_name = send)]
    pub(super) fn send_text(this: &WebSocket, text: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = send)]
    pub(super) fn send_bytes(this: &WebSocket, bytes: &[u8]) -> Result<(), JsValue>;

    /// Bytes that have not left yet.
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    pub(super) fn buffered_amount(this: &WebSocket) -> f64;

    /// Only a code can be wrong, and none is given.
    #[wasm_bindgen(method)]
    pub(super) fn close(this: &WebSocket);

    #[wasm_bindgen(extends = EventTarget, js_name = XMLHttpRequest)]
    #[derive(Clone)]
    pub(super) type HttpRequest;

    #[wasm_bindgen(constructor, js_class = XMLHttpRequest)]
    pub(super) fn new() -> HttpRequest;

    #[wasm_bindgen(method, catch)]
    pub(super) fn open(this: &HttpRequest, method: &str, url: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, setter, js_name = withCredentials)]
    pub(super) fn set_with_credentials(this: &HttpRequest, on: bool);

    #[wasm_bindgen(method, catch, js_name = setRequestHeader)]
    pub(super) fn set_header(this: &HttpRequest, name: &str, value: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn send(this: &HttpRequest, body: Option<&str>) -> Result<(), JsValue>;

    /// Zero until there is a response.
    #[wasm_bindgen(method, getter)]
    pub(super) fn status(this: &HttpRequest) -> u16;

    #[wasm_bindgen(method, getter, js_name = responseText)]
    pub(super) fn response_text(this: &HttpRequest) -> String;

    #[wasm_bindgen(method)]
    pub(super) fn abort(this: &HttpRequest);

    /// A number in browsers, an object elsewhere.
    #[wasm_bindgen(js_name = setTimeout)]
    pub(super) fn set_timeout(call: &JsValue, millis: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(super) fn clear_timeout(timer: &JsValue);

    #[wasm_bindgen(js_name = queueMicrotask)]
    pub(super) fn queue_microtask(call: &JsValue);

    /// Milliseconds that never go backwards.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(super) fn monotonic() -> f64;

    /// Milliseconds of the clock that somebody may set.
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    pub(super) fn wall() -> f64;

    #[wasm_bindgen(js_namespace = Math)]
    pub(super) fn random() -> f64;

    /// Address of the page; a program without one has none.
    #[wasm_bindgen(catch, js_namespace = location, js_name = toString)]
    pub(super) fn href() -> Result<String, JsValue>;
}
