//! The page's address: the server and the open room in it, and the panels that Back closes.

use leptos::prelude::window;
use pesan::chat::route;
use wasm_bindgen::JsValue;
use web_sys::UrlSearchParams;

/// Address of the server: the one that the page's address names, or the one that the page came from.
pub(crate) fn server() -> String {
    let location = window().location();
    let query = location.search().unwrap_or_default();
    let query = UrlSearchParams::new_with_str(&query).ok();
    query
        .and_then(|query| query.get("server"))
        .filter(|server| !server.is_empty())
        .unwrap_or_else(|| location.origin().unwrap_or_default())
}

/// Room that the address names.
pub(crate) fn room() -> Option<String> {
    route::room_of(&window().location().hash().ok()?)
}

/// Names a room in the address; `instead` of what is there, or as a new place to go back from.
pub(crate) fn go(room: &str, instead: bool) {
    let fragment = route::to_room(room);
    if window().location().hash().is_ok_and(|there| there == fragment) && !instead {
        return;
    }
    let Ok(history) = window().history() else { return };
    let gone = if instead {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&fragment))
    } else {
        history.push_state_with_url(&JsValue::NULL, "", Some(&fragment))
    };
    gone.unwrap_or_default();
}

/// Makes a place in the history that Back leaves.
pub(crate) fn enter_panel() {
    if let Ok(history) = window().history() {
        history.push_state(&JsValue::TRUE, "").unwrap_or_default();
    }
}

/// Goes back.
pub(crate) fn back() {
    if let Ok(history) = window().history() {
        history.back().unwrap_or_default();
    }
}

/// Full address of a room.
pub(crate) fn address(room: &str) -> String {
    let href = window().location().href().unwrap_or_default();
    let base = href.split('#').next().unwrap_or_default();
    [base, &route::to_room(room)].concat()
}
