//! Finds a room or a person by a few letters.

use std::collections::HashSet;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::header::room_name;
use super::modal::Modal;
use crate::chat::ChatState;
use crate::chat::i18n::Strings;
use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;

/// Most matches that are shown.
const MAX_MATCHES: usize = 20;

/// Room or person that matches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// Room of this id.
    Room(String),
    /// Person of this id.
    Person(String),
}

/// Target with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Match {
    target: Target,
    name: String,
}

/// Dialog that finds a room or a person; calls `on_close` when it was closed or something was chosen.
#[component]
pub fn QuickSwitcher(#[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let query = RwSignal::new(String::new());
    let selected = RwSignal::new(0_usize);
    let matches = Memo::new(move |_| {
        let strings = i18n.strings();
        chat.with(|state| query.with(|query| find(state, query, strings)))
    });
    let choose = move |target: Target| {
        match target {
            Target::Room(id) => chat.open_room(&id),
            Target::Person(id) => chat.open_direct(&id),
        }
        on_close.run(());
    };
    let move_selection = move |step: usize| {
        let count = matches.with_untracked(Vec::len).max(1);
        selected.update(|selected| *selected = (*selected + step) % count);
    };
    let on_key = move |event: KeyboardEvent| {
        match event.key().as_str() {
            "ArrowDown" => move_selection(1),
            "ArrowUp" => move_selection(matches.with_untracked(Vec::len).max(1) - 1),
            "Enter" => {
                let chosen = matches.with_untracked(|matches| matches.get(selected.get_untracked()).cloned());
                if let Some(chosen) = chosen {
                    choose(chosen.target);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <Modal title=i18n.text(|s| s.find) on_close=on_close>
            <input
                class="field"
                autofocus
                role="combobox"
                aria-expanded="true"
                aria-controls="matches"
                aria-activedescendant=move || option_id(selected.get())
                aria-label=i18n.text(|s| s.find)
                autocomplete="off"
                on:input:target=move |event| {
                    query.set(event.target().value());
                    selected.set(0);
                }
                on:keydown=on_key
            />
            <div class="matches" id="matches" role="listbox" aria-label=i18n.text(|s| s.find)>
                <ForEnumerate
                    each=move || matches.get()
                    key=|found| (found.target.clone(), found.name.clone())
                    children=move |index, found| {
                        let Match { target, name } = found;
                        let sign = match target {
                            Target::Room(_) => "#",
                            Target::Person(_) => "@",
                        };
                        view! {
                            <div
                                class="entry"
                                role="option"
                                id=move || option_id(index.get())
                                aria-selected=move || (selected.get() == index.get()).to_string()
                                on:click=move |_| choose(target.clone())
                            >
                                <span class="sign" aria-hidden="true">
                                    {sign}
                                </span>
                                <span class="name">{name}</span>
                            </div>
                        }
                    }
                />
            </div>
            <p class="hint" role="status" hidden=move || matches.with(|matches| !matches.is_empty())>
                {i18n.text(|s| s.nothing_found)}
            </p>
        </Modal>
    }
}

fn option_id(index: usize) -> String {
    format!("match-{index}")
}

/// Rooms, then people in any known room, whose name has the query; those that begin with it first.
fn find(state: &ChatState, query: &str, strings: &Strings) -> Vec<Match> {
    let query = query.to_lowercase();
    let rooms = state.listed().into_iter().map(|room| Match {
        target: Target::Room(room.room.id.clone()),
        name: room_name(room, strings),
    });
    let mut known: HashSet<&str> = state.me().map(|me| me.id.as_str()).into_iter().collect();
    let people = state.rooms().iter().flat_map(|room| &room.people);
    let people = people
        .filter(|person| known.insert(&person.id))
        .map(|person| Match {
            target: Target::Person(person.id.clone()),
            name: person.name.clone(),
        });
    let (mut matches, containing): (Vec<_>, Vec<_>) = rooms
        .chain(people)
        .filter(|found| found.name.to_lowercase().contains(&query))
        .partition(|found| found.name.to_lowercase().starts_with(&query));
    matches.extend(containing);
    matches.truncate(MAX_MATCHES);
    matches
}
