//! Errors of the message store, shared by the stores and the Redis client under one of them.

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
