//! Room's name, how many are here, the state of the connection, and the way to everything else.

use std::rc::Rc;

use pesan::chat::connection::Connection;
use pesan::chat::words::fill;
use pesan::messages::RoomKind;

use super::act::Act;
use super::dom::{El, el};
use super::icon::{GEAR, LEAVE, LINK, MENU, PEOPLE, icon_button};
use super::page::Page;
use super::rooms::name_of;
use super::state::State;

/// Header of the conversation.
pub(crate) fn header(page: &Rc<Page>) -> El {
    let words = page.words();
    let unread = el("span", "unseen").shown(page, |state| elsewhere(state) > 0);
    let unread = unread.says(page, |state| {
        Some(fill(state.words().unread, &[&elsewhere(state).to_string()]))
    });
    let menu = icon_button("icon to-rooms", MENU, words.rooms, Act::ToRooms)
        .add(unread)
        .add(el("span", "spot").shown(page, |state| elsewhere(state) > 0));
    let dot = el("span", "dot")
        .attr("role", "img")
        .bind(page, "class", |state| Some(dot(state).0.to_owned()))
        .bind(page, "aria-label", |state| Some(dot(state).1.to_owned()))
        .bind(page, "title", |state| Some(dot(state).1.to_owned()));
    let name = el("bdi", "").says(page, |state| Some(name_of(state.chat.room(), state.words())));
    let here = el("span", "here").shown(page, State::full).says(page, |state| {
        let here = state.chat.room().people.len().to_string();
        Some(fill(state.words().here, &[&here]))
    });
    let title = el("div", "title").add(dot).add(el("h1", "").add(name)).add(here);
    el("header", "header")
        .add(menu)
        .add(title)
        .add(icon_button("icon", LINK, words.copy_link, Act::Link).shown(page, leaves))
        .add(icon_button("icon", LEAVE, words.leave, Act::Leave).shown(page, leaves))
        .add(icon_button("icon to-people", PEOPLE, words.people, Act::ToPeople).shown(page, State::full))
        .add(icon_button("icon", GEAR, words.menu, Act::Settings))
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
