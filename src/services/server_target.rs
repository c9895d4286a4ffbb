//! Decides which server the page connects to: its own, or another one that `?server=` names.

use web_sys::Url;

use super::{route, storage};

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
    /// Server that the operator does not allow.
    Forbidden {
        /// Host of the server.
        host: String,
    },
    /// Text that is no address of a server.
    Invalid {
        /// The text.
        address: String,
    },
}

/// Decides whether the page may connect to the server of its address.
///
/// A link may name any server, and a person cannot tell a page that talks to a foreign server from the page of their own.
/// So only the own server is free, and loopback addresses while the page itself is on one; others must be allowed by the
/// operator, and the person is asked once.
#[must_use]
pub fn resolve() -> ServerTarget {
    let Some(text) = route::foreign_server() else {
        return ServerTarget::Own;
    };
    let url = match Url::new(&text) {
        Ok(url) if matches!(url.protocol().as_str(), "http:" | "https:" | "ws:" | "wss:") => url,
        Ok(_) | Err(_) => return ServerTarget::Invalid { address: text },
    };
    let own_host = route::location()
        .and_then(|location| location.hostname().ok())
        .unwrap_or_default();
    let (target, host) = (url.origin(), url.host());
    if target == route::origin() {
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
pub fn accept() {
    let Some(url) = route::foreign_server().and_then(|text| Url::new(&text).ok()) else {
        return;
    };
    let accepted = storage::get(ACCEPTED_KEY).unwrap_or_default();
    if !is_listed(&url.origin(), &accepted) {
        storage::set(ACCEPTED_KEY, Some(&format!("{accepted} {}", url.origin())));
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
