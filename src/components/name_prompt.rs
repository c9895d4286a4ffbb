//! Asks for a name on the first visit. Nobody has to answer: the server has given one.

use leptos::prelude::*;

use super::rename_form::RenameForm;
use crate::contexts::chat::use_chat;
use crate::contexts::connection::use_connection;
use crate::contexts::i18n::use_i18n;

/// Prompt for a name, shown until one was chosen or kept.
#[component]
pub fn NamePrompt() -> impl IntoView {
    let chat = use_chat();
    let connection = use_connection();
    let i18n = use_i18n();
    let has_chosen = chat.select(|state| state.wished_name().is_some() || state.is_name_fixed());
    let given_name = chat.select(|state| state.me().map(|me| me.name.clone()));
    let shown = Memo::new(move |_| {
        given_name.with(Option::is_some)
            && !has_chosen.get()
            && connection.state.with(|state| !state.needs_token())
    });
    let keep = move |_| {
        if let Some(name) = given_name.get_untracked() {
            chat.keep_name(name);
        }
    };
    let keep_text = move || {
        let name = given_name.get().unwrap_or_default();
        (i18n.strings().keep_name)(&name)
    };
    view! {
        <Show when=move || shown.get()>
            <div class="prompt">
                <RenameForm id="first-name" label=i18n.text(|s| s.name_question)>
                    <button type="button" class="button quiet" on:click=keep>
                        {keep_text}
                    </button>
                </RenameForm>
            </div>
        </Show>
    }
}
