//! Keys that work anywhere on the page.

use leptos::ev::{KeyboardEvent, keydown};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::Element;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Find a room or a person.
    Find,
    /// See the help sheet.
    Help,
    /// Go to the next room of the list, or to the one before.
    Room {
        /// Whether to the next.
        forward: bool,
    },
    /// Close what is open.
    Close,
}

/// Hears keys for as long as the component lives.
pub(crate) fn listen(on_wish: Callback<Wish>) {
    let handle = window_event_listener(keydown, move |event| {
        if let Some(wish) = wish(&event) {
            // Escape still closes what the browser itself has open
            if wish != Wish::Close {
                event.prevent_default();
            }
            on_wish.run(wish);
        }
    });
    on_cleanup(move || handle.remove());
}

fn wish(event: &KeyboardEvent) -> Option<Wish> {
    let control = event.ctrl_key() || event.meta_key();
    let writing = event
        .target()
        .and_then(|target| target.dyn_into::<Element>().ok())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA"));
    match event.key().as_str() {
        "k" | "K" if control => Some(Wish::Find),
        "/" if !writing && !control => Some(Wish::Find),
        "?" if !writing && !control => Some(Wish::Help),
        "ArrowUp" if event.alt_key() => Some(Wish::Room { forward: false }),
        "ArrowDown" if event.alt_key() => Some(Wish::Room { forward: true }),
        "Escape" => Some(Wish::Close),
        _ => None,
    }
}
