//! Time, language and chance, as the browser has them.

use std::cell::OnceCell;

use js_sys::Date;
use pesan::chat::words::Words;
use wasm_bindgen::JsValue;

use super::browser::{self, DateTimeFormat};

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    Date::now() as u64
}

/// Minutes that local time is ahead of UTC.
pub(crate) fn zone() -> i32 {
    -(Date::new_0().get_timezone_offset() as i32)
}

/// Random text of 16 letters and digits.
pub(crate) fn random_text() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 16];
    browser::random(&mut bytes);
    let mut text = String::new();
    for byte in &bytes {
        let letter = LETTERS.get(usize::from(byte % 32));
        text.push(letter.copied().map_or('a', char::from));
    }
    text
}

/// Writes times and days in one language.
pub(crate) struct Calendar {
    words: &'static Words,
    /// Made with the first day that needs it: a browser takes longer for it than for all else that is seen at first.
    day: OnceCell<DateTimeFormat>,
}

impl Calendar {
    /// Calendar of a language.
    pub(crate) fn new(words: &'static Words) -> Self {
        Self {
            words,
            day: OnceCell::new(),
        }
    }

    /// Time of day.
    pub(crate) fn time(&self, at: u64) -> String {
        let local = Date::new(&JsValue::from_f64(at as f64));
        [
            two_digits(local.get_hours()).as_str(),
            self.words.hour_mark,
            &two_digits(local.get_minutes()),
        ]
        .concat()
    }

    /// Day that was so many days ago.
    pub(crate) fn day(&self, at: u64, ago: i64) -> String {
        match ago {
            0 => self.words.today.to_owned(),
            1 => self.words.yesterday.to_owned(),
            _ => {
                let options = r#"{"weekday":"long","day":"numeric","month":"long","year":"numeric"}"#;
                let make = || DateTimeFormat::new(self.words.locale, &browser::parsed(options));
                self.day.get_or_init(make).format(at as f64)
            }
        }
    }
}

fn two_digits(number: u32) -> String {
    let digits = number.to_string();
    if number < 10 {
        ["0", &digits].concat()
    } else {
        digits
    }
}

/// Minutes and seconds left, as `2:05`.
pub(crate) fn left(until: u64, now: u64) -> String {
    let seconds = until.saturating_sub(now).div_ceil(1000);
    let rest = two_digits((seconds % 60) as u32);
    [(seconds / 60).to_string().as_str(), ":", &rest].concat()
}
