//! Components of the page. Only [`app::App`] knows that there is a socket; all others take data and callbacks.

mod app;
mod bars;
mod clock;
mod composer;
mod desk;
mod dialog;
mod emoji;
mod face;
mod frame;
mod header;
mod help;
mod icon;
mod keys;
mod link;
mod live;
mod log;
mod name_form;
mod navigation;
mod people;
mod rooms;
mod row;
mod settings;
mod store;
mod switcher;
mod token_form;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, HtmlElement, HtmlTextAreaElement};

/// Puts the app in the place of the shell, and keeps what was typed there.
pub(crate) fn mount() {
    let text = document()
        .get_element_by_id("shell-text")
        .and_then(|element| element.dyn_into::<HtmlTextAreaElement>().ok());
    let begun = text.as_ref().map(HtmlTextAreaElement::value).unwrap_or_default();
    let focused = text.is_some_and(|text| {
        document()
            .active_element()
            .is_some_and(|active| active == text.into())
    });
    if let Some(shell) = document().get_element_by_id("shell") {
        shell.remove();
    }
    mount_to_body(move || view! { <app::App begun=begun.clone() focused /> });
}

/// Puts the cursor on an element, if it is there.
fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        element.focus().unwrap_or_default();
    }
}

/// Puts a text into the clipboard, where the browser allows it.
fn copy(text: &str) {
    // the browser answers later; a refusal changes nothing here
    let _promise = window().navigator().clipboard().write_text(text);
}
