//! Names that the blocks of the documents use without importing them.

/// For `rust client`: a client on tokio, with its `socket`.
#[expect(unused_imports, reason = "names for blocks that come later")]
pub(crate) mod client {
    pub(crate) use std::error::Error;
    pub(crate) use std::time::Duration;

    pub(crate) use pesan::socketio::*;
    pub(crate) use serde::{Deserialize, Serialize};
    pub(crate) use serde_json::json;
}

/// For `rust server`: a server, with `io` and a `socket`.
#[expect(unused_imports, reason = "names for blocks that come later")]
pub(crate) mod server {
    pub(crate) use std::error::Error;
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use std::time::Duration;

    pub(crate) use pesan_server::engineio::*;
    pub(crate) use pesan_server::socketio::*;
    pub(crate) use serde::{Deserialize, Serialize};
    pub(crate) use serde_json::json;
}

/// For `rust leptos`: the body of a component.
pub(crate) mod leptos {
    pub(crate) use ::leptos::prelude::*;
    pub(crate) use pesan::socketio::Options;
    pub(crate) use pesan::socketio::leptos::*;
}
