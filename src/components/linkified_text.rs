//! Text in which addresses are links. The text itself is never markup.

use leptos::prelude::*;

use crate::chat::linkify::{Part, parts};

/// Text in which addresses are links.
#[component]
pub fn LinkifiedText(text: String) -> impl IntoView {
    parts(&text)
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => text.to_owned().into_any(),
            Part::Link(url) => view! {
                <a href=url.to_owned() target="_blank" rel="noopener noreferrer nofollow">
                    {url.to_owned()}
                </a>
            }
            .into_any(),
        })
        .collect_view()
}
