//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]

use leptos::prelude::*;
use pesan::app::App;
use wasm_bindgen::JsCast;
use web_sys::HtmlTextAreaElement;

fn main() {
    console_error_panic_hook::set_once();
    let (typed, was_focused) = take_shell();
    mount_to_body(move || view! { <App typed=typed.clone() was_focused=was_focused /> });
}

/// Removes the shell; returns what was typed there, and whether its field had the focus.
fn take_shell() -> (String, bool) {
    let field = document().query_selector("#shell textarea").ok().flatten();
    let typed = field
        .as_ref()
        .and_then(|field| field.dyn_ref::<HtmlTextAreaElement>())
        .map(HtmlTextAreaElement::value)
        .unwrap_or_default();
    let was_focused = field.is_some() && field == document().active_element();
    if let Some(shell) = document().get_element_by_id("shell") {
        shell.remove();
    }
    (typed, was_focused)
}
