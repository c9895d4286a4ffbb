//! Field for the own name, with the server's answer below.

use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

use crate::contexts::chat::use_chat;
use crate::contexts::i18n::use_i18n;

/// Longest name that the field takes, in UTF-16 units; the server has the last word.
const MAX_NAME_LENGTH: &str = "64";

/// Form that changes the own name.
#[component]
pub fn RenameForm(
    /// Id of the field, unique in the page.
    id: &'static str,
    /// Label of the field.
    #[prop(into)]
    label: TextProp,
    /// Name that the field holds at first.
    #[prop(optional, into)]
    name: String,
    /// Called with what is typed.
    #[prop(optional, into)]
    on_type: Option<Callback<String>>,
    /// Field, for the focus.
    #[prop(optional)]
    node_ref: NodeRef<Input>,
    /// Further buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let field = node_ref;
    let result = chat.select(|state| state.renamed().cloned());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked() {
            chat.rename(&field.value());
        }
    };
    let hint_class = move || {
        result.with(|result| match result {
            None => "hint",
            Some(Ok(())) => "hint success",
            Some(Err(_)) => "hint error",
        })
    };
    let hint = move || {
        let strings = i18n.strings();
        result.with(|result| match result {
            None => strings.name_hint.to_owned(),
            Some(Ok(())) => strings.name_saved.to_owned(),
            Some(Err(error)) => strings.error(error),
        })
    };
    view! {
        <form class="group" on:submit=submit>
            <label class="caption" for=id>
                {move || label.get()}
            </label>
            <div class="button-row">
                <input
                    id=id
                    class="field"
                    autocomplete="nickname"
                    maxlength=MAX_NAME_LENGTH
                    value=name
                    node_ref=field
                    on:input:target=move |event| {
                        if let Some(on_type) = on_type {
                            on_type.run(event.target().value());
                        }
                    }
                />
                <button class="button">{i18n.text(|s| s.use_name)}</button>
                {children.map(|children| children())}
            </div>
            <div role="status">
                <p class=hint_class>{hint}</p>
            </div>
        </form>
    }
}
