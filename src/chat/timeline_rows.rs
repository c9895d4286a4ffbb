//! Rows of the open room: groups of one author, day separators and the unread marker.

use std::sync::Arc;

use super::ChatState;
use super::outbox::PendingMessage;
use super::room::{Membership, RoomState};
use super::timeline_item::{Delivery, ItemKind, TimelineItem, TimelineRow};
use crate::protocol::RoomKind;

/// Longest pause between two messages of one group, in milliseconds.
const GROUP_WINDOW: u64 = 5 * 60 * 1000;

impl ChatState {
    /// Number of rows of the open room.
    #[must_use]
    pub fn len(&self) -> usize {
        self.room().shown().items().len() + self.unsent().count()
    }

    /// Whether the open room has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of the open room from `start` up to `end`.
    #[must_use]
    pub fn rows(&self, start: usize, end: usize) -> Vec<TimelineRow> {
        let room = self.room();
        let items = room.shown().items();
        let arrived = items.len();
        let unsent = |at: usize| self.unsent().nth(at.checked_sub(arrived)?);
        let item = |at: usize| items.get(at).or_else(|| unsent(at).map(|unsent| &unsent.item));
        let mut before = start.checked_sub(1).and_then(item);
        let mut rows = Vec::with_capacity(end.saturating_sub(start));
        for at in start..end {
            let Some(item) = item(at) else { break };
            let delivery = match unsent(at) {
                Some(unsent) => self.delivery_of(unsent),
                None if item.message().is_some_and(|message| message.mine) => Delivery::Sent,
                None => Delivery::Arrived,
            };
            let starts_day = before.is_none_or(|before| self.day(before.at) != self.day(item.at));
            let starts_unread = room.unread_marker == Some(item.key);
            let starts_group =
                starts_day || starts_unread || before.is_none_or(|before| !together(before, item));
            rows.push(TimelineRow {
                item: Arc::clone(item),
                delivery,
                starts_day,
                starts_group,
                starts_unread,
            });
            before = Some(item);
        }
        rows
    }

    /// Delivery of an unsent message: what waits is delayed by the server, by the connection, or by a message before it.
    fn delivery_of(&self, unsent: &PendingMessage) -> Delivery {
        match unsent.delivery() {
            Delivery::Queued if self.online.is_some() && self.retry_after.is_some() => Delivery::Delayed,
            Delivery::Queued if self.online.is_some() && unsent.is_slow => Delivery::Unanswered,
            Delivery::Queued if self.online.is_some() => Delivery::Sending,
            other => other,
        }
    }

    /// Text of a message of the open room, by the key of its row.
    #[must_use]
    pub fn text_of(&self, key: u64) -> Option<&str> {
        let arrived = self.room().shown().items().iter().rev();
        let unsent = self.unsent().map(|unsent| &unsent.item);
        let item = arrived.chain(unsent).find(|item| item.key == key)?;
        Some(&item.message()?.text)
    }

    /// Row of a message of the open room, by order number.
    #[must_use]
    pub fn row_of(&self, seq: u64) -> Option<usize> {
        self.room().shown().find(seq)
    }

    /// Unsent messages of the open room; none beside an excerpt of older ones.
    fn unsent(&self) -> impl Iterator<Item = &PendingMessage> {
        let is_shown = self.room().excerpt.is_none();
        self.outbox.of(&self.current).filter(move |_| is_shown)
    }

    /// Row of the unread marker.
    #[must_use]
    pub fn unread_marker_row(&self) -> Option<usize> {
        let room = self.room();
        let key = room.unread_marker.filter(|_| room.excerpt.is_none())?;
        room.timeline.items().iter().rposition(|item| item.key == key)
    }

    /// Local day of a time in milliseconds since 1970.
    #[must_use]
    pub fn day(&self, at: u64) -> i64 {
        (self.local_day)(at)
    }

    /// Server's time, as far as it is known.
    #[must_use]
    pub fn server_time(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.clock_skew)
    }
}

/// Whether an item belongs to the group of the one before.
fn together(before: &TimelineItem, item: &TimelineItem) -> bool {
    let near = item.at.saturating_sub(before.at) <= GROUP_WINDOW;
    match (&before.kind, &item.kind) {
        (ItemKind::Message(before), ItemKind::Message(message)) => {
            let same = match (&before.author, &message.author) {
                (Some(before), Some(author)) => before == author,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => before.mine && message.mine,
            };
            near && same && message.reply.is_none()
        }
        (ItemKind::Membership(_) | ItemKind::Notice(_), ItemKind::Membership(_) | ItemKind::Notice(_)) => {
            true
        }
        (ItemKind::Message(_), ItemKind::Membership(_) | ItemKind::Notice(_))
        | (ItemKind::Membership(_) | ItemKind::Notice(_), ItemKind::Message(_)) => false,
    }
}

/// Section of the room list: lobby, joined rooms, direct rooms, other rooms.
pub(super) fn section(room: &RoomState) -> u8 {
    match (room.room.kind, room.membership) {
        (RoomKind::Lobby, _) => 0,
        (RoomKind::Open, Membership::Pending | Membership::Joining | Membership::Joined) => 1,
        (RoomKind::Direct, _) => 2,
        (RoomKind::Open, Membership::NotJoined) => 3,
    }
}
