//! The one timer of a connection in the browser.

use std::time::Duration;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};

use super::callback::Callback;
use super::global;

/// Timer that can be set anew; cancelled when dropped.
pub(crate) struct Timer {
    wake: Callback,
    /// What the browser calls the timer that is set.
    set: JsValue,
}

impl Timer {
    /// Timer that calls `wake` whenever it is due.
    pub(crate) fn new(wake: impl Fn() + 'static) -> Self {
        Self {
            wake: Callback::new(Box::new(move |_| wake())),
            set: JsValue::UNDEFINED,
        }
    }

    /// Sets the time of the next waking. Browsers hold delays in 31 bits; longer ones wake early, which does no harm.
    pub(crate) fn set(&mut self, delay: Duration) {
        let millis = delay.as_secs() as f64 * 1e3 + f64::from(delay.subsec_millis());
        let millis = millis.min(f64::from(i32::MAX));
        self.clear();
        self.set = call("setTimeout", self.wake.function(), &JsValue::from_f64(millis));
    }

    fn clear(&self) {
        call("clearTimeout", &self.set, &JsValue::UNDEFINED);
    }
}

/// Calls a function that pages and workers have; the two do not fail.
fn call(name: &str, first: &JsValue, second: &JsValue) -> JsValue {
    let function: Function = global(name).unchecked_into();
    function
        .call2(&JsValue::UNDEFINED, first, second)
        .unwrap_or_default()
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}
