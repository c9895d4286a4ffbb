//! Errors of the message store, and the [`ChatError`]s that clients receive.

use std::time::Duration;

use pesan::protocol::{ChatError, ChatErrorCode};

/// Error of the message store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The limit of the store's size is reached; contains it in bytes.
    #[error("the history has reached its limit of {0} bytes (--max-store-bytes)")]
    Quota(u64),
    /// The store is read-only.
    #[error("the history is read-only")]
    ReadOnly,
    /// The file is damaged.
    #[error("the history is damaged")]
    Corrupt,
    /// The id belongs to a message of another author or room.
    #[error("the message id is used by another message")]
    IdUsed,
    /// No such room.
    #[error("no such room")]
    RoomUnknown,
    /// Another room has the name; contains its id.
    #[error("the name belongs to room {0}")]
    RoomTaken(String),
    /// The queue is full.
    #[error("the queue of the message store is full")]
    Busy,
    /// Redis cannot be reached; contains the reason.
    #[error("redis cannot be reached: {0}")]
    Unreachable(String),
    /// Other error, as text.
    #[error("{0}")]
    Other(String),
}

/// [`ChatError`] with a detail.
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

/// [`ChatError`] for a client that has to wait.
pub(super) fn too_fast(wait: Duration) -> ChatError {
    chat_error(ChatErrorCode::TooFast, wait.as_secs_f64().ceil().max(1.0))
}

/// [`ChatError`] for a client whose message was not stored.
pub(super) fn store_refusal(error: &StoreError) -> ChatError {
    match error {
        StoreError::IdUsed => chat_error(ChatErrorCode::IdInvalid, ""),
        StoreError::RoomUnknown => chat_error(ChatErrorCode::RoomUnknown, ""),
        StoreError::RoomTaken(id) => chat_error(ChatErrorCode::RoomTaken, id),
        StoreError::Busy => chat_error(ChatErrorCode::TooFast, 1),
        // the exact reason is in the log
        StoreError::Full | StoreError::Quota(_) => chat_error(ChatErrorCode::StoreFull, ""),
        StoreError::ReadOnly | StoreError::Corrupt | StoreError::Unreachable(_) | StoreError::Other(_) => {
            chat_error(ChatErrorCode::StoreFailed, "")
        }
    }
}
