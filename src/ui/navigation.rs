//! The page's address: the server and the open room in it, and the panels that Back closes.

use pesan::chat::route;

use super::browser::{self, Query};
use super::dom::of_window;

/// Address of the server: the one that the page's address names, or the one that the page came from.
pub(crate) fn server() -> String {
    Query::new(&location("search"))
        .get("server")
        .filter(|server| !server.is_empty())
        .unwrap_or_else(|| location("origin"))
}

/// The server that the page's address names, if the page did not come from it; else nothing.
pub(crate) fn elsewhere() -> String {
    let server = server();
    if server == location("origin") {
        return String::new();
    }
    server
}

fn location(part: &str) -> String {
    of_window("location").text(part).unwrap_or_default()
}

/// Room that the address names.
pub(crate) fn room() -> Option<String> {
    route::room_of(&location("hash"))
}

/// Names a room in the address; `instead` of what is there, or as a new place to go back from.
pub(crate) fn go(room: &str, instead: bool) {
    let fragment = route::to_room(room);
    if location("hash") == fragment && !instead {
        return;
    }
    let gone = if instead {
        browser::replace_state(false, "", Some(&fragment))
    } else {
        browser::push_state(false, "", Some(&fragment))
    };
    gone.unwrap_or_default();
}

/// Makes a place in the history that Back leaves.
pub(crate) fn enter_panel() {
    browser::push_state(true, "", None).unwrap_or_default();
}

/// Goes back.
pub(crate) fn back() {
    of_window("history").back();
}

/// Full address of a room.
pub(crate) fn address(room: &str) -> String {
    let href = location("href");
    let base = href.split('#').next().unwrap_or_default();
    [base, &route::to_room(room)].concat()
}
