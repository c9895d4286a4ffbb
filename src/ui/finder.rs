//! Finds a room or a person by a few letters.

use pesan::chat::words::Words;

use super::act::Act;
use super::dom::{El, lowercase, piece};
use super::list::Item;
use super::page::Page;
use super::rooms::name_of;
use super::state::State;

/// Most that is shown of what was found.
const SHOWN: usize = 20;

/// Field and what it found.
pub(crate) fn finder(page: &'static Page, dialog: &El) {
    dialog.at("input").bind(page, "aria-activedescendant", |state| {
        Some(id_of(state.chosen as u64))
    });
    dialog.at(".found").list(page, found, entry);
    dialog.at(".hint").shown(page, |state| found(state).is_empty());
}

/// A key was pressed in the field; returns whether it meant something.
pub(crate) fn pressed(page: &'static Page, key: &str) -> bool {
    let found = page.look(found);
    let count = found.len().max(1);
    let step = match key {
        "ArrowDown" => 1,
        "ArrowUp" => count - 1,
        "Enter" => {
            if let Some(found) = found.into_iter().find(|found| found.marked)
                && let Some(act) = found.act
            {
                page.perform(act, &found.id);
            }
            return true;
        }
        _ => return false,
    };
    page.change(&mut |state, _| state.chosen = (state.chosen + step) % count);
    true
}

fn id_of(at: u64) -> String {
    ["found-", &at.to_string()].concat()
}

fn entry(words: &'static Words, found: &Item) -> El {
    let entry = piece("#found-one", words);
    entry.set("id", Some(&id_of(found.count)));
    entry.set("aria-selected", Some(if found.marked { "true" } else { "false" }));
    entry.set("data-act", found.act.map(Act::name));
    entry.set("data-of", Some(&found.id));
    let sign = if found.act == Some(Act::Open) { "#" } else { "@" };
    entry.at(".sign").write(sign);
    entry.at(".name").write(&found.name);
    entry
}

/// Rooms, then people who are present anywhere, that have the wanted letters; those that begin with them first.
#[inline(never)]
fn found(state: &State) -> Vec<Item> {
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
        place.push(Item {
            name,
            id: id.to_owned(),
            act: Some(act),
            ..Item::default()
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
        found.count = at as u64;
        found.marked = at == state.chosen;
    }
    first
}
