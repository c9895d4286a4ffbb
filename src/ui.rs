//! What the page shows, and how it follows from one [`state::State`].
//!
//! A component is a function that makes elements ([`dom`]), and says what of them follows from the state. What a person
//! does is named by the elements ([`act`]), heard by one listener ([`events`]) and done in one place ([`page`]). Leptos
//! runs what depends on the state, and ends it with the part of the page that it belongs to. Only [`link`] knows that
//! there is a socket.

mod act;
mod ask;
mod bars;
mod clock;
mod composer;
mod dialog;
mod dom;
mod emoji;
mod events;
mod face;
mod finder;
mod header;
mod help;
mod icon;
mod keys;
mod link;
mod log;
mod name_form;
mod navigation;
mod page;
mod people;
mod rooms;
mod row;
mod settings;
mod state;
mod store;
mod view;

use leptos::prelude::{document, mount_to_body};

/// Puts the page in the place of the shell, and keeps what was typed there.
pub(crate) fn mount() {
    let field = dom::by_id("shell-text");
    let begun = field.as_ref().map(dom::El::value).unwrap_or_default();
    let focused = field.is_some() && field == dom::active();
    if let Some(shell) = dom::by_id("shell") {
        shell.0.remove();
    }
    mount_to_body(move || {
        let page = page::Page::new(&begun, focused);
        let body = document().body().expect("a page has a body");
        view::view(&page, dom::El(body.into()));
        page.start();
    });
}
