//! The one timer of a connection in the browser.

use wasm_bindgen::JsValue;

use super::browser::{clear_timeout, set_timeout};
use super::callback::Callback;

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
    pub(crate) fn set(&mut self, millis: u64) {
        let millis = (millis as f64).min(f64::from(i32::MAX));
        clear_timeout(&self.set);
        self.set = set_timeout(self.wake.function(), millis);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.set);
    }
}
