//! The page's address: which server, which room, and the history entries that Back leaves.

use wasm_bindgen::JsValue;
use web_sys::{History, Location, UrlSearchParams};

use crate::chat::route;

pub(super) fn location() -> Option<Location> {
    web_sys::window().map(|window| window.location())
}

fn history() -> Option<History> {
    web_sys::window()?.history().ok()
}

pub(super) fn origin() -> String {
    location()
        .and_then(|location| location.origin().ok())
        .unwrap_or_default()
}

/// Address of the server: that of `?server=`, or the page's own origin.
#[must_use]
pub fn server() -> String {
    foreign_server().unwrap_or_else(origin)
}

/// Text of `?server=` when it is not the page's own origin.
#[must_use]
pub fn foreign_server() -> Option<String> {
    let search = location()?.search().ok()?;
    let server = UrlSearchParams::new_with_str(&search).ok()?.get("server")?;
    (!server.is_empty() && server != origin()).then_some(server)
}

/// Opens the page without `?server=`.
pub fn open_own_server() {
    if let Some(location) = location() {
        let path = location.pathname().unwrap_or_else(|_| "/".to_owned());
        if location.set_href(&path).is_err() {
            leptos::logging::warn!("the browser does not open {path}");
        }
    }
}

/// Room that the address names.
#[must_use]
pub fn room() -> Option<String> {
    route::room_of(&location()?.hash().ok()?)
}

/// Names a room in the address: as a new history entry, or in place of the current one.
pub fn set_room(room: &str, replace: bool) {
    let fragment = route::to_room(room);
    let current = location().and_then(|location| location.hash().ok());
    if current.as_deref() == Some(fragment.as_str()) && !replace {
        return;
    }
    let Some(history) = history() else { return };
    let changed = if replace {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&fragment))
    } else {
        history.push_state_with_url(&JsValue::NULL, "", Some(&fragment))
    };
    if changed.is_err() {
        // browsers limit how often the address may change; the room is open all the same
        leptos::logging::warn!("the browser does not change the address to {fragment}");
    }
}

/// Adds a history entry at which `depth` things are open, of which Back closes the last one.
pub fn push_overlay(depth: usize) {
    if let Some(history) = history()
        && history.push_state(&JsValue::from_f64(depth as f64), "").is_err()
    {
        leptos::logging::warn!("the browser adds no history entry");
    }
}

/// How many things are open at the current history entry.
#[must_use]
pub fn overlay_depth() -> usize {
    let state = history().and_then(|history| history.state().ok());
    state
        .and_then(|state| state.as_f64())
        .map_or(0, |depth| depth as usize)
}

/// Goes back by some history entries.
pub fn back(count: usize) {
    let delta = i32::try_from(count).map_or(-1, |count| -count);
    if let Some(history) = history()
        && history.go_with_delta(delta).is_err()
    {
        leptos::logging::warn!("the browser does not go back");
    }
}

/// Full address of a room.
#[must_use]
pub fn room_url(room: &str) -> String {
    let href = location()
        .and_then(|location| location.href().ok())
        .unwrap_or_default();
    let base = href.split('#').next().unwrap_or_default();
    format!("{base}{}", route::to_room(room))
}

/// Loads the page again.
pub fn reload() {
    if let Some(location) = location()
        && location.reload().is_err()
    {
        leptos::logging::warn!("the browser does not reload the page");
    }
}
