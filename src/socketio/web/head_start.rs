//! A WebSocket that the page opened itself, while the program was on its way.
//!
//! A page may define the function `socketHeadStart(url)`. It is asked at the first attempt to open a WebSocket without
//! subprotocols, and gives one to that address, open or opening, that hands out what it heard so far as soon as the
//! task that asked is over; or nothing. The chapter on the client in `docs` has it in twenty lines.

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WebSocket;

use super::global;

/// The one to this address, if the page has it.
pub(super) fn take(url: &str) -> Option<WebSocket> {
    let give: Function = global("socketHeadStart").dyn_into().ok()?;
    let socket = give.call1(&JsValue::UNDEFINED, &JsValue::from_str(url)).ok()?;
    socket.is_object().then(|| socket.unchecked_into())
}
