//! Asks for the password or token that the server requires.

use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;

use crate::chat::connection_state::ConnectionState;
use crate::composables::focus::use_initial_focus;
use crate::contexts::chat::use_chat;
use crate::contexts::connection::use_connection;
use crate::contexts::i18n::use_i18n;
use crate::protocol::ChatErrorCode;

/// Prompt for a token, shown while the server requires one.
#[component]
pub fn TokenPrompt() -> impl IntoView {
    let connection = use_connection();
    let shown = Memo::new(move |_| connection.state.with(ConnectionState::needs_token));
    view! {
        <Show when=move || shown.get()>
            <TokenForm />
        </Show>
    }
}

#[component]
fn TokenForm() -> impl IntoView {
    let chat = use_chat();
    let connection = use_connection();
    let i18n = use_i18n();
    let field = NodeRef::<Input>::new();
    use_initial_focus(field);
    // a password manager must not offer the password of this page's own server to another one
    let foreign_host = connection.foreign_host.get_value();
    let (kind, autocomplete) = match &foreign_host {
        Some(_) => ("text", "off"),
        None => ("password", "current-password"),
    };
    let label = move || match &foreign_host {
        Some(host) => (i18n.strings().token_for)(host),
        None => i18n.strings().token.to_owned(),
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked() {
            connection.set_token(&field.value());
            chat.connect_now();
        }
    };
    let hint = move || {
        let strings = i18n.strings();
        let locked_out = connection.state.with(|state| {
            let error = state
                .token_error()
                .filter(|error| error.code == ChatErrorCode::TooFast);
            error.map(|error| strings.error(error))
        });
        match locked_out {
            Some(text) => text,
            None if connection.token_sent.get() => strings.token_wrong.to_owned(),
            None => strings.token_hint.to_owned(),
        }
    };
    view! {
        <form class="prompt" on:submit=submit>
            <label class="caption" for="token">
                {label}
            </label>
            <div class="button-row">
                <input
                    id="token"
                    class="field"
                    type=kind
                    autocomplete=autocomplete
                    node_ref=field
                />
                <button class="button">{i18n.text(|s| s.enter)}</button>
            </div>
            <p class="hint" class:error=move || connection.token_sent.get() role="status">
                {hint}
            </p>
        </form>
    }
}
