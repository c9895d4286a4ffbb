//! List of the rooms, and a field to make one.

use std::rc::Rc;

use pesan::chat::folding::excerpt;
use pesan::chat::room::{Membership, RoomState};
use pesan::chat::words::{Words, fill};
use pesan::messages::{Person, RoomKind};

use super::act::Act;
use super::dom::{El, done, el, enter};
use super::face::{face, name};
use super::icon::{CLOSE, PLUS, SEARCH, icon_button};
use super::page::Page;
use super::state::State;

/// Characters of a room's newest message.
const LAST: usize = 60;

/// Room as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    id: String,
    name: String,
    /// Other person of a direct room.
    with: Option<Person>,
    /// Begin of the newest message.
    last: String,
    unread: u64,
    open: bool,
}

/// Rooms at the left.
pub(crate) fn rooms(page: &Rc<Page>) -> El {
    let words = page.words();
    let find = icon_button("icon", SEARCH, words.find_room, Act::Find).shown(page, State::full);
    let create = icon_button("icon", PLUS, words.create, Act::NewRoom)
        .shown(page, State::full)
        .bind(page, "aria-expanded", |state| Some(state.creating.to_string()));
    let close = icon_button("icon close", CLOSE, words.close, Act::ClosePanel);
    let top = el("div", "top")
        .add(el("p", "brand").text("pesan"))
        .add(el("div", "").add(find).add(create).add(close));
    let scroll = part(page, el("div", "scroll"), "", |state| listed(state, mine));
    let scroll = part(page, scroll, words.directs, |state| listed(state, direct));
    let scroll = part(page, scroll, words.other_rooms, |state| listed(state, other));
    el("nav", "side rooms")
        .attr("aria-label", words.rooms)
        .add(top)
        .part(page, |state| state.creating, new_room, enter)
        .add(scroll)
        .part(page, |state| state.chat.me().cloned(), me, done)
}

/// Name of a room, as it is shown.
pub(crate) fn name_of(room: &RoomState, words: &Words) -> String {
    match room.room.kind {
        RoomKind::Lobby => words.lobby.to_owned(),
        RoomKind::Open | RoomKind::Direct => room.room.name.clone(),
    }
}

/// Rooms of one kind under their heading, when there are some.
fn part(page: &Rc<Page>, scroll: El, heading: &str, rooms: fn(&State) -> Vec<Listed>) -> El {
    let list = el("ul", "").list(page, rooms, entry);
    if heading.is_empty() {
        return scroll.add(list);
    }
    let heading = el("h2", "").text(heading);
    let (head, body) = (heading.clone(), list.clone());
    page.effect(Box::new(move |state| {
        let hidden = if rooms(state).is_empty() { Some("") } else { None };
        head.set("hidden", hidden);
        body.set("hidden", hidden);
    }));
    scroll.add(heading).add(list)
}

fn new_room(page: &Rc<Page>, creating: &bool) -> Option<El> {
    let words = page.words();
    creating.then(|| {
        let field = el("input", "field")
            .attr("aria-label", words.new_room)
            .attr("placeholder", words.new_room)
            .attr("maxlength", "64");
        el("form", "new-room")
            .attr("data-submit", Act::Create.name())
            .add(field)
            .add(el("button", "button").text(words.create))
    })
}

fn me(page: &Rc<Page>, me: &Option<Person>) -> Option<El> {
    let me = me.as_ref()?;
    let entry = el("button", "entry")
        .act(Act::Settings, "")
        .add(face(me, true))
        .add(name("name", &me.name))
        .add(el("span", "soft").text(page.words().you));
    Some(el("div", "bottom").add(entry))
}

fn entry(words: &'static Words, room: &Listed) -> El {
    let sign = match &room.with {
        Some(with) => face(with, true),
        None => el("span", "sign").attr("aria-hidden", "true").text("#"),
    };
    let mut what = el("span", "what").add(name("name", &room.name));
    if !room.last.is_empty() {
        what = what.add(el("span", "last").text(&room.last));
    }
    let class = if room.unread > 0 { "entry fresh" } else { "entry" };
    let mut button = el("button", class)
        .attr("aria-current", if room.open { "true" } else { "false" })
        .act(Act::Open, &room.id)
        .add(sign)
        .add(what);
    if room.unread > 0 {
        let count = room.unread.to_string();
        let shown = if room.unread > 99 { "99+" } else { &count };
        button = button
            .add(el("span", "badge").attr("aria-hidden", "true").text(shown))
            .add(el("span", "unseen").text(&fill(words.unread, &[&count])));
    }
    el("li", "").add(button)
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

fn listed(state: &State, belongs: fn(&RoomState) -> bool) -> Vec<Listed> {
    let rooms = state.chat.listed().filter(|room| belongs(room));
    rooms
        .map(|room| Listed {
            id: room.room.id.clone(),
            name: name_of(room, state.words()),
            with: room.room.with.clone(),
            last: room
                .room
                .last
                .as_ref()
                .map(|last| excerpt(&last.text, LAST))
                .unwrap_or_default(),
            unread: room.unread(),
            open: room.room.id == state.room(),
        })
        .collect()
}
