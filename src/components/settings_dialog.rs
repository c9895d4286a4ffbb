//! Settings: name, language, theme, what the conversation shows, and logging out.

use leptos::prelude::*;

use super::modal::Modal;
use super::rename_form::RenameForm;
use crate::chat::ChatState;
use crate::chat::i18n::Language;
use crate::contexts::chat::use_chat;
use crate::contexts::connection::use_connection;
use crate::contexts::i18n::use_i18n;
use crate::contexts::layout::{Dialog, use_layout};
use crate::contexts::preferences::{Theme, use_preferences};

/// Dialog with the settings.
#[component]
pub fn SettingsDialog(#[prop(into)] on_close: Callback<()>) -> impl IntoView {
    let chat = use_chat();
    let i18n = use_i18n();
    let preferences = use_preferences();
    let layout = use_layout();
    let connection = use_connection();
    let name = chat.with_untracked(|state| state.me().map(|me| me.name.clone()));
    let is_fixed = chat.with_untracked(ChatState::is_name_fixed);
    let own_name = name.map(|name| {
        if is_fixed {
            view! { <FixedName name=name /> }.into_any()
        } else {
            view! { <RenameForm id="own-name" label=i18n.text(|s| s.your_name) name=name /> }.into_any()
        }
    });
    let hides_membership = chat.select(ChatState::hides_membership);
    let open_help = move |_| {
        layout.close_dialog();
        layout.open_dialog(Dialog::Help);
    };
    let log_out = move |_| {
        layout.close_dialog();
        chat.log_out();
    };
    view! {
        <Modal title=i18n.text(|s| s.settings) on_close=on_close>
            {own_name}
            <fieldset class="group">
                <legend>{i18n.text(|s| s.language)}</legend>
                <div class="choices">
                    <Choice
                        group="language"
                        label=|| "Bahasa Indonesia"
                        checked=move || preferences.language() == Language::Indonesian
                        on_choose=move |()| preferences.set_language(Language::Indonesian)
                    />
                    <Choice
                        group="language"
                        label=|| "English"
                        checked=move || preferences.language() == Language::English
                        on_choose=move |()| preferences.set_language(Language::English)
                    />
                </div>
            </fieldset>
            <fieldset class="group">
                <legend>{i18n.text(|s| s.appearance)}</legend>
                <div class="choices">
                    <Choice
                        group="theme"
                        label=i18n.text(|s| s.theme_system)
                        checked=move || preferences.theme() == Theme::System
                        on_choose=move |()| preferences.set_theme(Theme::System)
                    />
                    <Choice
                        group="theme"
                        label=i18n.text(|s| s.theme_light)
                        checked=move || preferences.theme() == Theme::Light
                        on_choose=move |()| preferences.set_theme(Theme::Light)
                    />
                    <Choice
                        group="theme"
                        label=i18n.text(|s| s.theme_dark)
                        checked=move || preferences.theme() == Theme::Dark
                        on_choose=move |()| preferences.set_theme(Theme::Dark)
                    />
                </div>
            </fieldset>
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=move || !hides_membership.get()
                    on:change:target=move |event| chat.set_hide_membership(!event.target().checked())
                />
                <span>{i18n.text(|s| s.show_membership)}</span>
            </label>
            <Show when=move || connection.has_token()>
                <button type="button" class="button quiet" on:click=log_out>
                    {i18n.text(|s| s.log_out)}
                </button>
            </Show>
            <button type="button" class="button quiet shortcuts-button" on:click=open_help>
                {i18n.text(|s| s.help)}
            </button>
        </Modal>
    }
}

/// The own name where it belongs to the token, and why it cannot be changed.
#[component]
fn FixedName(name: String) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <div class="group">
            <p class="caption">{i18n.text(|s| s.your_name)}</p>
            <p>
                <bdi>{name}</bdi>
            </p>
            <p class="hint">{i18n.text(|s| s.name_fixed)}</p>
        </div>
    }
}

/// One of several values of a setting.
#[component]
fn Choice(
    group: &'static str,
    label: impl Fn() -> &'static str + Send + Sync + 'static,
    checked: impl Fn() -> bool + Send + Sync + 'static,
    #[prop(into)] on_choose: Callback<()>,
) -> impl IntoView {
    view! {
        <label>
            <input type="radio" name=group prop:checked=checked on:change=move |_| on_choose.run(()) />
            <span>{label}</span>
        </label>
    }
}
