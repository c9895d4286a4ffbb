//! Texts, dates and order of names in the language of the page.

use std::cmp::Ordering;

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::preferences::use_preferences;
use crate::chat::i18n::{Language, Strings};

/// Texts and formats of the language of the page; copy it into closures.
#[derive(Clone, Copy)]
pub struct I18n {
    language: Signal<Language>,
    formats: Memo<Formats>,
}

/// `Intl` objects of one language: expensive to make, so made once.
#[derive(Clone)]
struct Formats {
    language: Language,
    time: send_wrapper::SendWrapper<Function>,
    day: send_wrapper::SendWrapper<Function>,
    short_date: send_wrapper::SendWrapper<Function>,
    compare: send_wrapper::SendWrapper<Function>,
}

impl PartialEq for Formats {
    fn eq(&self, other: &Self) -> bool {
        self.language == other.language
    }
}

impl Formats {
    fn new(language: Language) -> Self {
        let locales = Array::of1(&JsValue::from_str(&locale(language)));
        let time = Intl::DateTimeFormat::new(
            &locales,
            &options(&[("hour", "2-digit"), ("minute", "2-digit"), ("hourCycle", "h23")]),
        );
        let day = Intl::DateTimeFormat::new(
            &locales,
            &options(&[
                ("weekday", "long"),
                ("day", "numeric"),
                ("month", "long"),
                ("year", "numeric"),
            ]),
        );
        let short_date =
            Intl::DateTimeFormat::new(&locales, &options(&[("day", "numeric"), ("month", "short")]));
        let collator = Intl::Collator::new(&locales, &options(&[("sensitivity", "base"), ("usage", "sort")]));
        Self {
            language,
            time: send_wrapper::SendWrapper::new(time.format()),
            day: send_wrapper::SendWrapper::new(day.format()),
            short_date: send_wrapper::SendWrapper::new(short_date.format()),
            compare: send_wrapper::SendWrapper::new(collator.compare()),
        }
    }
}

impl I18n {
    /// Texts of the language; tracks the language.
    #[must_use]
    pub fn strings(self) -> &'static Strings {
        self.language.get().strings()
    }

    /// One fixed text, for `view!`.
    pub fn text(
        self,
        pick: fn(&'static Strings) -> &'static str,
    ) -> impl Fn() -> &'static str + Copy + Send + Sync + 'static {
        move || pick(self.strings())
    }

    /// Time of day, such as `14:05`.
    #[must_use]
    pub fn time(self, at: u64) -> String {
        self.formats.with(|formats| call_with_date(&formats.time, at))
    }

    /// Date with its weekday.
    #[must_use]
    pub fn date(self, at: u64) -> String {
        self.formats.with(|formats| call_with_date(&formats.day, at))
    }

    /// Day and month in a few letters.
    #[must_use]
    pub fn short_date(self, at: u64) -> String {
        self.formats
            .with(|formats| call_with_date(&formats.short_date, at))
    }

    /// Name of a day: today, yesterday, or its date.
    #[must_use]
    pub fn day(self, at: u64, days_ago: i64) -> String {
        match days_ago {
            0 => self.strings().today.to_owned(),
            1 => self.strings().yesterday.to_owned(),
            _ => self.date(at),
        }
    }

    /// Order of two names in the language.
    #[must_use]
    pub fn compare(self, a: &str, b: &str) -> Ordering {
        self.formats.with(|formats| {
            let order =
                formats
                    .compare
                    .call2(&JsValue::UNDEFINED, &JsValue::from_str(a), &JsValue::from_str(b));
            let order = order.ok().and_then(|order| order.as_f64()).unwrap_or(0.0);
            order.total_cmp(&0.0)
        })
    }
}

/// Provides texts and formats; needs the preferences.
pub fn provide_i18n() -> I18n {
    let preferences = use_preferences();
    let language = Signal::derive(move || preferences.language());
    let i18n = I18n {
        language,
        formats: Memo::new(move |_| Formats::new(language.get())),
    };
    provide_context(i18n);
    i18n
}

/// Texts and formats of the language of the page.
///
/// # Panics
/// Outside of the page's `App`, which provides them.
#[must_use]
pub fn use_i18n() -> I18n {
    expect_context()
}

/// Language of the page, in the region of the browser when that speaks it.
fn locale(language: Language) -> String {
    let browser = web_sys::window().and_then(|window| window.navigator().language());
    browser
        .filter(|tag| tag.split('-').next() == Some(language.tag()))
        .unwrap_or_else(|| language.tag().to_owned())
}

fn options(fields: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, value) in fields {
        let set = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
        debug_assert!(set.is_ok(), "a new object takes every property");
    }
    options
}

fn call_with_date(format: &Function, at: u64) -> String {
    let date = Date::new(&JsValue::from_f64(at as f64));
    format
        .call1(&JsValue::UNDEFINED, &date)
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}
