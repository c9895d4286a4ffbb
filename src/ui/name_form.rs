//! Field for one's name, with a clear answer when it is taken.

use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use pesan::chat::words::Words;
use pesan::messages::Refusal;

/// What became of the last wish.
pub(crate) type Renamed = Option<Result<(), Refusal>>;

/// Field for one's name.
#[component]
pub(crate) fn NameForm(
    words: &'static Words,
    id: &'static str,
    caption: &'static str,
    name: String,
    #[prop(into)] renamed: Signal<Renamed>,
    on_name: Callback<String>,
    #[prop(optional)] beside: Option<AnyView>,
) -> impl IntoView {
    let field = NodeRef::<Input>::new();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        on_name.run(
            field
                .get_untracked()
                .map(|field| field.value())
                .unwrap_or_default(),
        );
    };
    let hint = move || {
        let (class, text) = match renamed.get() {
            None => ("hint", words.name_hint.to_owned()),
            Some(Ok(())) => ("hint good", words.name_saved.to_owned()),
            Some(Err(refusal)) => ("hint bad", words.refusal(&refusal)),
        };
        view! { <p class=class>{text}</p> }.into_any()
    };
    view! {
        <form class="group" on:submit=submit>
            <label class="caption" for=id>{caption}</label>
            <div class="with-button">
                <input class="field" id=id node_ref=field value=name autocomplete="nickname" maxlength="64" />
                <button class="button">{words.use_name}</button>
                {beside}
            </div>
            <div role="status">{hint}</div>
        </form>
    }
}
