//! One line of a conversation, and how it is shown.

use std::sync::Arc;

use crate::protocol::{ChatError, Message, Person, PresenceChange, Quote};

/// Line of a conversation; never changes once it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineItem {
    /// Unique in this page, for as long as it runs.
    pub key: u64,
    /// Time in milliseconds since 1970, by the server's clock where it says so.
    pub at: u64,
    /// What it says.
    pub kind: ItemKind,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemKind {
    /// Someone wrote.
    Message(ChatMessage),
    /// Someone came, went or took another name.
    Membership {
        /// Who, under the new name.
        person: Person,
        /// What happened.
        change: PresenceChange,
        /// Name before.
        old_name: String,
    },
    /// Server said something to this page alone.
    Notice(String),
}

/// Message as a line of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatMessage {
    /// Order number in the room; none on a plain server, and none before the server gave one.
    pub seq: Option<u64>,
    /// Id that its writer made; empty on a plain server.
    pub id: String,
    /// Who wrote it; nobody knows on a plain server.
    pub author: Option<Person>,
    /// Whether this person wrote it.
    pub mine: bool,
    /// Text as typed.
    pub text: String,
    /// Message that it answers.
    pub reply: Option<Quote>,
}

impl TimelineItem {
    /// Message, if the line is one.
    #[must_use]
    pub fn message(&self) -> Option<&ChatMessage> {
        match &self.kind {
            ItemKind::Message(message) => Some(message),
            ItemKind::Membership { .. } | ItemKind::Notice(_) => None,
        }
    }

    /// Order number, if the line has one.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.message().and_then(|message| message.seq)
    }
}

impl ChatMessage {
    /// Message as the server tells it.
    #[must_use]
    pub fn from_message(message: Message, mine: bool) -> Self {
        Self {
            mine,
            seq: Some(message.seq),
            id: message.id,
            author: Some(message.author),
            text: message.text,
            reply: message.reply,
        }
    }

    /// Message of a plain server.
    #[must_use]
    pub fn plain(text: String, mine: bool) -> Self {
        Self {
            mine,
            seq: None,
            id: String::new(),
            author: None,
            text,
            reply: None,
        }
    }
}

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Waits for a connection.
    Waiting,
    /// On its way.
    Sending,
    /// Not taken; the reason is the server's, or nothing when it never answered.
    Failed(Option<ChatError>),
    /// Written by this person and known to the server.
    Sent,
    /// Written by someone else.
    Arrived,
}

/// Line with what its neighbours make of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineRow {
    /// The line.
    pub item: Arc<TimelineItem>,
    /// How far it has come.
    pub delivery: Delivery,
    /// First of its day.
    pub starts_day: bool,
    /// First of its author's run.
    pub starts_group: bool,
    /// First that was not yet read when the room was opened.
    pub starts_unread: bool,
}

impl TimelineRow {
    /// Key of the line together with how it looks: a row is drawn anew only when this changes.
    #[must_use]
    pub fn render_key(&self) -> (u64, u8) {
        let delivery = match self.delivery {
            Delivery::Waiting => 0,
            Delivery::Sending => 1,
            Delivery::Failed(_) => 2,
            Delivery::Sent => 3,
            Delivery::Arrived => 4,
        };
        let seq = u8::from(self.item.seq().is_some());
        let look =
            u8::from(self.starts_day) | u8::from(self.starts_group) << 1 | u8::from(self.starts_unread) << 2;
        (self.item.key, delivery | seq << 3 | look << 4)
    }
}
