//! Message store: the trait [`History`], and its implementations in memory, SQLite and Redis.
//!
//! A store gives each message its order number, stores it once even if it is sent again, and delivers stored messages
//! in the order of their numbers. A message is acknowledged only after it was stored.

mod memory;
mod redis;
mod sqlite;
mod trim_clock;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pesan::protocol::{HistoryPage, Message, Person, RoomKind, Sent};

pub use self::redis::{Redis, RedisError};
pub use super::error::StoreError;
pub use super::redis_client::RedisClient;
pub use super::restrictions::{Restriction, RestrictionKind, Subject};
pub use memory::Memory;
pub use sqlite::{BackupError, Contents, OpenError, Sqlite, back_up, restore};

/// A store of messages and rooms.
pub trait History: fmt::Debug + Send + Sync + 'static {
    /// Queues a message; its outcome goes to the store's [`Deliver`].
    ///
    /// # Errors
    /// Returns the message when the queue is full.
    fn add(&self, draft: Draft) -> Result<(), Box<Draft>>;

    /// Messages of a room, oldest first, at most `limit`.
    fn page(
        &self,
        room: &str,
        range: Range,
        limit: u32,
    ) -> BoxFuture<'static, Result<HistoryPage, StoreError>>;

    /// All rooms.
    fn rooms(&self) -> BoxFuture<'static, Result<Vec<SavedRoom>, StoreError>>;

    /// Saves a room; an existing one gets the new name.
    fn save_room(&self, room: SavedRoom) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Saves a new open room and returns its id, which differs from the requested one if another node has used that.
    ///
    /// `key` is the comparison key of its name. Where several nodes write, a room with the same key is
    /// [`StoreError::RoomTaken`].
    #[expect(
        unused_variables,
        reason = "without other nodes, the chat has compared the names already"
    )]
    fn create_room(&self, room: SavedRoom, key: &str) -> BoxFuture<'static, Result<String, StoreError>> {
        let id = room.id.clone();
        let saved = self.save_room(room);
        async move { saved.await.map(|()| id) }.boxed()
    }

    /// Removes a room with its messages, or only if it has none; returns whether it was removed. `key` is the comparison
    /// key of its name.
    fn remove_room(
        &self,
        room: &str,
        key: &str,
        only_empty: bool,
    ) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Moves the messages of a room to the end of another one, under new order numbers, and removes the first one.
    /// `key` is the comparison key of the first one's name.
    fn merge_rooms(&self, from: &str, key: &str, into: &str) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Deletes a message: its text and author are removed, also from quotes of it, and its number stays. Returns whether
    /// the message existed.
    fn delete_message(&self, room: &str, seq: u64) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Deletes all messages of a person, in every room. Returns their number.
    fn erase_person(&self, person: &str) -> BoxFuture<'static, Result<u64, StoreError>>;

    /// All restrictions, expired ones included.
    fn restrictions(&self) -> BoxFuture<'static, Result<Vec<Restriction>, StoreError>>;

    /// Stores a restriction in place of an earlier one of the same kind and subject.
    fn restrict(&self, restriction: Restriction) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Removes a restriction. Returns whether there was one.
    fn lift(&self, kind: RestrictionKind, subject: &Subject) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Error of the last write, until a write succeeds.
    fn last_error(&self) -> Option<StoreError>;

    /// Writes all queued messages and closes the store.
    fn close(&self);
}

/// How long messages are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days; `None` for no limit.
    pub days: Option<u32>,
    /// Messages of each room; `None` for no limit.
    pub messages: Option<u64>,
}

/// Message that is not stored yet.
pub struct Draft {
    /// Id of the room.
    pub room: String,
    /// Id that the client generated.
    pub id: String,
    /// Author.
    pub author: Person,
    /// Sanitized text.
    pub text: String,
    /// Number of the message that it replies to.
    pub reply_to: Option<u64>,
    /// Whether someone waits for it; otherwise the store may delay it to write a larger batch.
    pub urgent: bool,
    /// Called with the outcome.
    pub completion: Option<Completion>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} in {})", self.id, self.room)
    }
}

/// Callback for the outcome of a message; called once.
pub type Completion = Box<dyn FnOnce(Result<Sent, StoreError>) + Send + Sync>;

/// Callback for the outcomes of messages, in the order of the store.
pub type Deliver = Box<dyn Fn(Vec<Committed>) + Send + Sync>;

/// Callback for changes by other nodes, in one order with the messages.
pub type Notify = Box<dyn Fn(StoreEvent) + Send + Sync>;

/// Change in a store that several nodes share, other than a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEvent {
    /// A room was created, or its members were renamed.
    RoomSaved(Box<SavedRoom>),
    /// A room was removed.
    RoomRemoved {
        /// Id of the room.
        room: String,
        /// Id of the room that now has its messages, if any.
        into: Option<String>,
    },
    /// A message was deleted.
    MessageDeleted {
        /// Id of the room.
        room: String,
        /// Order number of the message.
        seq: u64,
    },
    /// All messages of a person were deleted; contains the id of the person.
    PersonErased(String),
    /// Events were missed: everything has to be loaded again. Contains the current rooms.
    Reset(Vec<SavedRoom>),
}

/// Outcome of a message.
pub struct Committed {
    /// Outcome.
    pub outcome: Result<Stored, StoreError>,
    /// Callback of the sender.
    pub completion: Option<Completion>,
}

/// Message that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// New: to be sent to everyone.
    New(Message),
    /// Stored before, or sent to everyone already.
    Duplicate(Sent),
}

/// Range of a room's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// The newest ones.
    Newest,
    /// The newest ones before an order number.
    Before(u64),
    /// The oldest ones after an order number.
    After(u64),
}

/// Room in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedRoom {
    /// Id.
    pub id: String,
    /// Name; empty for a direct room.
    pub name: String,
    /// Kind.
    pub kind: RoomKind,
    /// The two members of a direct room.
    pub members: Option<[Person; 2]>,
    /// Order number of the newest message.
    pub last_seq: u64,
    /// Newest message.
    pub last: Option<Message>,
}

/// Error of the last write; logged whenever it changes.
#[derive(Debug, Default)]
struct LastError(Mutex<Option<StoreError>>);

impl LastError {
    fn get(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records the result of a write.
    fn record(&self, error: Option<&StoreError>) {
        let mut last_error = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (error, last_error.as_ref()) {
            // the reason may differ during one outage: connection refused, closed, loading the dataset
            (Some(StoreError::Unreachable(_)), Some(StoreError::Unreachable(_))) => {}
            (Some(error), known) if known != Some(error) => {
                tracing::error!(%error, "messages cannot be stored");
            }
            (None, Some(_)) => tracing::info!("messages can be stored again"),
            _ => {}
        }
        *last_error = error.cloned();
    }
}

/// Placeholder for a deleted message.
fn deleted_message(room: &str, seq: u64, at: u64) -> Message {
    Message {
        room: room.to_owned(),
        seq,
        id: String::new(),
        author: Person {
            id: String::new(),
            name: String::new(),
        },
        text: String::new(),
        at,
        reply: None,
    }
}

/// Characters of a message that a quote shows.
const QUOTE_CHARS: usize = 140;

/// First characters of a text, for a quote.
pub(super) fn excerpt(text: &str) -> String {
    let mut short: String = text.chars().take(QUOTE_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Current time of the server, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
