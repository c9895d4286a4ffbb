//! Finds a room or a person by a few letters.

use std::rc::Rc;

use super::act::Act;
use super::dom::{El, el, lowercase};
use super::page::Page;
use super::rooms::name_of;
use super::state::State;

/// Most that is shown of what was found.
const SHOWN: usize = 20;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    name: String,
    id: String,
    /// What choosing it does.
    act: Act,
    at: usize,
    chosen: bool,
}

/// Field and what it found.
pub(crate) fn finder(page: &Rc<Page>, content: El) -> El {
    let words = page.words();
    let field = el("input", "field")
        .attr("autofocus", "")
        .attr("role", "combobox")
        .attr("aria-expanded", "true")
        .attr("aria-controls", "found")
        .attr("aria-label", words.find_room)
        .attr("autocomplete", "off")
        .attr("data-input", Act::Wanted.name())
        .bind(page, "aria-activedescendant", |state| Some(id_of(state.chosen)));
    let list = el("div", "found")
        .attr("id", "found")
        .attr("role", "listbox")
        .attr("aria-label", words.find_room)
        .list(page, found, |_, found| entry(found));
    let nothing = el("p", "hint")
        .attr("role", "status")
        .shown(page, |state| found(state).is_empty())
        .text(words.nothing_found);
    content.add(field).add(list).add(nothing)
}

/// A key was pressed in the field; returns whether it meant something.
pub(crate) fn pressed(page: &Rc<Page>, key: &str) -> bool {
    let found = page.look(found);
    let count = found.len().max(1);
    let step = match key {
        "ArrowDown" => 1,
        "ArrowUp" => count - 1,
        "Enter" => {
            if let Some(found) = found.into_iter().find(|found| found.chosen) {
                page.perform(found.act, &found.id);
            }
            return true;
        }
        _ => return false,
    };
    page.change(&mut |state, _| state.chosen = (state.chosen + step) % count);
    true
}

fn id_of(at: usize) -> String {
    ["found-", &at.to_string()].concat()
}

fn entry(found: &Found) -> El {
    let sign = if found.act == Act::Open { "#" } else { "@" };
    el("div", "entry")
        .attr("role", "option")
        .attr("id", &id_of(found.at))
        .attr("aria-selected", if found.chosen { "true" } else { "false" })
        .act(found.act, &found.id)
        .add(el("span", "sign").attr("aria-hidden", "true").text(sign))
        .add(el("span", "name").text(&found.name))
}

/// Rooms, then people who are present anywhere, that have the wanted letters; those that begin with them first.
fn found(state: &State) -> Vec<Found> {
    let wanted = state.wanted.as_str();
    let mut first = Vec::new();
    let mut more = Vec::new();
    let mut take = |name: String, id: &str, act: Act| {
        let lower = lowercase(&name);
        let place = if lower.starts_with(wanted) {
            &mut first
        } else if lower
            .as_bytes()
            .windows(wanted.len())
            .any(|part| part == wanted.as_bytes())
        {
            &mut more
        } else {
            return;
        };
        place.push(Found {
            name,
            id: id.to_owned(),
            act,
            at: 0,
            chosen: false,
        });
    };
    for room in state.chat.listed() {
        take(name_of(room, state.words()), &room.room.id, Act::Open);
    }
    let me = state.chat.me().map(|me| me.id.as_str()).unwrap_or_default();
    let mut known: Vec<&str> = vec![me];
    for person in state.chat.rooms().iter().flat_map(|room| &room.people) {
        if let Err(place) = known.binary_search(&person.id.as_str()) {
            known.insert(place, &person.id);
            take(person.name.clone(), &person.id, Act::Direct);
        }
    }
    first.append(&mut more);
    first.truncate(SHOWN);
    for (at, found) in first.iter_mut().enumerate() {
        found.at = at;
        found.chosen = at == state.chosen;
    }
    first
}
