//! A person's initials on their colour.

use pesan::chat::avatar;
use pesan::messages::Person;

use super::dom::{El, el};

/// Face of someone; the name stands beside it.
pub(crate) fn face(person: &Person, small: bool) -> El {
    let class = if small { "face small tint-" } else { "face tint-" };
    el("span", &[class, &avatar::tint(&person.id).to_string()].concat())
        .attr("aria-hidden", "true")
        .text(&avatar::initials(&person.name))
}

/// Name of someone or something, whose direction of writing is its own.
pub(crate) fn name(class: &str, name: &str) -> El {
    el("span", class).add(el("bdi", "").text(name))
}
