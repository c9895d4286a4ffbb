//! Errors of the chat: those of the message store, and how a client gets them.

use std::time::Duration;

use pesan::protocol::{ChatError, ChatErrorCode};

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room is left on the disk.
    #[error("the disk is full")]
    Full,
    /// The store has all that it may; how many bytes.
    #[error("the history has the {0} bytes that --max-store-bytes allows")]
    Quota(u64),
    /// The file may not be written.
    #[error("the history is read-only")]
    ReadOnly,
    /// The file is damaged.
    #[error("the history is damaged")]
    Corrupt,
    /// The id belongs to a message of someone else.
    #[error("the message's id was used by someone else")]
    IdUsed,
    /// No such room.
    #[error("no such room")]
    RoomUnknown,
    /// Another room has the name; its id.
    #[error("the room {0} has that name")]
    RoomTaken(String),
    /// Too many messages are waiting.
    #[error("too many messages are waiting")]
    Busy,
    /// The machine with the history does not answer; why.
    #[error("redis cannot be reached: {0}")]
    Unreachable(String),
    /// Anything else; what the store says.
    #[error("{0}")]
    Other(String),
}

/// Error for a client, with its detail.
#[expect(
    clippy::needless_pass_by_value,
    reason = "details are numbers and short texts, written where they are needed"
)]
pub(super) fn chat_error(code: ChatErrorCode, detail: impl ToString) -> ChatError {
    ChatError {
        code,
        detail: detail.to_string(),
    }
}

/// Error for a client that has to wait.
pub(super) fn too_fast(wait: Duration) -> ChatError {
    chat_error(ChatErrorCode::TooFast, wait.as_secs_f64().ceil().max(1.0))
}

/// What someone is told whose message was not stored.
pub(super) fn store_refusal(error: &StoreError) -> ChatError {
    match error {
        StoreError::IdUsed => chat_error(ChatErrorCode::IdInvalid, ""),
        StoreError::RoomUnknown => chat_error(ChatErrorCode::RoomUnknown, ""),
        StoreError::RoomTaken(id) => chat_error(ChatErrorCode::RoomTaken, id),
        StoreError::Busy => chat_error(ChatErrorCode::TooFast, 1),
        // the reason is the operator's business, and is in the log
        StoreError::Full | StoreError::Quota(_) => chat_error(ChatErrorCode::StoreFull, ""),
        StoreError::ReadOnly | StoreError::Corrupt | StoreError::Unreachable(_) | StoreError::Other(_) => {
            chat_error(ChatErrorCode::StoreFailed, "")
        }
    }
}
