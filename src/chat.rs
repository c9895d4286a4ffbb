//! Rules of the chat page, without a browser.
//!
//! [`ChatState`] receives events (`handle_*`) and commands (plain verbs) together with the current time `now`, in
//! milliseconds since 1970. Requests to the server come out of [`ChatState::poll_request`]; the answers go into
//! [`ChatState::handle_response`]. The page's components draw the state; `services::chat_socket` connects it.

pub mod avatar;
mod commands;
pub mod connection_state;
pub mod i18n;
pub mod linkify;
pub mod outbox;
pub mod requests;
pub mod responses;
pub mod room;
pub mod route;
pub mod row_heights;
pub mod server_events;
mod state;
pub mod text;
pub mod timeline;
pub mod timeline_item;
mod timeline_rows;
pub mod typing;
pub mod virtual_list;

pub use state::{
    ChatState, Preferences, RoomCreation, ScreenReaderNotice, Server, StoredWindowState, WindowState,
};

#[cfg(test)]
mod tests;
