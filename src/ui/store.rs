//! What the browser keeps: for all windows, or for this one over a reload.

use leptos::prelude::window;
use pesan::chat::Carried;
use pesan::messages::wire::Wire;
use pesan::socketio::Value;
use pesan::socketio::value::json;
use web_sys::Storage;

use super::dom;

/// Deepest nesting of what is kept.
const DEPTH: usize = 16;

/// Text under a name; nothing when there is none, or when the browser keeps nothing.
pub(crate) fn text(name: &str) -> Option<String> {
    all()?.get_item(name).ok().flatten()
}

/// Keeps a text under a name, or forgets it. A full or forbidden store is no reason to stop chatting.
pub(crate) fn set_text(name: &str, text: Option<&str>) {
    let Some(storage) = all() else { return };
    let kept = match text {
        Some(text) => storage.set_item(name, text),
        None => storage.remove_item(name),
    };
    if kept.is_err() {
        dom::warn(&["the browser does not keep ", name].concat());
    }
}

/// Value under a name, if it can be read.
pub(crate) fn value<T: Wire>(name: &str) -> Option<T> {
    T::read(json::parse(&text(name)?, DEPTH).ok()?)
}

/// Keeps a value under a name.
pub(crate) fn set_value(name: &str, value: &Value) {
    set_text(name, Some(&json::to_string(value)));
}

/// Begin of the names under which windows keep what they carry over a reload.
const CARRIED: &str = "pesan.carried.";
/// A window that gave no sign for this long is gone, in milliseconds.
const GONE: u64 = 5000;

/// What one window carries, and when it last gave a sign.
struct Luggage {
    sign: u64,
    carried: Carried,
}

impl Wire for Luggage {
    fn write(&self) -> Value {
        Value::object([("sign", self.sign.write()), ("carried", self.carried.write())])
    }

    fn read(value: Value) -> Option<Self> {
        Some(Self {
            sign: u64::read(value.get("sign")?.clone())?,
            carried: Carried::read(value.get("carried")?.clone())?,
        })
    }
}

/// Takes over what windows left behind that are gone: this one before its reload, or one that crashed.
pub(crate) fn take_carried(now: u64) -> Carried {
    let mut taken = Carried::default();
    let Some(storage) = all() else { return taken };
    let names: Vec<String> = (0..storage.length().unwrap_or(0))
        .filter_map(|at| storage.key(at).ok().flatten())
        .filter(|name| name.starts_with(CARRIED))
        .collect();
    for name in names {
        let luggage: Option<Luggage> = value(&name);
        if luggage.as_ref().is_none_or(|luggage| luggage.sign + GONE < now) {
            set_text(&name, None);
            if let Some(Luggage { carried, .. }) = luggage {
                taken.unsent.extend(carried.unsent);
                taken.drafts.extend(carried.drafts);
            }
        }
    }
    taken
}

/// Keeps what this window carries; `sign` is when it gave a sign, or 0 when it goes.
pub(crate) fn keep_carried(window: &str, sign: u64, carried: Carried) {
    let name = [CARRIED, window].concat();
    if carried.unsent.is_empty() && carried.drafts.is_empty() {
        set_text(&name, None);
    } else {
        set_value(&name, &Luggage { sign, carried }.write());
    }
}

fn all() -> Option<Storage> {
    window().local_storage().ok().flatten()
}
