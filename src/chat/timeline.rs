//! Messages and notes of one room in order, each message once.
//!
//! Messages of a pesan server are sorted by their order numbers, a second copy is dropped, and a gap is reported so
//! that the history can fill it. Items without a number stay where they arrived.

use std::sync::Arc;

use super::timeline_item::{ChatMessage, ItemKind, MembershipChanges, TimelineItem};
use crate::protocol::{HistoryPage, Message, Person, PresenceChange};

/// Changes of the people within this time become one item, in milliseconds.
const FOLD_WINDOW: u64 = 60 * 60 * 1000;

/// Items of one room.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    items: Vec<Arc<TimelineItem>>,
    /// Items put in front since the start; keeps row numbers stable.
    front: usize,
    newest: u64,
    more_before: bool,
    /// Tells timelines apart whose rows have nothing to do with each other.
    view: u64,
}

/// Result of inserting a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// Appended at the end.
    Newest,
    /// Was there already.
    Known,
    /// Inserted among older items.
    Among,
    /// Appended at the end, but messages after this order number are missing.
    AfterGap(u64),
}

impl Timeline {
    /// Items, oldest first.
    #[must_use]
    pub fn items(&self) -> &[Arc<TimelineItem>] {
        &self.items
    }

    /// Timeline of messages around an older one; `view` is unique in the page.
    #[must_use]
    pub fn excerpt(view: u64) -> Self {
        Self {
            view,
            ..Self::default()
        }
    }

    /// Number that changes when the rows are other ones, not when rows are added.
    #[must_use]
    pub fn view(&self) -> u64 {
        self.view
    }

    /// Puts the older messages of an excerpt in front. The result is a view of the excerpt with more rows.
    pub fn join_excerpt(&mut self, mut excerpt: Self) {
        let newest = excerpt.newest;
        excerpt.items.extend(
            std::mem::take(&mut self.items)
                .into_iter()
                .skip_while(|item| item.seq().is_some_and(|seq| seq <= newest)),
        );
        excerpt.newest = newest.max(self.newest);
        *self = excerpt;
    }

    /// Number of items that were put in front since the start.
    #[must_use]
    pub fn front(&self) -> usize {
        self.front
    }

    /// Highest order number; 0 without messages.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// Lowest order number.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        self.items.iter().find_map(|item| item.seq())
    }

    /// Whether the server has messages before the first item.
    #[must_use]
    pub fn more_before(&self) -> bool {
        self.more_before
    }

    /// Index of the message of an order number.
    #[must_use]
    pub fn find(&self, seq: u64) -> Option<usize> {
        self.place(seq).ok()
    }

    /// Appends an item without an order number.
    pub fn push(&mut self, key: u64, at: u64, kind: ItemKind) {
        self.items.push(Arc::new(TimelineItem { key, at, kind }));
    }

    /// Appends that a person joined, left or was renamed, or adds it to such an item at the end.
    pub fn push_membership(
        &mut self,
        key: u64,
        at: u64,
        person: Person,
        change: PresenceChange,
        old_name: String,
    ) {
        if let Some(last) = self.items.last_mut()
            && matches!(last.kind, ItemKind::Membership(_))
            && at.saturating_sub(last.at) < FOLD_WINDOW
            && let ItemKind::Membership(changes) = &mut Arc::make_mut(last).kind
        {
            changes.add(person, change, old_name);
            if changes.is_empty() {
                self.items.pop();
            }
            return;
        }
        let mut changes = MembershipChanges::default();
        changes.add(person, change, old_name);
        self.push(key, at, ItemKind::Membership(changes));
    }

    /// Removes all items about people who joined, left or were renamed.
    pub fn remove_membership(&mut self) {
        self.items
            .retain(|item| !matches!(item.kind, ItemKind::Membership(_)));
    }

    /// Inserts a message by its order number.
    pub fn insert(&mut self, key: u64, message: Message, mine: bool) -> Placed {
        let seq = message.seq;
        let Err(place) = self.place(seq) else {
            return Placed::Known;
        };
        let item = Arc::new(TimelineItem {
            key,
            at: message.at,
            kind: ItemKind::Message(ChatMessage::from_message(message, mine)),
        });
        let previous = self.newest;
        self.newest = previous.max(seq);
        if seq < previous {
            self.items.insert(place, item);
            return Placed::Among;
        }
        self.items.push(item);
        if seq > previous + 1 {
            Placed::AfterGap(previous)
        } else {
            Placed::Newest
        }
    }

    /// Puts older messages in front.
    pub fn prepend(&mut self, mut next_key: impl FnMut() -> u64, page: HistoryPage, me: &str) {
        let oldest = self.oldest().unwrap_or(u64::MAX);
        let mut added = Vec::new();
        for message in page.messages {
            if message.seq < oldest {
                self.newest = self.newest.max(message.seq);
                let (at, mine) = (message.at, message.author.id == me);
                added.push(Arc::new(TimelineItem {
                    key: next_key(),
                    at,
                    kind: ItemKind::Message(ChatMessage::from_message(message, mine)),
                }));
            }
        }
        self.more_before = page.more;
        self.front += added.len();
        added.append(&mut self.items);
        self.items = added;
    }

    /// Forgets all order numbers: the server counts from one again. The items stay.
    pub fn forget_numbers(&mut self) {
        self.newest = 0;
        self.more_before = false;
        for item in &mut self.items {
            if let ItemKind::Message(message) = &mut Arc::make_mut(item).kind {
                message.seq = None;
            }
        }
    }

    /// Deletes the messages that match, and what other messages quote of them; returns their order numbers.
    pub fn delete(&mut self, matches: impl Fn(&ChatMessage) -> bool) -> Vec<u64> {
        let mut deleted = Vec::new();
        for item in &mut self.items {
            let Some(seq) = item
                .message()
                .filter(|message| matches(message))
                .and_then(|message| message.seq)
            else {
                continue;
            };
            deleted.push(seq);
            if let ItemKind::Message(message) = &mut Arc::make_mut(item).kind {
                message.delete();
            }
        }
        for item in &mut self.items {
            let quotes_deleted = item
                .message()
                .and_then(|message| message.reply.as_ref())
                .is_some_and(|quote| deleted.binary_search(&quote.seq).is_ok());
            if quotes_deleted
                && let ItemKind::Message(message) = &mut Arc::make_mut(item).kind
                && let Some(quote) = &mut message.reply
            {
                quote.delete();
            }
        }
        deleted
    }

    /// Sets whether the server has messages before the first item.
    pub fn set_more_before(&mut self, more: bool) {
        self.more_before = more;
    }

    /// Index of an order number, or where it would be inserted.
    fn place(&self, seq: u64) -> Result<usize, usize> {
        // nearly every message is the newest
        let mut end = self.items.len();
        if seq <= self.newest {
            let mut low = 0;
            while low < end {
                let middle = low + (end - low) / 2;
                // items without a number are skipped: the next numbered one decides
                let Some((at, found)) = (middle..end).find_map(|at| Some((at, self.items.get(at)?.seq()?)))
                else {
                    end = middle;
                    continue;
                };
                match found.cmp(&seq) {
                    std::cmp::Ordering::Equal => return Ok(at),
                    std::cmp::Ordering::Less => low = at + 1,
                    std::cmp::Ordering::Greater => end = middle,
                }
            }
            return Err(low);
        }
        Err(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64) -> Message {
        Message {
            room: "lobby".to_owned(),
            seq,
            id: format!("id-{seq:06}"),
            author: Person {
                id: "a".to_owned(),
                name: "Ayu".to_owned(),
            },
            text: format!("text {seq}"),
            at: seq * 1000,
            reply: None,
        }
    }

    fn seqs(timeline: &Timeline) -> Vec<u64> {
        timeline.items().iter().filter_map(|item| item.seq()).collect()
    }

    fn coming(person: &str) -> Person {
        Person {
            id: person.to_owned(),
            name: person.to_owned(),
        }
    }

    #[test]
    fn messages_in_any_order_are_sorted_by_number() {
        let mut timeline = Timeline::default();
        let mut key = 0;
        for seq in [5, 6, 9, 7, 8, 6, 9, 2, 3, 5, 4] {
            key += 1;
            timeline.push_membership(
                key + 100,
                0,
                coming(&key.to_string()),
                PresenceChange::Came,
                String::new(),
            );
            timeline.insert(key, message(seq), false);
        }
        assert_eq!(seqs(&timeline), [2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(timeline.newest(), 9);
    }

    #[test]
    fn duplicate_message_is_dropped_and_gap_reported() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.insert(1, message(4), false), Placed::AfterGap(0));
        assert_eq!(timeline.insert(2, message(5), false), Placed::Newest);
        assert_eq!(timeline.insert(3, message(5), false), Placed::Known);
        assert_eq!(timeline.insert(4, message(8), false), Placed::AfterGap(5));
        assert_eq!(timeline.insert(5, message(7), false), Placed::Among);
        assert_eq!(seqs(&timeline), [4, 5, 7, 8]);
    }

    #[test]
    fn older_page_is_prepended_without_duplicates() {
        let mut timeline = Timeline::default();
        timeline.insert(1, message(10), false);
        let mut key = 10;
        let page = HistoryPage {
            messages: (7..=10).map(message).collect(),
            more: true,
        };
        let mut next = || {
            key += 1;
            key
        };
        timeline.prepend(&mut next, page, "me");
        assert_eq!(seqs(&timeline), [7, 8, 9, 10]);
        assert_eq!((timeline.front(), timeline.more_before()), (3, true));
        assert_eq!(timeline.find(8), Some(1));
        assert_eq!(timeline.find(11), None);
    }

    #[test]
    fn leave_and_rejoin_at_once_cancel_out() {
        let mut timeline = Timeline::default();
        timeline.push_membership(1, 0, coming("b"), PresenceChange::Went, String::new());
        timeline.push_membership(2, 0, coming("b"), PresenceChange::Came, String::new());
        assert!(timeline.items().is_empty());
    }

    #[test]
    fn membership_changes_without_a_message_between_are_one_item() {
        let mut timeline = Timeline::default();
        for (key, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
            timeline.push_membership(key as u64, 0, coming(id), PresenceChange::Came, String::new());
        }
        timeline.push_membership(4, 0, coming("e"), PresenceChange::Went, String::new());
        let [item] = timeline.items() else {
            panic!("one item")
        };
        let ItemKind::Membership(changes) = &item.kind else {
            panic!("is about people")
        };
        assert_eq!((changes.came.len(), changes.left.len()), (4, 1));
        timeline.push_membership(5, FOLD_WINDOW, coming("f"), PresenceChange::Came, String::new());
        assert_eq!(timeline.items().len(), 2, "an hour later is another one");
        timeline.insert(6, message(1), false);
        timeline.push_membership(7, FOLD_WINDOW, coming("g"), PresenceChange::Came, String::new());
        assert_eq!(timeline.items().len(), 4, "a message stands between them");
        timeline.remove_membership();
        assert_eq!(seqs(&timeline), [1]);
        assert_eq!(timeline.items().len(), 1);
    }

    #[test]
    fn rename_of_newcomer_changes_the_name_that_came() {
        let mut timeline = Timeline::default();
        timeline.push_membership(1, 0, coming("a"), PresenceChange::Came, String::new());
        let named = |name: &str| Person {
            name: name.to_owned(),
            ..coming("a")
        };
        timeline.push_membership(2, 0, named("Ayu"), PresenceChange::Renamed, "a".to_owned());
        let ItemKind::Membership(changes) = &timeline.items()[0].kind else {
            panic!("is about people")
        };
        assert_eq!(changes.came, [named("Ayu")]);
        assert!(changes.renamed.is_empty());
    }
}
