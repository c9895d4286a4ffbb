//! What Leptos names of `wasm-streams`: bodies of server functions that are streams.
//!
//! The page has no server functions. The crate itself exports three classes to JavaScript, and no linker leaves out what
//! is exported: they would weigh as much as Leptos's own signals do. Here nothing is exported, and nothing streams.

#![forbid(unsafe_code)]

use futures_util::stream::{Empty, Stream};
use wasm_bindgen::JsValue;

/// Stream of the browser.
#[derive(Debug)]
pub struct ReadableStream(web_sys::ReadableStream);

impl ReadableStream {
    /// Stream of the browser that gives what a stream gives.
    ///
    /// # Panics
    /// Always: the page does not stream.
    pub fn from_stream(_stream: impl Stream<Item = Result<JsValue, JsValue>> + 'static) -> Self {
        unimplemented!("streaming bodies are not part of the page")
    }

    /// Stream that JavaScript made.
    #[must_use]
    pub fn from_raw(raw: web_sys::ReadableStream) -> Self {
        Self(raw)
    }

    /// The stream for JavaScript.
    #[must_use]
    pub fn into_raw(self) -> web_sys::ReadableStream {
        self.0
    }

    /// What the stream gives.
    ///
    /// # Panics
    /// Always: the page does not stream.
    #[must_use]
    pub fn into_stream(self) -> Empty<Result<JsValue, JsValue>> {

        unimplemented!("streaming bodies are not part of the page")
    }
}
