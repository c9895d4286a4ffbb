//! Network and visibility events of the browser.

use std::rc::Rc;

use gloo_events::EventListener;
use wasm_bindgen::JsCast;
use web_sys::{Document, EventTarget, VisibilityState};

use crate::socketio::transport::events::NetworkEvent;

/// Listeners on the global scope and the document; removed when dropped.
pub(crate) struct NetworkMonitor {
    _listeners: Vec<EventListener>,
}

impl NetworkMonitor {
    /// Calls `notify` at each event.
    pub(crate) fn listen(notify: impl Fn(NetworkEvent) + 'static) -> Self {
        let notify = Rc::new(notify);
        let mut listeners = Vec::new();
        if let Some(global) = event_target() {
            let events = [
                ("online", NetworkEvent::Online),
                ("offline", NetworkEvent::Offline),
                // restored from the back-forward cache
                ("pageshow", NetworkEvent::Visible),
            ];
            listeners.extend(events.map(|(name, event)| {
                let notify = Rc::clone(&notify);
                EventListener::new(&global, name, move |_| notify(event))
            }));
        }
        // a worker has no document
        if let Some(document) = web_sys::window().and_then(|window| window.document()) {
            let seen = document.clone();
            let became_visible = move |_: &web_sys::Event| {
                if is_visible(&seen) {
                    notify(NetworkEvent::Visible);
                }
            };
            listeners.push(EventListener::new(&document, "visibilitychange", became_visible));
        }
        Self {
            _listeners: listeners,
        }
    }
}

fn is_visible(document: &Document) -> bool {
    document.visibility_state() != VisibilityState::Hidden
}

/// Target of `online`, `offline` and `pageshow`; `None` where the global scope is not an event target.
fn event_target() -> Option<EventTarget> {
    js_sys::global().dyn_into().ok()
}
