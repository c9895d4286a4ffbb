//! Closures that the browser calls, all of one shape: each other shape would be compiled, and described to JavaScript,
//! once more.

use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

/// Closure that the browser may call for as long as this lives.
pub(super) struct Callback(Closure<dyn FnMut(JsValue)>);

impl Callback {
    /// Closure that gets the event, or whatever else it is called with.
    pub(super) fn new(call: Box<dyn FnMut(JsValue)>) -> Self {
        Self(Closure::wrap_assert_unwind_safe(call))
    }

    /// The same as JavaScript sees it.
    pub(super) fn function(&self) -> &JsValue {
        self.0.as_ref()
    }
}
