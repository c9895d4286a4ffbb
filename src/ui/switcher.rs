//! Finds a room or a person by a few letters.

use leptos::ev::KeyboardEvent;
use leptos::html::Input;
use leptos::prelude::*;
use pesan::chat::words::Words;

/// What can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Room, by id.
    Room(String),
    /// Person, by id.
    Person(String),
}

/// Field and what it found.
#[component]
pub(crate) fn Switcher(
    words: &'static Words,
    /// Names of all that can be found.
    targets: Vec<(String, Target)>,
    on_pick: Callback<Target>,
) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    let wanted = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let targets = StoredValue::new(targets);
    let found = Memo::new(move |_| {
        let wanted = wanted.get().to_lowercase();
        let mut found: Vec<(String, Target)> = targets.with_value(|targets| {
            targets
                .iter()
                .filter(|(name, _)| name.to_lowercase().contains(&wanted))
                .cloned()
                .collect()
        });
        found.sort_by_key(|(name, _)| !name.to_lowercase().starts_with(&wanted));
        found.truncate(20);
        found
    });
    let pick = move |at: usize| {
        if let Some((_, target)) = found.get_untracked().get(at) {
            on_pick.run(target.clone());
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let count = found.with_untracked(Vec::len).max(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|chosen| *chosen = (*chosen + 1) % count),
            "ArrowUp" => chosen.update(|chosen| *chosen = (*chosen + count - 1) % count),
            "Enter" => pick(chosen.get_untracked()),
            _ => return,
        }
        event.prevent_default();
    };
    let on_input = move |_| {
        wanted.set(
            field
                .get_untracked()
                .map(|field| field.value())
                .unwrap_or_default(),
        );
        chosen.set(0);
    };
    let list = move || {
        let chosen = chosen.get();
        found
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, (name, target))| {
                let sign = match target {
                    Target::Room(_) => "#",
                    Target::Person(_) => "@",
                };
                view! {
                    <div
                        class="entry"
                        role="option"
                        id=["found-", &at.to_string()].concat()
                        aria-selected=if at == chosen { "true" } else { "false" }
                        on:click=move |_| pick(at)
                    >
                        <span class="sign" aria-hidden="true">{sign}</span>
                        <span class="name">{name}</span>
                    </div>
                }
                .into_any()
            })
            .collect::<Vec<_>>()
    };
    view! {
        <input
            class="field"
            autofocus=true
            node_ref=field
            role="combobox"
            aria-expanded="true"
            aria-controls="found"
            aria-activedescendant=move || ["found-", &chosen.get().to_string()].concat()
            aria-label=words.find_room
            autocomplete="off"
            on:keydown=on_key
            on:input=on_input
        />
        <div class="found" id="found" role="listbox" aria-label=words.find_room>{list}</div>
        <p class="hint" role="status" hidden=move || !found.with(Vec::is_empty)>{words.nothing_found}</p>
    }
}
