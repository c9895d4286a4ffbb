//! What the page shows, and how it follows from one [`state::State`].
//!
//! The markup is in `index.html`, as templates; a component copies a piece of it ([`dom`]) and says what of it follows
//! from the state. What a person does is named by the elements ([`act`]), heard by one listener ([`events`]) and done in
//! one place ([`page`]). Leptos runs what depends on the state, and ends it with the part of the page that it belongs
//! to. Only [`link`] knows that there is a socket.

mod act;
mod ask;
mod bars;
mod browser;
mod clock;
mod composer;
mod dialog;
mod dom;
mod events;
mod face;
mod finder;
mod header;
mod keys;
mod link;
mod list;
mod log;
mod navigation;
mod page;
mod people;
mod rooms;
mod row;
mod state;
mod store;
mod view;

use leptos::prelude::mount_to_body;

/// Puts the page in the place of the shell, and keeps what was typed there.
pub(crate) fn mount() {
    let field = dom::find("#shell-text");
    let begun = field.as_ref().and_then(|field| field.text("value"));
    let focused = field.is_some() && field == dom::active();
    if let Some(shell) = dom::find("#shell") {
        shell.remove();
    }
    mount_to_body(move || {
        let page = page::Page::new(&begun.unwrap_or_default(), focused);
        // the connection is made while the page is drawn
        page.start();
        view::view(page);
    });
}
