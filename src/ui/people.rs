//! Who is in the open room; a click begins a direct conversation.

use std::rc::Rc;

use pesan::chat::words::{Words, fill};
use pesan::messages::Person;

use super::act::Act;
use super::dom::{El, el};
use super::face::{face, name};
use super::icon::{CLOSE, icon_button};
use super::page::Page;
use super::state::State;

/// People at the right.
pub(crate) fn people(page: &Rc<Page>) -> El {
    let words = page.words();
    let heading = el("h2", "")
        .shown(page, |state| !state.chat.room().people.is_empty())
        .says(page, |state| {
            let count = state.chat.room().people.len().to_string();
            Some([state.words().people, " · ", &count].concat())
        });
    let top = el("div", "top").add(el("div", "").add(heading)).add(icon_button(
        "icon close",
        CLOSE,
        words.close,
        Act::ClosePanel,
    ));
    let list = el("ul", "").list(page, present, |words, (person, me)| entry(words, person, *me));
    el("aside", "side people")
        .attr("aria-label", words.people)
        .add(top)
        .add(el("div", "scroll").add(list))
}

/// Who is there, and whether it is this person.
fn present(state: &State) -> Vec<(Person, bool)> {
    let me = state.chat.me().map(|me| me.id.as_str()).unwrap_or_default();
    let people = state.chat.room().people.iter();
    people.map(|person| (person.clone(), person.id == me)).collect()
}

fn entry(words: &'static Words, person: &Person, me: bool) -> El {
    let entry = el(if me { "div" } else { "button" }, "entry")
        .add(face(person, true))
        .add(name("name", &person.name));
    el("li", "").add(if me {
        entry.add(el("span", "soft").text(words.you))
    } else {
        entry
            .attr("title", &fill(words.direct, &[&person.name]))
            .act(Act::Direct, &person.id)
    })
}
