//! Everything that is seen, and what of it is outside of the page's own elements: title, language, colours.

use std::rc::Rc;

use leptos::prelude::document;
use pesan::chat::Server;
use pesan::chat::words::fill;

use super::act::Act;
use super::ask::{ask, asked, asks};
use super::bars::bars;
use super::composer::{self, composer};
use super::dialog;
use super::dom::{El, el};
use super::header::header;
use super::log::Log;
use super::page::Page;
use super::people::people;
use super::rooms::rooms;
use super::state::State;

/// Shows the page in an element.
pub(crate) fn view(page: &Rc<Page>, body: El) {
    if let Some(root) = document().document_element().map(El) {
        root.bind(page, "lang", |state| Some(state.words().locale.to_owned()))
            .bind(page, "data-theme", |state| state.theme.name().map(str::to_owned));
    }
    page.effect(Box::new(|state| {
        let unread = state.chat.unread();
        let count = if unread > 0 {
            ["(", &unread.to_string(), ") "].concat()
        } else {
            String::new()
        };
        document().set_title(&(count + "pesan"));
    }));
    let live = el("div", "unseen")
        .attr("aria-live", "polite")
        .says(page, |state| Some(state.live.clone()));
    let toast = el("p", "toast").attr("role", "status").says(page, |state| {
        state.copied.map(|_| state.words().copied.to_owned())
    });
    body.part(page, |state| state.language, |page, _| Some(shell(page)), begin)
        .part(page, dialog::open, dialog::dialog, dialog::opened)
        .add(live)
        .add(toast);
}

/// The three columns, in one language.
fn shell(page: &Rc<Page>) -> El {
    let (log, frame) = Log::new(page);
    page.log.replace(Some(log));
    let typing = el("p", "typing").attr("aria-hidden", "true").says(page, typing);
    let conversation = el("main", "conversation")
        .add(header(page))
        .add(bars(page))
        .add(frame)
        .part(page, asks, ask, asked)
        .add(typing)
        .add(composer(page));
    el("div", "shell")
        .bind(page, "class", |state| {
            let plain = *state.chat.server() == Server::Plain;
            Some(if plain { "shell plain" } else { "shell" }.to_owned())
        })
        .bind(page, "data-panel", |state| state.panel.map(str::to_owned))
        .add(rooms(page))
        .add(conversation)
        .add(people(page))
        .add(el("div", "scrim").act(Act::ClosePanel, ""))
}

/// What has to be in the document before it can be filled.
fn begin(page: &Rc<Page>, _shell: &El) {
    let log = page.log.borrow().clone();
    if let Some(log) = log {
        log.start(page);
    }
    let showing = Rc::clone(page);
    let mut shown = None;
    page.follow(Box::new(move || {
        let room = Some(showing.look(|state| state.room().to_owned()));
        if room != shown {
            shown = room;
            composer::begin(&showing);
        }
    }));
}

/// Who is typing, in words.
fn typing(state: &State) -> Option<String> {
    let words = state.words();
    let names: Vec<&str> = state.chat.room().typists.names().collect();
    Some(match names[..] {
        [] => return None,
        [one] => fill(words.typing_one, &[one]),
        [one, two] => fill(words.typing_two, &[one, two]),
        [_, _, _, ..] => words.typing_many.to_owned(),
    })
}
