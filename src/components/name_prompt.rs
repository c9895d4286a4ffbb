//! Asks for a name on the first visit. Nobody has to answer: the server has given one.

use leptos::html::Input;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::rename_form::RenameForm;
use crate::composables::focus::{focus, has_mouse};
use crate::contexts::chat::use_chat;
use crate::contexts::connection::use_connection;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::use_layout;

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
    let field = NodeRef::<Input>::new();
    let layout = use_layout();
    Effect::new(move || {
        // a person who writes already is not disturbed; on a phone no keyboard opens by itself
        if let Some(field) = field.get()
            && has_mouse()
            && chat.with_untracked(|state| state.room().draft.is_empty())
            && layout.is_composer_unused()
        {
            focus(Some(field.unchecked_into()));
        }
    });
    view! {
        <Show when=move || shown.get()>
            <div class="prompt">
                <RenameForm
                    id="first-name"
                    label=i18n.text(|s| s.name_question)
                    node_ref=field
                    on_type=move |name: String| chat.propose_name(name)
                >
                    <button type="button" class="button quiet" on:click=keep>
                        {keep_text}
                    </button>
                </RenameForm>
            </div>
        </Show>
    }
}
