//! Where messages are kept: what the chat asks of a store, and the two that there are.
//!
//! A store gives each message its order number, keeps it once however often it is sent, and hands on what it kept
//! in that same order. Nobody is told that a message is stored before it is.

mod memory;
mod sqlite;

use std::fmt;

use futures_util::future::BoxFuture;
use pesan::messages::{Message, Page, Person, RoomKind, Sent};

pub use memory::Memory;
pub use sqlite::{OpenError, Retention, Sqlite};

/// A store of messages and rooms.
pub trait History: fmt::Debug + Send + Sync + 'static {
    /// Takes a message on its way; what becomes of it goes to the store's [`Deliver`].
    ///
    /// # Errors
    /// Gives it back when too many are waiting.
    fn add(&self, draft: Draft) -> Result<(), Box<Draft>>;

    /// Messages of a room, oldest first, at most `limit`.
    fn page(&self, room: &str, range: Range, limit: u32) -> BoxFuture<'static, Result<Page, StoreError>>;

    /// Every room that is known.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn rooms(&self) -> Result<Vec<SavedRoom>, StoreError>;

    /// Keeps a room; one that is known gets the new name.
    fn save_room(&self, room: SavedRoom) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Why the last write failed, until one works again.
    fn trouble(&self) -> Option<StoreError>;

    /// Writes what waits and ends.
    fn close(&self);
}

/// Message that is not stored yet.
pub struct Draft {
    /// Room it is for.
    pub room: String,
    /// Id that the sender made.
    pub id: String,
    /// Author.
    pub author: Person,
    /// Text, cleaned.
    pub text: String,
    /// Message that it answers.
    pub reply_to: Option<u64>,
    /// Whether somebody waits for it; otherwise the store may gather for a moment.
    pub urgent: bool,
    /// Who wants to know what became of it.
    pub ticket: Option<Ticket>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} in {})", self.id, self.room)
    }
}

/// Told once what became of a message.
pub type Ticket = Box<dyn FnOnce(Result<Sent, StoreError>) + Send>;

/// Gets what became of each message, in the order of the store.
pub type Deliver = Box<dyn Fn(Vec<Settled>) + Send + Sync>;

/// What became of a message.
pub struct Settled {
    /// What became of it.
    pub outcome: Result<Stored, StoreError>,
    /// Who wants to know.
    pub ticket: Option<Ticket>,
}

/// Message that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Since now.
    New(Message),
    /// Since earlier.
    Again(Sent),
}

/// Part of a room's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The newest ones.
    Newest,
    /// The newest ones before an order number.
    Before(u64),
    /// The oldest ones after an order number.
    After(u64),
}

/// Room as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedRoom {
    /// Id.
    pub id: String,
    /// Name; empty for a direct room.
    pub name: String,
    /// Kind.
    pub kind: RoomKind,
    /// The two of a direct room.
    pub members: Option<[Person; 2]>,
    /// Order number of the newest message.
    pub last_seq: u64,
    /// Newest message.
    pub last: Option<Message>,
}

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room is left on the disk.
    #[error("the disk is full")]
    Full,
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
    /// Too many messages are waiting.
    #[error("too many messages are waiting")]
    Busy,
    /// Anything else; what the store says.
    #[error("{0}")]
    Other(String),
}

/// Characters of a message that a reply shows.
const QUOTE_CHARS: usize = 140;

/// First characters of a text, for a reply.
pub(super) fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTE_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Server's clock, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
