//! Time and randomness of the browser.

use js_sys::Date;
use wasm_bindgen::JsValue;

const MILLIS_PER_MINUTE: f64 = 60_000.0;
const MILLIS_PER_DAY: f64 = 86_400_000.0;

/// Current time in milliseconds since 1970.
#[must_use]
pub fn now() -> u64 {
    Date::now() as u64
}

/// Local day of a time in milliseconds since 1970, with the UTC offset of that moment.
#[must_use]
pub fn local_day(at: u64) -> i64 {
    let offset = Date::new(&JsValue::from_f64(at as f64)).get_timezone_offset();
    ((at as f64 - offset * MILLIS_PER_MINUTE) / MILLIS_PER_DAY).floor() as i64
}

/// Milliseconds until the local day ends.
#[must_use]
pub fn until_midnight(now: u64) -> u32 {
    let midnight = Date::new(&JsValue::from_f64(now as f64));
    midnight.set_hours(24);
    midnight.set_minutes(0);
    midnight.set_seconds(0);
    midnight.set_milliseconds(0);
    (midnight.get_time() - now as f64).max(0.0) as u32
}

/// Random text of 16 lower-case letters and digits (80 bits).
#[must_use]
pub fn random_id() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 16];
    let filled = web_sys::window()
        .and_then(|window| window.crypto().ok())
        .map(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    if !matches!(filled, Some(Ok(_))) {
        // browsers without `crypto` have no secure context either
        bytes = std::array::from_fn(|_| (js_sys::Math::random() * 256.0) as u8);
    }
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}
