//! Name, language and appearance, and the way to the help sheet.

use leptos::prelude::*;
use pesan::chat::words::{Language, Words};

use super::help::help;

/// Appearance of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Theme of a name as it is kept.
    pub(crate) fn of_name(name: Option<&str>) -> Self {
        match name {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            Some(_) | None => Self::System,
        }
    }

    /// Name under which it is kept; nothing for the system's.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// Settings.
#[component]
pub(crate) fn Settings(
    words: &'static Words,
    /// Field for the name, where there are names.
    name: Option<AnyView>,
    language: Language,
    theme: Theme,
    on_language: Callback<Language>,
    on_theme: Callback<Theme>,
) -> impl IntoView {
    let languages = [
        ("Bahasa Indonesia", Language::Indonesian),
        ("English", Language::English),
    ]
    .into_iter()
    .map(|(text, value)| {
        choice("language", text, value == language, move || {
            on_language.run(value);
        })
    })
    .collect::<Vec<_>>();
    let themes = [
        (words.system, Theme::System),
        (words.light, Theme::Light),
        (words.dark, Theme::Dark),
    ]
    .into_iter()
    .map(|(text, value)| {
        choice("theme", text, value == theme, move || {
            on_theme.run(value);
        })
    })
    .collect::<Vec<_>>();
    view! {
        {name}
        <fieldset class="group">
            <legend>{words.language}</legend>
            <div class="choice">{languages}</div>
        </fieldset>
        <fieldset class="group">
            <legend>{words.theme}</legend>
            <div class="choice">{themes}</div>
        </fieldset>
        <section class="group" aria-label=words.help>
            {help(words)}
        </section>
    }
}

fn choice(
    name: &'static str,
    text: &'static str,
    chosen: bool,
    choose: impl Fn() + Send + Sync + 'static,
) -> AnyView {
    let choose = Callback::new(move |()| choose());
    view! {
        <label>
            <input type="radio" name=name checked=chosen on:change=move |_| choose.run(()) />
            <span>{text}</span>
        </label>
    }
    .into_any()
}
