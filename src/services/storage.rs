//! What the browser keeps: preferences for all windows, unsent texts and drafts for each window.
//!
//! Every value that belongs to a person is stored per server ([`for_server`]): a link may name any server with
//! `?server=`, and that server must not learn who somebody is here. A full or forbidden storage never stops the chat.

use serde::Serialize;
use serde::de::DeserializeOwned;
use web_sys::Storage;

use super::route;
use crate::chat::{StoredWindowState, WindowState};

/// Keys of windows that are open, or were closed with unsent texts, begin with this.
const WINDOW_PREFIX: &str = "pesan.carried.";

/// A window that stored nothing for longer than this was closed, in milliseconds.
const WINDOW_TIMEOUT: u64 = 5000;

fn local_storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// Text under a key; `None` when there is none or storage is forbidden.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    local_storage()?.get_item(key).ok().flatten()
}

/// Stores a text under a key, or removes the key.
pub fn set(key: &str, text: Option<&str>) {
    let Some(storage) = local_storage() else { return };
    let stored = match text {
        Some(text) => storage.set_item(key, text),
        None => storage.remove_item(key),
    };
    if stored.is_err() {
        leptos::logging::warn!("local storage does not take {key}");
    }
}

/// Value under a key; `None` when there is none or it has another shape.
#[must_use]
pub fn get_json<T: DeserializeOwned>(key: &str) -> Option<T> {
    serde_json::from_str(&get(key)?).ok()
}

/// Stores a value under a key.
pub fn set_json<T: Serialize>(key: &str, value: &T) {
    match serde_json::to_string(value) {
        Ok(text) => set(key, Some(&text)),
        Err(error) => leptos::logging::warn!("{key} cannot be stored: {error}"),
    }
}

/// Key for what only the current server may learn.
#[must_use]
pub fn for_server(key: &str) -> String {
    format!("{}{key}", route::foreign_server().unwrap_or_default())
}

/// Takes over the unsent texts and drafts of closed windows: this one before its reload, or one that crashed.
#[must_use]
pub fn take_window_states(now: u64) -> WindowState {
    let mut taken = WindowState::default();
    let prefix = for_server(WINDOW_PREFIX);
    let Some(storage) = local_storage() else {
        return taken;
    };
    let keys: Vec<String> = (0..storage.length().unwrap_or(0))
        .filter_map(|index| storage.key(index).ok().flatten())
        .filter(|key| key.starts_with(&prefix))
        .collect();
    for key in keys {
        let stored: Option<StoredWindowState> = get_json(&key);
        if stored
            .as_ref()
            .is_none_or(|stored| stored.seen_at + WINDOW_TIMEOUT < now)
        {
            set(&key, None);
            if let Some(StoredWindowState { state, .. }) = stored {
                taken.unsent.extend(state.unsent);
                taken.drafts.extend(state.drafts);
                taken.replies.extend(state.replies);
            }
        }
    }
    taken
}

/// Stores the unsent texts and drafts of a window; `seen_at` is the present time, 0 when the window closes.
///
/// Returns whether there was anything to store; an empty state removes the key.
pub fn set_window_state(window_id: &str, seen_at: u64, state: WindowState) -> bool {
    let key = for_server(&format!("{WINDOW_PREFIX}{window_id}"));
    if state.is_empty() {
        if get(&key).is_some() {
            set(&key, None);
        }
        return false;
    }
    set_json(&key, &StoredWindowState { seen_at, state });
    true
}
