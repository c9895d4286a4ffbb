//! The one listener of the page: elements say what they mean, here it is heard, and the page does it.
//!
//! It hangs at the window and hears events on their way down, so that those which do not come up again are heard too.
//! Whatever is drawn and drawn away needs no listener of its own.

use std::rc::Rc;

use leptos::prelude::{document, window};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, Event, KeyboardEvent};

use super::act::Act;
use super::dom::El;
use super::keys;
use super::page::Page;

/// What is heard.
const EVENTS: [&str; 9] = [
    "click",
    "submit",
    "input",
    "keydown",
    "close",
    "scroll",
    "popstate",
    "visibilitychange",
    "pagehide",
];

/// Hears until it is dropped.
pub(crate) struct Listener(Closure<dyn FnMut(Event)>);

impl Listener {
    /// Hears for a page.
    pub(crate) fn new(page: &Rc<Page>) -> Self {
        let page = Rc::downgrade(page);
        let hear = Closure::new(move |event: Event| {
            if let Some(page) = page.upgrade() {
                heard(&page, &event);
            }
        });
        let window = window();
        for name in EVENTS {
            window
                .add_event_listener_with_callback_and_bool(name, hear.as_ref().unchecked_ref(), true)
                .unwrap_or_default();
        }
        Self(hear)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let window = window();
        for name in EVENTS {
            window
                .remove_event_listener_with_callback_and_bool(name, self.0.as_ref().unchecked_ref(), true)
                .unwrap_or_default();
        }
    }
}

fn heard(page: &Rc<Page>, event: &Event) {
    match event.type_().as_str() {
        "popstate" => page.arrive(),
        "pagehide" => page.keep(true),
        "visibilitychange" => {
            page.look_again(None);
            page.keep(document().hidden());
        }
        name => {
            let target = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok());
            if let Some(target) = target {
                heard_at(page, event, name, &El(target));
            }
        }
    }
}

fn heard_at(page: &Rc<Page>, event: &Event, name: &str, target: &El) {
    match name {
        "keydown" => keys::pressed(page, event.unchecked_ref::<KeyboardEvent>(), target),
        "scroll" => {
            let log = page.log.borrow().clone();
            if let Some(log) = log.filter(|log| log.is(target)) {
                log.scrolled(page);
            }
        }
        "input" => meant(page, target, "data-input", &target.value()),
        "close" => page.perform(Act::CloseDialog, ""),
        // a click beside a dialog falls on its backdrop, which is the dialog itself
        "click" if target.0.tag_name() == "DIALOG" => page.perform(Act::CloseDialog, ""),
        "click" => {
            if let Some(button) = target.closest("[data-act]") {
                let mut of = button.get("data-of");
                if of.is_empty()
                    && let Some(row) = button.closest("[data-key]")
                {
                    of = row.get("data-key");
                }
                meant(page, &button, "data-act", &of);
            }
        }
        "submit" => {
            event.prevent_default();
            if let Some(field) = target.0.query_selector("input").ok().flatten() {
                meant(page, target, "data-submit", &El(field).value());
            }
        }
        _ => {}
    }
}

/// Does what an element names in an attribute.
fn meant(page: &Rc<Page>, element: &El, attribute: &str, of: &str) {
    if let Some(act) = Act::of_name(&element.get(attribute)) {
        page.perform(act, of);
    }
}
