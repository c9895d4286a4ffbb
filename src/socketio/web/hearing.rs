//! Events of the browser, heard for as long as somebody wants to.

use wasm_bindgen::JsValue;

use super::browser::EventTarget;
use super::callback::Callback;

/// Closure that hears some events of one target until it is dropped.
pub(super) struct Hearing {
    target: EventTarget,
    names: &'static [&'static str],
    call: Callback,
}

impl Hearing {
    /// Calls a closure with each event of these names.
    pub(super) fn of(
        target: &EventTarget,
        names: &'static [&'static str],
        call: Box<dyn FnMut(JsValue)>,
    ) -> Self {
        let hearing = Self {
            target: target.clone(),
            names,
            call: Callback::new(call),
        };
        hearing.each(EventTarget::add_event_listener);
        hearing
    }

    fn each(&self, change: fn(&EventTarget, &str, &JsValue) -> Result<(), JsValue>) {
        for name in self.names {
            if change(&self.target, name, self.call.function()).is_err() {
                // The target is gone with its document, and the listener with it.
            }
        }
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.each(EventTarget::remove_event_listener);
    }
}
