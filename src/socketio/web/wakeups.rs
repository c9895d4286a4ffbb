//! What the browser knows about the network and the page: back online, gone offline, seen again.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Event, EventTarget};

use super::callback::Callback;
use super::global;
use crate::socketio::handle::Wakeup;

/// Events of the page, or the worker.
const GLOBAL: [&str; 3] = ["online", "offline", "pageshow"];

/// Event of the document, which a worker lacks.
const DOCUMENT: &str = "visibilitychange";

/// Listeners on page and document; gone when dropped.
pub(crate) struct Wakeups {
    page: EventTarget,
    document: Option<Document>,
    heard: Callback,
}

impl Wakeups {
    /// Listens, and calls `wake` whenever something happens.
    pub(crate) fn listen(wake: impl Fn(Wakeup) + 'static) -> Self {
        let document = global("document");
        let document: Option<Document> = document.is_object().then(|| document.unchecked_into());
        let seen = document.clone();
        let heard = move |event: JsValue| {
            let wakeup = match event.unchecked_ref::<Event>().type_().as_str() {
                "online" => Wakeup::Online,
                "offline" => Wakeup::Offline,
                DOCUMENT if seen.as_ref().is_some_and(Document::hidden) => return,
                _ => Wakeup::Visible,
            };
            wake(wakeup);
        };
        let wakeups = Self {
            page: global("self").unchecked_into(),
            document,
            heard: Callback::new(Box::new(heard)),
        };
        wakeups.each(EventTarget::add_event_listener_with_callback);
        wakeups
    }

    fn each(&self, change: fn(&EventTarget, &str, &js_sys::Function) -> Result<(), JsValue>) {
        let page = GLOBAL.map(|name| (&self.page, name));
        let document = self.document.as_deref().map(|node| (&**node, DOCUMENT));
        for (target, name) in page.into_iter().chain(document) {
            if change(target, name, self.heard.function()).is_err() {
                // The target is gone with its document, and the listener with it.
            }
        }
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        self.each(EventTarget::remove_event_listener_with_callback);
    }
}
