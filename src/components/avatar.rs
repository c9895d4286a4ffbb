//! Initials of a person on their colour.

use leptos::prelude::*;

use crate::chat::avatar::{initials, tint};

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
    let size = if small { " small" } else { "" };
    view! {
        <span class=format!("avatar{size} tint-{}", tint(&id)) aria-hidden="true">
            {initials(&name)}
        </span>
    }
}
