//! The open room in the page's address, and the panels that Back closes.

use leptos::ev::popstate;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;
use pesan::chat::route;

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

/// Hears when another place of the history is shown, for as long as the component lives.
pub(crate) fn listen(on_place: Callback<Option<String>>) {
    let handle = window_event_listener(popstate, move |_| on_place.run(room()));
    on_cleanup(move || handle.remove());
}

/// Full address of a room.
pub(crate) fn address(room: &str) -> String {
    let location = window().location();
    let base = location.href().unwrap_or_default();
    let base = base.split('#').next().unwrap_or_default();
    [base, &route::to_room(room)].concat()
}
