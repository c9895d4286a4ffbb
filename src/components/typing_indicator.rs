//! Who is typing in the open room.

use leptos::prelude::*;

use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;

/// Line above the composer that says who is typing.
#[component]
pub fn TypingIndicator() -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let names = chat.select(|state| {
        let names = state.room().typing_users.names();
        names.take(3).map(str::to_owned).collect::<Vec<_>>()
    });
    let text = move || {
        let strings = i18n.strings();
        names.with(|names| match names.as_slice() {
            [] => String::new(),
            [one] => (strings.typing_one)(one),
            [one, two] => (strings.typing_two)(one, two),
            _ => strings.typing_many.to_owned(),
        })
    };
    view! {
        <p class="typing" aria-hidden="true">
            {text}
        </p>
    }
}
