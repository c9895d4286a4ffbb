//! Where messages are kept: what the chat asks of a store, and the three that there are.
//!
//! A store gives each message its order number, keeps it once however often it is sent, and hands on what it kept
//! in that same order. Nobody is told that a message is stored before it is.

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
    /// Takes a message on its way; what becomes of it goes to the store's [`Deliver`].
    ///
    /// # Errors
    /// Gives it back when too many are waiting.
    fn add(&self, draft: Draft) -> Result<(), Box<Draft>>;

    /// Messages of a room, oldest first, at most `limit`.
    fn page(
        &self,
        room: &str,
        range: Range,
        limit: u32,
    ) -> BoxFuture<'static, Result<HistoryPage, StoreError>>;

    /// Every room that is known.
    fn rooms(&self) -> BoxFuture<'static, Result<Vec<SavedRoom>, StoreError>>;

    /// Keeps a room; one that is known gets the new name.
    fn save_room(&self, room: SavedRoom) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Keeps a new open room, and says under which id: another one than wished when a room of another node has that.
    ///
    /// `key` is what its name is compared by; where others write too, a room that has it is
    /// [`StoreError::RoomTaken`].
    #[expect(
        unused_variables,
        reason = "where nobody else writes, the chat has compared the names"
    )]
    fn create_room(&self, room: SavedRoom, key: &str) -> BoxFuture<'static, Result<String, StoreError>> {
        let id = room.id.clone();
        let saved = self.save_room(room);
        async move { saved.await.map(|()| id) }.boxed()
    }

    /// Removes a room with its messages, or only while it has none; whether it is gone now. `key` is what its name is
    /// compared by.
    fn remove_room(
        &self,
        room: &str,
        key: &str,
        only_empty: bool,
    ) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Moves the messages of a room to the end of another one, under new order numbers, and removes the first one.
    /// `key` is what its name is compared by.
    fn merge_rooms(&self, from: &str, key: &str, into: &str) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Deletes a message: its text and its author are removed, also where it is quoted, and its number stays. Returns
    /// whether there was such a message.
    fn delete_message(&self, room: &str, seq: u64) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Deletes all messages of a person, in every room. Returns their number.
    fn erase_person(&self, person: &str) -> BoxFuture<'static, Result<u64, StoreError>>;

    /// All restrictions, expired ones included.
    fn restrictions(&self) -> BoxFuture<'static, Result<Vec<Restriction>, StoreError>>;

    /// Stores a restriction in place of an earlier one of the same kind and subject.
    fn restrict(&self, restriction: Restriction) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Removes a restriction. Returns whether there was one.
    fn lift(&self, kind: RestrictionKind, subject: &Subject) -> BoxFuture<'static, Result<bool, StoreError>>;

    /// Why the last write failed, until one works again.
    fn trouble(&self) -> Option<StoreError>;

    /// Writes what waits and ends.
    fn close(&self);
}

/// How long messages are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days; none for ever.
    pub days: Option<u32>,
    /// Messages a room; none for all.
    pub messages: Option<u64>,
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
    pub completion: Option<Completion>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} in {})", self.id, self.room)
    }
}

/// StoreOutput once what became of a message.
pub type Completion = Box<dyn FnOnce(Result<Sent, StoreError>) + Send + Sync>;

/// Gets what became of each message, in the order of the store.
pub type Deliver = Box<dyn Fn(Vec<Committed>) + Send + Sync>;

/// Gets what other nodes did to the rooms; in one order with the messages.
pub type Notify = Box<dyn Fn(StoreEvent) + Send + Sync>;

/// What happened in a store that other nodes write to as well, besides messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreEvent {
    /// A room is new, or its people have other names.
    Room(Box<SavedRoom>),
    /// A room is gone, and where its messages are now, if anywhere.
    Gone {
        /// Id of the room.
        room: String,
        /// Id of the room that has its messages.
        into: Option<String>,
    },
    /// A message was deleted.
    MessageDeleted {
        /// Id of the room.
        room: String,
        /// Order number of the message.
        seq: u64,
    },
    /// All messages of a person were deleted; the id of the person.
    PersonErased(String),
    /// What was known of the store no longer holds: these are its rooms now.
    Reset(Vec<SavedRoom>),
}

/// What became of a message.
pub struct Committed {
    /// What became of it.
    pub outcome: Result<Stored, StoreError>,
    /// Who wants to know.
    pub completion: Option<Completion>,
}

/// Message that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Since now: everyone is to get it.
    New(Message),
    /// Since earlier, or everyone has got it already.
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

/// Why the store does not take messages, if so; said in the log each time that it changes.
#[derive(Debug, Default)]
struct LastError(Mutex<Option<StoreError>>);

impl LastError {
    fn get(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what became of an attempt.
    fn note(&self, error: Option<&StoreError>) {
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (error, trouble.as_ref()) {
            // one absence has many words: refused, closed, loading its files
            (Some(StoreError::Unreachable(_)), Some(StoreError::Unreachable(_))) => {}
            (Some(error), known) if known != Some(error) => {
                tracing::error!(%error, "messages cannot be stored");
            }
            (None, Some(_)) => tracing::info!("messages are stored again"),
            _ => {}
        }
        *trouble = error.cloned();
    }
}

/// What is left of a deleted message.
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
