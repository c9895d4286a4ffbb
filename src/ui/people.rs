//! Who is in the open room; a click begins a direct conversation.

use pesan::chat::words::{Words, fill};

use super::dom::{El, piece};
use super::face::face;
use super::list::Item;
use super::page::Page;
use super::state::State;

/// People at the right.
pub(crate) fn people(page: &'static Page, side: &El) {
    let heading = side.at("h2");
    heading.shown(page, |state| !state.chat.room().people.is_empty());
    heading.says(page, |state| {
        let count = state.chat.room().people.len().to_string();
        Some([state.words().people, " · ", &count].concat())
    });
    side.at("ul").list(page, present, entry);
}

/// Who is there, and whether it is this person.
fn present(state: &State) -> Vec<Item> {
    let me = state.chat.me().map(|me| me.id.as_str()).unwrap_or_default();
    let mut present = Vec::new();
    for person in &state.chat.room().people {
        present.push(Item {
            id: person.id.clone(),
            name: person.name.clone(),
            marked: person.id == me,
            ..Item::default()
        });
    }
    present
}

fn entry(words: &'static Words, person: &Item) -> El {
    let entry = piece(if person.marked { "#self" } else { "#person" }, words);
    face(&entry.at(".face"), &person.id, &person.name, true);
    entry.at("bdi").write(&person.name);
    if !person.marked {
        let button = entry.at(".entry");
        button.set("title", Some(&fill(words.direct, &[&person.name])));
        button.set("data-of", Some(&person.id));
    }
    entry
}
