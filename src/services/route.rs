//! The page's address: which server, which room, and the history entries that Back leaves.

use wasm_bindgen::JsValue;
use web_sys::{History, Location, Url, UrlSearchParams};

use super::storage;
use crate::chat::route;

fn location() -> Option<Location> {
    web_sys::window().map(|window| window.location())
}

fn history() -> Option<History> {
    web_sys::window()?.history().ok()
}

fn origin() -> String {
    location()
        .and_then(|location| location.origin().ok())
        .unwrap_or_default()
}

/// Meta element by which the operator allows other servers: origins, separated by spaces.
const ALLOWED_SERVERS: &str = "meta[name=\"pesan-servers\"]";

/// Storage key of the origins that the person has agreed to connect to.
const ACCEPTED_KEY: &str = "pesan.accepted-servers";

/// Server that the page's address asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerTarget {
    /// The page's own origin.
    Own,
    /// Another server that the page may connect to.
    Foreign {
        /// Host as the person reads it.
        host: String,
        /// Whether the person has to agree first.
        needs_consent: bool,
    },
    /// Server that the operator does not allow, or a text that is no address.
    Forbidden {
        /// Host, or the text itself.
        host: String,
    },
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

/// Decides whether the page may connect to the server of its address.
///
/// A link may name any server, and a person cannot tell a page that talks to a foreign server from the page of their own.
/// So only the own server is free, and loopback addresses while the page itself is on one; others must be allowed by the
/// operator, and the person is asked once.
#[must_use]
pub fn server_target() -> ServerTarget {
    let Some(text) = foreign_server() else {
        return ServerTarget::Own;
    };
    let Ok(url) = Url::new(&text) else {
        return ServerTarget::Forbidden { host: text };
    };
    let own_host = location()
        .and_then(|location| location.hostname().ok())
        .unwrap_or_default();
    let (target, host) = (url.origin(), url.host());
    if target == origin() {
        ServerTarget::Own
    } else if is_loopback(&own_host) && is_loopback(&url.hostname()) {
        ServerTarget::Foreign {
            host,
            needs_consent: false,
        }
    } else if is_listed(&target, &allowed_servers()) {
        let accepted = storage::get(ACCEPTED_KEY).unwrap_or_default();
        ServerTarget::Foreign {
            host,
            needs_consent: !is_listed(&target, &accepted),
        }
    } else {
        ServerTarget::Forbidden { host }
    }
}

/// Remembers that the person agrees to connect to the server of the address.
pub fn accept_server() {
    let Some(url) = foreign_server().and_then(|text| Url::new(&text).ok()) else {
        return;
    };
    let accepted = storage::get(ACCEPTED_KEY).unwrap_or_default();
    if !is_listed(&url.origin(), &accepted) {
        storage::set(ACCEPTED_KEY, Some(&format!("{accepted} {}", url.origin())));
    }
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

fn allowed_servers() -> String {
    let document = web_sys::window().and_then(|window| window.document());
    document
        .and_then(|document| document.query_selector(ALLOWED_SERVERS).ok().flatten())
        .and_then(|meta| meta.get_attribute("content"))
        .unwrap_or_default()
}

fn is_listed(origin: &str, list: &str) -> bool {
    list.split_whitespace().any(|listed| listed == origin)
}

/// Whether a host name is of this machine: `localhost`, `127.0.0.0/8` or `[::1]`.
fn is_loopback(host: &str) -> bool {
    let is_ipv4 = || {
        host.parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
    };
    host == "localhost" || host.ends_with(".localhost") || host == "[::1]" || is_ipv4()
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

/// Adds a history entry for something that Back closes.
pub fn push_closable() {
    if let Some(history) = history()
        && history.push_state(&JsValue::TRUE, "").is_err()
    {
        leptos::logging::warn!("the browser adds no history entry");
    }
}

/// Goes back by one history entry.
pub fn back() {
    if let Some(history) = history()
        && history.back().is_err()
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
