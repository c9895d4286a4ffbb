//! The one listener of the page: elements say what they mean, here it is heard, and the page does it.
//!
//! It hangs at the window and hears events on their way down, so that those which do not come up again are heard too.
//! Whatever is drawn and drawn away needs no listener of its own.

use wasm_bindgen::{JsCast, JsValue};

use super::act::Act;
use super::browser::{Wake, add_event_listener};
use super::dom::{El, doc};
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

/// Begins to hear for a page.
pub(crate) fn hear(page: &'static Page) -> Wake {
    let hear = Wake::new(move |event: JsValue| heard(page, &event.unchecked_into()));
    for name in &EVENTS {
        add_event_listener(name, &hear, true);
    }
    hear
}

fn heard(page: &'static Page, event: &El) {
    match event.text("type").unwrap_or_default().as_str() {
        "popstate" => page.arrive(),
        "pagehide" => page.keep(true),
        "visibilitychange" => {
            page.look_again(None);
            page.keep(doc().is("hidden"));
        }
        name => {
            if let Some(target) = event.el("target") {
                heard_at(page, event, name, &target);
            }
        }
    }
}

fn heard_at(page: &'static Page, event: &El, name: &str, target: &El) {
    match name {
        "keydown" => keys::pressed(page, event, target),
        "scroll" => {
            if let Some(log) = page.log.get().filter(|log| log.is(target)) {
                log.scrolled(page);
            }
        }
        "input" => meant(
            page,
            target,
            "data-input",
            &target.text("value").unwrap_or_default(),
        ),
        "close" => page.perform(Act::CloseDialog, ""),
        // a click beside a dialog falls on its backdrop, which is the dialog itself
        "click" if target.text("tagName").as_deref() == Some("DIALOG") => page.perform(Act::CloseDialog, ""),
        "click" => {
            if let Some(button) = target.closest("[data-act]") {
                let row = || button.closest("[data-key]").map(|row| row.get("data-key"));
                let of = button.attribute("data-of").or_else(row);
                let of = of.or_else(|| button.text("textContent"));
                meant(page, &button, "data-act", &of.unwrap_or_default());
            }
        }
        "submit" => {
            event.prevent_default();
            let written = target.at("input").text("value");
            meant(page, target, "data-submit", &written.unwrap_or_default());
        }
        _ => {}
    }
}

/// Does what an element names in an attribute.
fn meant(page: &'static Page, element: &El, attribute: &str, of: &str) {
    if let Some(act) = Act::of_name(&element.get(attribute)) {
        page.perform(act, of);
    }
}
