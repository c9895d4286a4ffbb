//! A person's initials on their colour.

use leptos::prelude::*;
use pesan::chat::avatar;
use pesan::messages::Person;

/// Face of someone; the name stands beside it.
pub(crate) fn face(person: &Person, small: bool) -> AnyView {
    let class = [
        if small { "face small tint-" } else { "face tint-" },
        &avatar::tint(&person.id).to_string(),
    ]
    .concat();
    view! { <span class=class aria-hidden="true">{avatar::initials(&person.name)}</span> }.into_any()
}
