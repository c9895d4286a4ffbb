//! Everything that is seen, and what of it is outside of the page's own elements: title, language, colours.

use pesan::chat::Server;
use pesan::chat::words::fill;

use super::ask::ask;
use super::bars::bars;
use super::composer;
use super::dialog::dialogs;
use super::dom::{El, doc, part};
use super::header::header;
use super::log::Log;
use super::page::Page;
use super::people::people;
use super::rooms::rooms;
use super::state::State;

/// Shows the page.
pub(crate) fn view(page: &'static Page) {
    let document = doc();
    let root = document.at("html");
    root.bind(page, "lang", |state| Some(state.words().locale.to_owned()));
    root.bind(page, "data-theme", |state| state.theme.name().map(str::to_owned));
    document.at("title").says(page, |state| {
        let unread = state.chat.unread();
        Some(if unread > 0 {
            ["(", &unread.to_string(), ") pesan"].concat()
        } else {
            "pesan".to_owned()
        })
    });
    document.at("#live").says(page, |state| Some(state.live.clone()));
    document.at("#toast").says(page, |state| {
        state.copied.map(|_| state.words().copied.to_owned())
    });
    let language: fn(&State) -> _ = |state| Some(state.words().locale.to_owned());
    part(page, document.at("#page"), language, shell);
    dialogs(page, &document);
}

/// The three columns, in one language.
fn shell(page: &'static Page, shell: &El) {
    shell.bind(page, "class", |state| {
        let plain = matches!(state.chat.server(), Server::Plain);
        Some(if plain { "shell plain" } else { "shell" }.to_owned())
    });
    shell.bind(page, "data-panel", |state| state.panel.map(str::to_owned));
    rooms(page, shell);
    header(page, shell);
    bars(page, shell);
    ask(page, shell);
    shell.at(".typing").says(page, typing);
    composer::composer(page, &shell.at(".composer"));
    people(page, &shell.at(".people"));
    Log::begin(page, shell);
    let mut shown = None;
    page.follow(Box::new(move || {
        let room = Some(page.look(|state| state.room().to_owned()));
        if room != shown {
            shown = room;
            composer::begin(page);
        }
    }));
}

/// Who is typing, in words.
fn typing(state: &State) -> Option<String> {
    let words = state.words();
    let mut names = state.chat.room().typists.names();
    Some(match (names.next()?, names.next(), names.next()) {
        (one, None, _) => fill(words.typing_one, &[one]),
        (one, Some(two), None) => fill(words.typing_two, &[one, two]),
        (_, Some(_), Some(_)) => words.typing_many.to_owned(),
    })
}
