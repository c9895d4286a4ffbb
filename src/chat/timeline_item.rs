//! Item of a conversation, and the row that shows it.

use std::sync::Arc;

use crate::protocol::{ChatError, Message, Person, PresenceChange, Quote};

/// Item of a conversation; immutable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineItem {
    /// Unique in this page.
    pub key: u64,
    /// Time in milliseconds since 1970, by the server's clock if it has one.
    pub at: u64,
    /// What the item is.
    pub kind: ItemKind,
}

/// Kind of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// Message.
    Message(ChatMessage),
    /// People joined, left or were renamed, one after the other without a message between them.
    Membership(MembershipChanges),
    /// Greeting of a basic server.
    Notice(String),
}

/// Who joined, left or was renamed. A person appears once: joining and leaving cancel each other, and the new name of
/// someone who has just joined is the name that joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MembershipChanges {
    /// Who joined.
    pub came: Vec<Person>,
    /// Who left.
    pub left: Vec<Person>,
    /// Old name and person of each rename.
    pub renamed: Vec<(String, Person)>,
}

impl MembershipChanges {
    /// Adds a change; `old_name` is the name before a rename.
    pub fn add(&mut self, person: Person, change: PresenceChange, old_name: String) {
        let take = |people: &mut Vec<Person>| {
            let place = people.iter().position(|known| known.id == person.id);
            place.map(|place| people.remove(place)).is_some()
        };
        match change {
            PresenceChange::Came => {
                if !take(&mut self.left) {
                    self.came.push(person);
                }
            }
            PresenceChange::Went => {
                self.renamed.retain(|(_, renamed)| renamed.id != person.id);
                if !take(&mut self.came) {
                    self.left.push(person);
                }
            }
            PresenceChange::Renamed => {
                if let Some(known) = self.came.iter_mut().find(|known| known.id == person.id) {
                    *known = person;
                } else if let Some((_, known)) =
                    self.renamed.iter_mut().find(|(_, known)| known.id == person.id)
                {
                    *known = person;
                    self.renamed.retain(|(old, renamed)| *old != renamed.name);
                } else {
                    self.renamed.push((old_name, person));
                }
            }
        }
    }

    /// Whether the changes have cancelled each other.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.came.is_empty() && self.left.is_empty() && self.renamed.is_empty()
    }
}

/// Message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Order number in the room; `None` on a basic server, and until the server has stored the message.
    pub seq: Option<u64>,
    /// Id that the author's page made; empty on a basic server.
    pub id: String,
    /// Author; unknown on a basic server.
    pub author: Option<Person>,
    /// Whether this person wrote it.
    pub mine: bool,
    /// Text as typed.
    pub text: String,
    /// Message that it answers.
    pub reply: Option<Quote>,
    /// Whether the text is the JSON of a value that is no string, as a basic server may send.
    pub is_json: bool,
}

impl TimelineItem {
    /// Message, if the item is one.
    #[must_use]
    pub fn message(&self) -> Option<&ChatMessage> {
        match &self.kind {
            ItemKind::Message(message) => Some(message),
            ItemKind::Membership(_) | ItemKind::Notice(_) => None,
        }
    }

    /// Order number, if the item has one.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.message().and_then(|message| message.seq)
    }
}

impl ChatMessage {
    /// Message of the server.
    #[must_use]
    pub fn from_message(message: Message, mine: bool) -> Self {
        let author = Some(message.author).filter(|_| !message.text.is_empty());
        Self {
            mine,
            seq: Some(message.seq),
            id: message.id,
            author,
            text: message.text,
            reply: message.reply,
            is_json: false,
        }
    }

    /// Whether an operator has deleted the message: only its place is left.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.seq.is_some() && self.text.is_empty()
    }

    /// Deletes the message; its place stays.
    pub fn delete(&mut self) {
        self.mine = false;
        self.author = None;
        self.text.clear();
        self.reply = None;
    }

    /// Message of a basic server.
    #[must_use]
    pub fn plain(text: String, is_json: bool, mine: bool) -> Self {
        Self {
            mine,
            seq: None,
            id: String::new(),
            author: None,
            text,
            reply: None,
            is_json,
        }
    }
}

/// Delivery of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Waits for the connection.
    Queued,
    /// Waits because the server asked for a pause.
    Delayed,
    /// Being sent, or waiting for another message that is.
    Sending,
    /// Sent some time ago, without an answer.
    Unanswered,
    /// Not accepted, with the server's error.
    Failed(Option<ChatError>),
    /// Own message that the server has stored.
    Sent,
    /// Message of someone else.
    Arrived,
}

/// Item with what its neighbours make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineRow {
    /// The item.
    pub item: Arc<TimelineItem>,
    /// Progress of its delivery.
    pub delivery: Delivery,
    /// First of its day.
    pub starts_day: bool,
    /// First of a group of one author.
    pub starts_group: bool,
    /// First unread row.
    pub starts_unread: bool,
}

impl TimelineRow {
    /// Key of the item together with its look.
    #[must_use]
    pub fn render_key(&self) -> (u64, u8) {
        let delivery = match self.delivery {
            Delivery::Queued => 0,
            Delivery::Delayed => 1,
            Delivery::Sending => 2,
            Delivery::Unanswered => 3,
            Delivery::Failed(_) => 4,
            Delivery::Sent => 5,
            Delivery::Arrived => 6,
        };
        let seq = u8::from(self.item.seq().is_some());
        let deleted = u8::from(self.item.message().is_some_and(ChatMessage::is_deleted));
        let look =
            u8::from(self.starts_day) | u8::from(self.starts_group) << 1 | u8::from(self.starts_unread) << 2;
        (self.item.key, delivery | seq << 3 | look << 4 | deleted << 7)
    }
}
