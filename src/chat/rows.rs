//! The open room's lines as rows: what belongs together, and where a day or the unread part begins.

use std::sync::Arc;

use super::Chat;
use super::entry::{Delivery, Entry, Row, What};
use super::room::{Membership, RoomState};
use crate::messages::RoomKind;

/// Lines of one author stand together when they are at most this far apart, in milliseconds.
const TOGETHER: u64 = 5 * 60 * 1000;

impl Chat {
    /// Number of rows of the open room.
    #[must_use]
    pub fn len(&self) -> usize {
        self.room().timeline.entries().len() + self.outbox.of(&self.current).count()
    }

    /// Whether nothing was ever said in the open room.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows of the open room from `start` up to `end`.
    #[must_use]
    pub fn rows(&self, start: usize, end: usize) -> Vec<Row> {
        let room = self.room();
        let entries = room.timeline.entries();
        let arrived = entries.len();
        let unsent = |at: usize| self.outbox.of(&self.current).nth(at.checked_sub(arrived)?);
        let entry = |at: usize| entries.get(at).or_else(|| unsent(at).map(|unsent| &unsent.entry));
        let mut before = start.checked_sub(1).and_then(entry);
        let mut rows = Vec::with_capacity(end.saturating_sub(start));
        for at in start..end {
            let Some(entry) = entry(at) else { break };
            let delivery = match unsent(at) {
                Some(unsent) => unsent.delivery(),
                None if entry.said().is_some_and(|said| said.mine) => Delivery::Sent,
                None => Delivery::Arrived,
            };
            let starts_day = before.is_none_or(|before| self.day(before.at) != self.day(entry.at));
            let starts_unread = room.divider == Some(entry.key);
            let starts_group =
                starts_day || starts_unread || before.is_none_or(|before| !together(before, entry));
            rows.push(Row {
                entry: Arc::clone(entry),
                delivery,
                starts_day,
                starts_group,
                starts_unread,
            });
            before = Some(entry);
        }
        rows
    }

    /// Text of a line of the open room, by its key.
    #[must_use]
    pub fn text_of(&self, key: u64) -> Option<&str> {
        let arrived = self.room().timeline.entries().iter().rev();
        let unsent = self.outbox.of(&self.current).map(|unsent| &unsent.entry);
        let entry = arrived.chain(unsent).find(|entry| entry.key == key)?;
        Some(&entry.said()?.text)
    }

    /// Row of a message of the open room, by order number.
    #[must_use]
    pub fn row_of(&self, seq: u64) -> Option<usize> {
        self.room().timeline.find(seq)
    }

    /// Row of the first line that is new.
    #[must_use]
    pub fn divider_row(&self) -> Option<usize> {
        let room = self.room();
        let key = room.divider?;
        room.timeline.entries().iter().rposition(|entry| entry.key == key)
    }

    /// Day of a time, counted from 1970 in local time.
    #[must_use]
    pub fn day(&self, at: u64) -> i64 {
        (i64::try_from(at).unwrap_or(i64::MAX / 2) + i64::from(self.zone) * 60_000).div_euclid(86_400_000)
    }

    /// Server's time, as far as it is known.
    #[must_use]
    pub fn server_time(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.skew)
    }
}

/// Whether a line goes on where the one before stopped.
fn together(before: &Entry, entry: &Entry) -> bool {
    let near = entry.at.saturating_sub(before.at) <= TOGETHER;
    match (&before.what, &entry.what) {
        (What::Said(before), What::Said(said)) => {
            let same = match (&before.author, &said.author) {
                (Some(before), Some(author)) => before == author,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => before.mine && said.mine,
            };
            near && same && said.reply.is_none()
        }
        (What::Moved { .. } | What::Notice(_), What::Moved { .. } | What::Notice(_)) => true,
        (What::Said(_), What::Moved { .. } | What::Notice(_))
        | (What::Moved { .. } | What::Notice(_), What::Said(_)) => false,
    }
}

/// Which part of the list a room stands in.
pub(super) fn part(room: &RoomState) -> u8 {
    match (room.room.kind, room.membership) {
        (RoomKind::Lobby, _) => 0,
        (RoomKind::Open, Membership::Wanted | Membership::Asked | Membership::Inside) => 1,
        (RoomKind::Direct, _) => 2,
        (RoomKind::Open, Membership::Outside) => 3,
    }
}
