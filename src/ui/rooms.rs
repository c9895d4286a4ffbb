//! List of the rooms, and a field to make one.

use pesan::chat::folding::excerpt;
use pesan::chat::room::{Membership, RoomState};
use pesan::chat::words::{Words, fill};
use pesan::messages::RoomKind;

use super::dom::{El, enter, part, piece};
use super::face::face;
use super::list::Item;
use super::page::Page;
use super::state::State;

/// Characters of a room's newest message.
const LAST: usize = 60;

/// Rooms at the left.
pub(crate) fn rooms(page: &'static Page, shell: &El) {
    let side = shell.at(".rooms");
    side.at("[data-act=find]").shown(page, State::full);
    let create = side.at("[data-act=new-room]");
    create.shown(page, State::full);
    create.bind(page, "aria-expanded", |state| Some(state.creating.to_string()));
    let creating: fn(&State) -> _ = |state| state.creating.then(String::new);
    part(page, side.at("template"), creating, enter);
    side.at(".mine").list(page, |state| listed(state, mine), entry);
    rooms_if_any(page, &side, ".direct", |state| listed(state, direct));
    rooms_if_any(page, &side, ".other", |state| listed(state, other));
    let name: fn(&State) -> _ = |state| state.chat.me().map(|me| me.name.clone());
    part(page, side.at("template.me"), name, me);
}

/// Name of a room, as it is shown.
pub(crate) fn name_of(room: &RoomState, words: &Words) -> String {
    match room.room.kind {
        RoomKind::Lobby => words.lobby.to_owned(),
        RoomKind::Open | RoomKind::Direct => room.room.name.clone(),
    }
}

/// Rooms of one kind under their heading, when there are some.
fn rooms_if_any(page: &'static Page, side: &El, place: &str, rooms: fn(&State) -> Vec<Item>) {
    let list = side.at(place);
    list.list(page, rooms, entry);
    let heading = list.el("previousElementSibling");
    page.follow(Box::new(move || {
        let hidden = if page.look(rooms).is_empty() {
            Some("")
        } else {
            None
        };
        list.set("hidden", hidden);
        if let Some(heading) = &heading {
            heading.set("hidden", hidden);
        }
    }));
}

fn me(page: &'static Page, place: &El) {
    let Some(me) = page.look(|state| state.chat.me().cloned()) else {
        return;
    };
    face(&place.at(".face"), &me.id, &me.name, true);
    place.at("bdi").write(&me.name);
}

fn entry(words: &'static Words, room: &Item) -> El {
    let entry = piece("#room", words);
    let button = entry.at(".entry");
    button.set("data-of", Some(&room.id));
    button.set("aria-current", Some(if room.marked { "true" } else { "false" }));
    if !room.face.is_empty() {
        face(&entry.at(".sign"), &room.face, &room.name, true);
    }
    entry.at("bdi").write(&room.name);
    entry.at(".last").write(&room.about);
    if room.count > 0 {
        button.set("class", Some("entry fresh"));
        let count = room.count.to_string();
        let shown = if room.count > 99 { "99+" } else { &count };
        entry.at(".badge").write(shown);
        entry.at(".unseen").write(&fill(words.unread, &[&count]));
    } else {
        entry.without(".badge");
        entry.without(".unseen");
    }
    entry
}

fn mine(room: &RoomState) -> bool {
    room.room.kind == RoomKind::Lobby
        || room.room.kind == RoomKind::Open && room.membership != Membership::Outside
}

fn direct(room: &RoomState) -> bool {
    room.room.kind == RoomKind::Direct
}

fn other(room: &RoomState) -> bool {
    room.room.kind == RoomKind::Open && room.membership == Membership::Outside
}

#[inline(never)]
fn listed(state: &State, belongs: fn(&RoomState) -> bool) -> Vec<Item> {
    let mut listed = Vec::new();
    for room in state.chat.listed() {
        if belongs(room) {
            listed.push(Item {
                id: room.room.id.clone(),
                name: name_of(room, state.words()),
                about: match &room.room.last {
                    Some(last) => excerpt(&last.text, LAST),
                    None => String::new(),
                },
                face: match &room.room.with {
                    Some(with) => with.id.clone(),
                    None => String::new(),
                },
                count: room.unread(),
                marked: room.room.id == state.room(),
                act: None,
            });
        }
    }
    listed
}
