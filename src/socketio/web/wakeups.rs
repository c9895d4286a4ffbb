//! What the browser knows about the network and the page: back online, gone offline, seen again.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventTarget, VisibilityState};

use crate::socketio::handle::Wakeup;

/// Listeners on window and document; gone when dropped. In a worker there is nothing to listen to.
pub(crate) struct Wakeups {
    listeners: Vec<Attached>,
}

/// Who calls, at what, and the closure that is called.
type Attached = (EventTarget, &'static str, Closure<dyn FnMut()>);

impl Wakeups {
    /// Listens, and calls `wake` whenever something happens.
    pub(crate) fn listen(wake: impl Fn(Wakeup) + Clone + 'static) -> Self {
        let mut wakeups = Self {
            listeners: Vec::new(),
        };
        let Some(window) = web_sys::window() else {
            return wakeups;
        };
        let online = wake.clone();
        wakeups.add(&window, "online", move || online(Wakeup::Online));
        let offline = wake.clone();
        wakeups.add(&window, "offline", move || offline(Wakeup::Offline));
        let shown = wake.clone();
        wakeups.add(&window, "pageshow", move || shown(Wakeup::Visible));
        if let Some(document) = window.document() {
            let target: EventTarget = document.clone().into();
            wakeups.add(&target, "visibilitychange", move || {
                if document.visibility_state() == VisibilityState::Visible {
                    wake(Wakeup::Visible);
                }
            });
        }
        wakeups
    }

    fn add(&mut self, target: &EventTarget, name: &'static str, callback: impl FnMut() + 'static) {
        let closure = Closure::<dyn FnMut()>::new(callback);
        let function = closure.as_ref().unchecked_ref();
        if target.add_event_listener_with_callback(name, function).is_ok() {
            self.listeners.push((target.clone(), name, closure));
        }
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        for (target, name, closure) in &self.listeners {
            let function = closure.as_ref().unchecked_ref();
            if target
                .remove_event_listener_with_callback(name, function)
                .is_err()
            {
                // The target is gone with its document, and the listener with it.
            }
        }
    }
}
