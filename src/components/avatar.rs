//! First letter of a person's name on their colour.

use leptos::prelude::*;

use crate::contexts::chat::use_chat;
use crate::services::graphemes::first_grapheme;

/// Avatar of a person; the name stands beside it, so screen readers skip it.
#[component]
pub fn Avatar(
    /// Id of the person, from which the colour follows.
    id: String,
    /// Name of the person.
    name: String,
    /// Whether it is the size of a list entry instead of a message.
    #[prop(optional)]
    small: bool,
) -> impl IntoView {
    let tint = use_chat().select(move |state| state.tint(&id));
    let size = if small { " small" } else { "" };
    view! {
        <span class=move || format!("avatar{size} tint-{}", tint.get()) aria-hidden="true">
            {first_grapheme(&name)}
        </span>
    }
}
