//! Room's name, how many are here, the state of the connection, and the way to everything else.

use pesan::chat::connection::Connection;
use pesan::chat::words::fill;
use pesan::messages::RoomKind;

use super::dom::{El, Look};
use super::page::Page;
use super::rooms::name_of;
use super::state::State;

/// Header of the conversation.
pub(crate) fn header(page: &'static Page, shell: &El) {
    let header = shell.at(".header");
    let unread = header.at(".unseen");
    unread.shown(page, |state| elsewhere(state) > 0);
    unread.says(page, |state| {
        Some(fill(state.words().unread, &[&elsewhere(state).to_string()]))
    });
    header.at(".spot").shown(page, |state| elsewhere(state) > 0);
    let place = header.at(".dot");
    place.bind(page, "class", |state| Some(dot(state).0.to_owned()));
    let words: Look = |state| Some(dot(state).1.to_owned());
    place.bind(page, "aria-label", words);
    place.bind(page, "title", words);
    header
        .at("bdi")
        .says(page, |state| Some(name_of(state.chat.room(), state.words())));
    let here = header.at(".here");
    here.shown(page, State::full);
    here.says(page, |state| {
        let here = state.chat.room().people.len().to_string();
        Some(fill(state.words().here, &[&here]))
    });
    header.at("[data-act=link]").shown(page, leaves);
    header.at("[data-act=leave]").shown(page, leaves);
    header.at(".to-people").shown(page, State::full);
}

/// Unread messages in other rooms.
fn elsewhere(state: &State) -> u64 {
    state.chat.unread() - state.chat.room().unread()
}

/// Whether one can leave the open room.
fn leaves(state: &State) -> bool {
    state.full() && state.chat.room().room.kind == RoomKind::Open
}

/// Look of the dot that stands for the connection, and its words.
fn dot(state: &State) -> (&'static str, &'static str) {
    let words = state.words();
    match state.connection {
        Connection::Connected => ("dot up", words.connected),
        Connection::Connecting => ("dot", words.connecting),
        Connection::Retrying { .. } => ("dot", words.retrying),
        Connection::Waiting { .. } => ("dot down", words.lost),
        Connection::Refused { .. } | Connection::Ended | Connection::Stopped => ("dot down", words.stopped),
    }
}
