//! Language and theme of this browser.

use leptos::ev;
use leptos::prelude::*;

use crate::chat::i18n::Language;
use crate::services::storage;

const LANGUAGE_KEY: &str = "pesan.language";
const THEME_KEY: &str = "pesan.theme";

/// Theme of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Theme of the system.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    fn from_name(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// Value of the attribute `data-theme`; `None` for the theme of the system.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// Language and theme; copy it into closures.
#[derive(Debug, Clone, Copy)]
pub struct DisplayPreferences {
    language: RwSignal<Language>,
    theme: RwSignal<Theme>,
}

impl DisplayPreferences {
    /// Language of the page.
    #[must_use]
    pub fn language(self) -> Language {
        self.language.get()
    }

    /// Theme of the page.
    #[must_use]
    pub fn theme(self) -> Theme {
        self.theme.get()
    }

    /// Changes the language, also for later visits.
    pub fn set_language(self, language: Language) {
        self.language.set(language);
        storage::set(LANGUAGE_KEY, Some(language.tag()));
    }

    /// Changes the theme, also for later visits.
    pub fn set_theme(self, theme: Theme) {
        self.theme.set(theme);
        storage::set(THEME_KEY, theme.name());
    }
}

/// Reads the preferences of this browser, provides them, and keeps the attributes of `<html>` up to date.
pub fn provide_preferences() -> DisplayPreferences {
    let browser_language = || web_sys::window().and_then(|window| window.navigator().language());
    let stored_language = move || {
        let tag = storage::get(LANGUAGE_KEY).or_else(browser_language);
        Language::from_tag(tag.as_deref().unwrap_or_default())
    };
    let stored_theme = || Theme::from_name(storage::get(THEME_KEY).as_deref().unwrap_or_default());
    let preferences = DisplayPreferences {
        language: RwSignal::new(stored_language()),
        theme: RwSignal::new(stored_theme()),
    };
    // changed in another window
    let other_window = window_event_listener(ev::storage, move |event| match event.key().as_deref() {
        Some(LANGUAGE_KEY) => preferences.language.set(stored_language()),
        Some(THEME_KEY) => preferences.theme.set(stored_theme()),
        _ => {}
    });
    on_cleanup(move || other_window.remove());
    Effect::new(move || set_root_attribute("lang", Some(preferences.language().tag())));
    Effect::new(move || set_root_attribute("data-theme", preferences.theme().name()));
    provide_context(preferences);
    preferences
}

/// Preferences of this browser.
///
/// # Panics
/// Outside of the page's `App`, which provides them.
#[must_use]
pub fn use_preferences() -> DisplayPreferences {
    expect_context()
}

fn set_root_attribute(name: &str, value: Option<&str>) {
    let Some(root) = document().document_element() else {
        return;
    };
    let changed = match value {
        Some(value) => root.set_attribute(name, value),
        None => root.remove_attribute(name),
    };
    if changed.is_err() {
        leptos::logging::warn!("<html> does not take the attribute {name}");
    }
}
