//! What the browser keeps: for all windows, or for this one over a reload.

use leptos::prelude::window;
use leptos::web_sys::Storage;
use pesan::chat::Carried;
use pesan::socketio::value::json;
use pesan::socketio::{from_value, to_value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Deepest nesting of what is kept.
const DEPTH: usize = 16;

/// Text under a name; nothing when there is none, or when the browser keeps nothing.
pub(crate) fn text(name: &str) -> Option<String> {
    all()?.get_item(name).ok().flatten()
}

/// Keeps a text under a name, or forgets it.
pub(crate) fn set_text(name: &str, text: Option<&str>) {
    set(all(), name, text);
}

/// Value under a name, or the default.
pub(crate) fn value<T: DeserializeOwned + Default>(name: &str) -> T {
    text(name).and_then(|text| read(&text)).unwrap_or_default()
}

/// Keeps a value under a name.
pub(crate) fn set_value<T: Serialize>(name: &str, value: &T) {
    if let Ok(value) = to_value(value) {
        set_text(name, Some(&json::to_string(&value)));
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    from_value(json::parse(text, DEPTH).ok()?).ok()
}

/// Begin of the names under which windows keep what they carry over a reload.
const CARRIED: &str = "pesan.carried.";
/// A window that gave no sign for this long is gone, in milliseconds.
const GONE: u64 = 5000;

/// What one window carries, and when it last gave a sign.
#[derive(Serialize, Deserialize)]
struct Luggage {
    sign: u64,
    carried: Carried,
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
        let luggage: Option<Luggage> = text(&name).and_then(|text| read(&text));
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
    if carried == Carried::default() {
        set_text(&name, None);
    } else {
        set_value(&name, &Luggage { sign, carried });
    }
}

fn all() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// A full or forbidden store is no reason to stop chatting.
fn set(storage: Option<Storage>, name: &str, text: Option<&str>) {
    let Some(storage) = storage else { return };
    let kept = match text {
        Some(text) => storage.set_item(name, text),
        None => storage.remove_item(name),
    };
    if kept.is_err() {
        leptos::logging::warn!("the browser does not keep {name}");
    }
}
