//! What the browser keeps: for all windows, or for this one over a reload.

use pesan::chat::{Carried, Luggage};
use pesan::messages::wire::Wire;
use pesan::socketio::Value;
use pesan::socketio::value::json;

use super::{browser, dom, navigation};

/// Deepest nesting of what is kept.
const DEPTH: usize = 16;

/// Text under a name; nothing when there is none, or when the browser keeps nothing.
pub(crate) fn text(name: &str) -> Option<String> {
    browser::kept(name).ok().flatten()
}

/// Keeps a text under a name, or forgets it. A full or forbidden store is no reason to stop chatting.
pub(crate) fn set_text(name: &str, text: Option<&str>) {
    let kept = match text {
        Some(text) => browser::keep(name, text),
        None => browser::forget(name),
    };
    if kept.is_err() {
        dom::warn(&["the browser does not keep ", name].concat());
    }
}

/// Value under a name, if it can be read.
pub(crate) fn value(name: &str) -> Option<Value> {
    json::parse(&text(name)?, DEPTH).ok()
}

/// Keeps a value under a name.
pub(crate) fn set_value(name: &str, value: &Value) {
    set_text(name, Some(&json::to_string(value)));
}

/// Name of what is for this server's eyes alone: any link may name another one, and is not to be told who somebody is
/// here, nor what they have not sent yet.
pub(crate) fn for_server(name: &str) -> String {
    [&navigation::elsewhere(), name].concat()
}

/// Begin of the names under which windows keep what they carry over a reload.
const CARRIED: &str = "pesan.carried.";
/// A window that gave no sign for this long is gone, in milliseconds.
const GONE: u64 = 5000;

/// Takes over what windows left behind that are gone: this one before its reload, or one that crashed.
pub(crate) fn take_carried(now: u64) -> Carried {
    let mut taken = Carried::default();
    let mut names = Vec::new();
    let begin = for_server(CARRIED);
    let mut at = 0;
    while let Ok(Some(name)) = browser::kept_name(at) {
        if name.starts_with(&begin) {
            names.push(name);
        }
        at += 1;
    }
    for name in names {
        let luggage = value(&name).and_then(Luggage::read);
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
    let name = for_server(&[CARRIED, window].concat());
    if carried.unsent.is_empty() && carried.drafts.is_empty() {
        set_text(&name, None);
    } else {
        set_value(&name, &Luggage { sign, carried }.write());
    }
}

/// Puts a text into the clipboard, where the browser allows it; a refusal changes nothing here.
pub(crate) fn copy(text: &str) {
    drop(browser::copy(text));
}
