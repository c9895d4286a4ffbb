//! Time, language and chance, as the browser has them.

use js_sys::{Array, Date, Function, Intl, Reflect};
use pesan::chat::words::Words;
use wasm_bindgen::{JsCast, JsValue};

use super::dom;

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
    const LETTERS: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't',
        'u', 'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
    ];
    let crypto = Reflect::get(&js_sys::global(), &"crypto".into()).unwrap_or_default();
    let bytes = js_sys::Uint8Array::new_with_length(16);
    let strong = Reflect::get(&crypto, &"getRandomValues".into())
        .ok()
        .and_then(|method| method.dyn_into::<Function>().ok())
        .is_some_and(|method| method.call1(&crypto, &bytes).is_ok());
    let byte = |at| {
        if strong {
            bytes.get_index(at)
        } else {
            (js_sys::Math::random() * 256.0) as u8
        }
    };
    (0..16)
        .filter_map(|at| LETTERS.get(usize::from(byte(at) % 32)))
        .collect()
}

/// Writes times and days in one language.
#[derive(Clone)]
pub(crate) struct Calendar {
    words: &'static Words,
    time: Function,
    day: Function,
    today: i64,
}

impl Calendar {
    /// Calendar of a language; `today` is today's number of days since 1970, in local time.
    pub(crate) fn new(words: &'static Words, today: i64) -> Self {
        let formatter = |options: &[(&str, &str)]| {
            Intl::DateTimeFormat::new(&Array::of1(&words.locale.into()), &dom::object(options)).format()
        };
        Self {
            words,
            time: formatter(&[("hour", "2-digit"), ("minute", "2-digit"), ("hourCycle", "h23")]),
            day: formatter(&[
                ("weekday", "long"),
                ("day", "numeric"),
                ("month", "long"),
                ("year", "numeric"),
            ]),
            today,
        }
    }

    /// Time of day.
    pub(crate) fn time(&self, at: u64) -> String {
        written(&self.time, at)
    }

    /// Day, whose number is given too.
    pub(crate) fn day(&self, at: u64, number: i64) -> String {
        match self.today - number {
            0 => self.words.today.to_owned(),
            1 => self.words.yesterday.to_owned(),
            _ => written(&self.day, at),
        }
    }
}

fn written(formatter: &Function, at: u64) -> String {
    formatter
        .call1(&JsValue::UNDEFINED, &(at as f64).into())
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
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
