//! Requests of the page to the server.

use crate::protocol::{Create, Direct, History, Join, Leave, Rename, Send, Typing};

/// Request of the page to the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Emit a plain string under [`PLAIN`](crate::protocol::PLAIN).
    Plain(String),
    /// Store and broadcast a message.
    Send(Send),
    /// Join a room.
    Join(Join),
    /// Leave a room.
    Leave(Leave),
    /// Create an open room.
    Create(Create),
    /// Open the direct room with a person.
    Direct(Direct),
    /// Fetch older or missing messages.
    History(History),
    /// Change the own name.
    Rename(Rename),
    /// Tell others that this person is typing; volatile, without an acknowledgement.
    Typing(Typing),
    /// Connect again after the server ended the connection.
    Reconnect,
}
