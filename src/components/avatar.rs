//! First letter of a person's name on their colour.

use leptos::prelude::*;

use crate::services::graphemes::first_grapheme;

/// Avatar of a person; the name stands beside it, so screen readers skip it.
#[component]
pub fn Avatar(
    /// Number of the person's colour.
    #[prop(into)]
    tint: Signal<u32>,
    /// Name of the person.
    name: String,
    /// Whether it is the size of a list entry instead of a message.
    #[prop(optional)]
    small: bool,
) -> impl IntoView {
    let size = if small { " small" } else { "" };
    view! {
        <span class=move || format!("avatar{size} tint-{}", tint.get()) aria-hidden="true">
            {first_grapheme(&name)}
        </span>
    }
}
