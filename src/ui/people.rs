//! Who is in the open room; a click begins a direct conversation.

use leptos::prelude::*;
use pesan::chat::words::{Words, fill};
use pesan::messages::Person;

use super::face::face;
use super::icon::{CLOSE, icon};

/// People at the right.
#[component]
pub(crate) fn People(
    words: &'static Words,
    #[prop(into)] people: Signal<Vec<Person>>,
    /// Id of this person.
    #[prop(into)]
    me: Signal<Option<Person>>,
    on_direct: Callback<String>,
    on_close: Callback<()>,
) -> impl IntoView {
    let list = move || {
        let me = me.get().map(|me| me.id).unwrap_or_default();
        people
            .get()
            .into_iter()
            .map(|person| entry(words, person, &me, on_direct))
            .collect::<Vec<_>>()
    };
    let heading = move || {
        let count = people.with(Vec::len);
        (count > 0).then(|| view! { <h2>{words.people}" · "{count.to_string()}</h2> }.into_any())
    };
    view! {
        <aside class="side people" aria-label=words.people>
            <div class="top">
                <div>{heading}</div>
                <button class="icon close" aria-label=words.close title=words.close on:click=move |_| on_close.run(())>
                    {icon(CLOSE)}
                </button>
            </div>
            <div class="scroll"><ul>{list}</ul></div>
        </aside>
    }
}

fn entry(words: &'static Words, person: Person, me: &str, on_direct: Callback<String>) -> AnyView {
    let face = face(&person, true);
    let name = view! { <span class="name"><bdi>{person.name.clone()}</bdi></span> };
    if person.id == me {
        return view! { <li><div class="entry">{face}{name}<span class="soft">{words.you}</span></div></li> }
            .into_any();
    }
    let label = fill(words.direct, &[&person.name]);
    view! {
        <li>
            <button class="entry" title=label on:click=move |_| on_direct.run(person.id.clone())>
                {face}
                {name}
            </button>
        </li>
    }
    .into_any()
}
