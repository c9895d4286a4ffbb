//! Field for the password or token that a server asks for.

use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use pesan::chat::words::Words;

/// Field for a token.
#[component]
pub(crate) fn TokenForm(
    words: &'static Words,
    /// Whether one was tried already.
    tried: bool,
    on_token: Callback<String>,
) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            field.focus().unwrap_or_default();
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        on_token.run(
            field
                .get_untracked()
                .map(|field| field.value())
                .unwrap_or_default(),
        );
    };
    let (class, text) = if tried {
        ("hint bad", words.token_wrong)
    } else {
        ("hint", words.token_ask)
    };
    view! {
        <form class="ask" on:submit=submit>
            <label class="caption" for="token">{words.token}</label>
            <div class="with-button">
                <input class="field" id="token" type="password" node_ref=field autocomplete="current-password" />
                <button class="button">{words.enter}</button>
            </div>
            <p class=class role="status">{text}</p>
        </form>
    }
}
