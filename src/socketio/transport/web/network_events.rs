//! Network and page events of the browser: back online, gone offline, visible again.

use std::rc::Rc;

use gloo_events::EventListener;
use web_sys::{Document, VisibilityState};

use super::global;
use crate::socketio::transport::Wakeup;

/// Listeners on the global scope and the document; removed when dropped.
pub(crate) struct Wakeups {
    _listeners: Vec<EventListener>,
}

impl Wakeups {
    /// Calls `wake` whenever something happens.
    pub(crate) fn listen(wake: impl Fn(Wakeup) + 'static) -> Self {
        let wake = Rc::new(wake);
        let mut listeners = Vec::new();
        if let Some(global) = global::event_target() {
            let events = [
                ("online", Wakeup::Online),
                ("offline", Wakeup::Offline),
                // a page that comes out of the back-forward cache
                ("pageshow", Wakeup::Visible),
            ];
            listeners.extend(events.map(|(name, wakeup)| {
                let wake = Rc::clone(&wake);
                EventListener::new(&global, name, move |_| wake(wakeup))
            }));
        }
        // a worker has no document
        if let Some(document) = web_sys::window().and_then(|window| window.document()) {
            let seen = document.clone();
            let became_visible = move |_: &web_sys::Event| {
                if is_visible(&seen) {
                    wake(Wakeup::Visible);
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
