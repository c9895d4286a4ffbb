//! The page: takes over from the shell in `index.html`.

#![forbid(unsafe_code)]

use leptos::prelude::*;
use pesan::app::{App, ShellState};
use wasm_bindgen::JsCast;
use web_sys::HtmlTextAreaElement;

fn main() {
    console_error_panic_hook::set_once();
    let shell = take_shell();
    mount_to_body(move || view! { <App shell=shell.clone() /> });
}

/// Removes the shell; returns what was written there.
fn take_shell() -> ShellState {
    let field = document().query_selector("#shell textarea").ok().flatten();
    let draft = field
        .as_ref()
        .and_then(|field| field.dyn_ref::<HtmlTextAreaElement>())
        .map(HtmlTextAreaElement::value)
        .unwrap_or_default();
    let was_focused = field.is_some() && field == document().active_element();
    let mut submitted = Vec::new();
    while let Ok(Some(message)) = document().query_selector("#shell .shell-message") {
        submitted.extend(message.text_content());
        message.remove();
    }
    if let Some(shell) = document().get_element_by_id("shell") {
        shell.remove();
    }
    ShellState {
        draft,
        submitted,
        was_focused,
    }
}
