//! Global scope of the program: a page, a worker, or a runtime without either.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{EventTarget, Performance, WorkerGlobalScope};

fn worker() -> Option<WorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// Target of `online`, `offline` and `pageshow`; `None` where the global scope hears no events.
pub(super) fn event_target() -> Option<EventTarget> {
    js_sys::global().dyn_into().ok()
}

/// URL of the page or worker.
pub(super) fn location() -> Option<String> {
    match web_sys::window() {
        Some(window) => window.location().href().ok(),
        None => worker().map(|worker| worker.location().href()),
    }
}

/// Monotonic clock, under the same name in every scope.
pub(super) fn performance() -> Option<Performance> {
    let performance = Reflect::get(&js_sys::global(), &JsValue::from_str("performance")).ok()?;
    let usable = performance.is_object();
    usable.then(|| performance.unchecked_into())
}
