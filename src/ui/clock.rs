//! Time, language and chance, as the browser has them.

use js_sys::Date;
use pesan::chat::words::Words;

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
    time: DateTimeFormat,
    day: DateTimeFormat,
    today: i64,
}

impl Calendar {
    /// Calendar of a language; `today` is today's number of days since 1970, in local time.
    pub(crate) fn new(words: &'static Words, today: i64) -> Self {
        let formatter = |options| DateTimeFormat::new(words.locale, &browser::parsed(options));
        Self {
            words,
            time: formatter(r#"{"hour":"2-digit","minute":"2-digit","hourCycle":"h23"}"#),
            day: formatter(r#"{"weekday":"long","day":"numeric","month":"long","year":"numeric"}"#),
            today,
        }
    }

    /// Time of day.
    pub(crate) fn time(&self, at: u64) -> String {
        self.time.format(at as f64)
    }

    /// Day, whose number is given too.
    pub(crate) fn day(&self, at: u64, number: i64) -> String {
        match self.today - number {
            0 => self.words.today.to_owned(),
            1 => self.words.yesterday.to_owned(),
            _ => self.day.format(at as f64),
        }
    }
}

/// Minutes and seconds left, as `2:05`.
pub(crate) fn left(until: u64, now: u64) -> String {
    let seconds = until.saturating_sub(now).div_ceil(1000);
    let padding = if seconds % 60 < 10 { ":0" } else { ":" };
    [
        (seconds / 60).to_string().as_str(),
        padding,
        &(seconds % 60).to_string(),
    ]
    .concat()
}
