//! What the browser knows about the network and the page: back online, gone offline, seen again.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};

use super::browser::{self, Document, Event, EventTarget};
use super::hearing::Hearing;
use crate::socketio::handle::Wakeup;

/// Events of the page, or the worker.
const GLOBAL: &[&str] = &["online", "offline", "pageshow"];

/// Event of the document, which a worker lacks.
const DOCUMENT: &str = "visibilitychange";

/// Listeners on page and document; gone when dropped.
pub(crate) struct Wakeups {
    _page: Hearing,
    _document: Option<Hearing>,
}

impl Wakeups {
    /// Listens, and calls `wake` whenever something happens.
    pub(crate) fn listen(wake: impl Fn(Wakeup) + 'static) -> Self {
        let page = browser::global();
        let document = page.document();
        let seen = document.clone();
        let heard = Rc::new(move |event: JsValue| {
            let wakeup = match event.unchecked_ref::<Event>().type_().as_str() {
                "online" => Wakeup::Online,
                "offline" => Wakeup::Offline,
                DOCUMENT if seen.as_ref().is_some_and(Document::hidden) => return,
                _ => Wakeup::Visible,
            };
            wake(wakeup);
        });
        let hear = |target: &EventTarget, names| {
            let heard = Rc::clone(&heard);
            Hearing::of(target, names, Box::new(move |event| heard(event)))
        };
        Self {
            _page: hear(&page, GLOBAL),
            _document: document.map(|document| hear(&document, &[DOCUMENT])),
        }
    }
}
