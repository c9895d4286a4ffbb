//! History in memory for `--ephemeral`: the newest messages of each room, lost when the process ends.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use pesan::protocol::{HistoryPage, Message, Quote, Sent};

use super::{
    Committed, Deliver, Draft, History, Range, Restriction, RestrictionKind, SavedRoom, StoreError, Stored,
    Subject, excerpt, now,
};

/// Approximate bytes of a message besides its text.
const OVERHEAD: usize = 400;

/// Messages in memory. Has a limit of messages per room, and a limit of bytes: beyond it, the oldest messages of the
/// largest room are removed.
pub struct Memory {
    max_messages: usize,
    max_bytes: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None` after the store was closed.
    deliver: Option<Deliver>,
    rooms: HashMap<String, Room>,
    ids: HashMap<String, (String, u64)>,
    bytes: usize,
    restrictions: HashMap<(RestrictionKind, Subject), Restriction>,
}

struct Room {
    saved: SavedRoom,
    messages: VecDeque<Message>,
    bytes: usize,
}

impl Memory {
    /// Store for the newest `max_messages` messages of each room, and `max_bytes` in total.
    #[must_use]
    pub fn new(max_messages: usize, max_bytes: usize, deliver: Deliver) -> Self {
        Self {
            max_messages: max_messages.max(1),
            max_bytes,
            inner: Mutex::new(Inner {
                deliver: Some(deliver),
                rooms: HashMap::new(),
                ids: HashMap::new(),
                bytes: 0,
                restrictions: HashMap::new(),
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} a room)", self.max_messages)
    }
}

impl History for Memory {
    fn add(&self, draft: Draft) -> Result<(), Box<Draft>> {
        // delivered under the lock, so that all clients see the same order
        let mut inner = self.inner();
        if inner.deliver.is_none() {
            return Err(Box::new(draft));
        }
        let (outcome, completion) = inner.add(draft, self.max_messages, self.max_bytes);
        if let Some(deliver) = &inner.deliver {
            deliver(vec![Committed { outcome, completion }]);
        }
        Ok(())
    }

    fn page(
        &self,
        room: &str,
        range: Range,
        limit: u32,
    ) -> BoxFuture<'static, Result<HistoryPage, StoreError>> {
        let inner = self.inner();
        let page = inner
            .rooms
            .get(room)
            .map(|room| room.page(range, usize::try_from(limit).unwrap_or(usize::MAX)))
            .ok_or(StoreError::RoomUnknown);
        ready(page).boxed()
    }

    fn rooms(&self) -> BoxFuture<'static, Result<Vec<SavedRoom>, StoreError>> {
        let inner = self.inner();
        let rooms = inner.rooms.values().map(|room| room.saved.clone());
        ready(Ok(rooms.collect())).boxed()
    }

    fn save_room(&self, room: SavedRoom) -> BoxFuture<'static, Result<(), StoreError>> {
        let mut inner = self.inner();
        match inner.rooms.get_mut(&room.id) {
            Some(known) => known.saved.name = room.name,
            None => {
                inner.rooms.insert(
                    room.id.clone(),
                    Room {
                        saved: room,
                        messages: VecDeque::new(),
                        bytes: 0,
                    },
                );
            }
        }
        ready(Ok(())).boxed()
    }

    fn remove_room(
        &self,
        room: &str,
        _: &str,
        only_empty: bool,
    ) -> BoxFuture<'static, Result<bool, StoreError>> {
        let mut inner = self.inner();
        let stays = inner
            .rooms
            .get(room)
            .is_none_or(|room| only_empty && room.saved.last_seq > 0);
        if !stays {
            inner.remove(room);
        }
        ready(Ok(!stays)).boxed()
    }

    fn merge_rooms(&self, from: &str, _: &str, into: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        let merged = self.inner().merge(from, into);
        ready(merged).boxed()
    }

    fn delete_message(&self, room: &str, seq: u64) -> BoxFuture<'static, Result<bool, StoreError>> {
        let deleted = self
            .inner()
            .delete(|message| message.room == room && message.seq == seq);
        ready(Ok(deleted > 0)).boxed()
    }

    fn erase_person(&self, person: &str) -> BoxFuture<'static, Result<u64, StoreError>> {
        let deleted = self.inner().delete(|message| message.author.id == person);
        ready(Ok(deleted)).boxed()
    }

    fn restrictions(&self) -> BoxFuture<'static, Result<Vec<Restriction>, StoreError>> {
        let list = self.inner().restrictions.values().cloned().collect();
        ready(Ok(list)).boxed()
    }

    fn restrict(&self, restriction: Restriction) -> BoxFuture<'static, Result<(), StoreError>> {
        let key = (restriction.kind, restriction.subject.clone());
        self.inner().restrictions.insert(key, restriction);
        ready(Ok(())).boxed()
    }

    fn lift(&self, kind: RestrictionKind, subject: &Subject) -> BoxFuture<'static, Result<bool, StoreError>> {
        let lifted = self.inner().restrictions.remove(&(kind, subject.clone()));
        ready(Ok(lifted.is_some())).boxed()
    }

    fn last_error(&self) -> Option<StoreError> {
        None
    }

    fn close(&self) {
        self.inner().deliver = None;
    }
}

impl Inner {
    fn remove(&mut self, room: &str) -> Option<Room> {
        let room = self.rooms.remove(room)?;
        self.bytes -= room.bytes;
        for message in &room.messages {
            self.ids.remove(&message.id);
        }
        Some(room)
    }

    fn merge(&mut self, from: &str, into: &str) -> Result<(), StoreError> {
        if !self.rooms.contains_key(into) {
            return Err(StoreError::RoomUnknown);
        }
        let moved = self.remove(from).ok_or(StoreError::RoomUnknown)?;
        let target = self.rooms.get_mut(into).ok_or(StoreError::RoomUnknown)?;
        let first = moved.messages.front().map_or(0, |message| message.seq);
        let last_seq = target.saved.last_seq;
        let renumbered = |seq: u64| (seq + last_seq + 1).saturating_sub(first);
        for mut message in moved.messages {
            message.seq = renumbered(message.seq);
            into.clone_into(&mut message.room);
            if let Some(reply) = &mut message.reply {
                reply.seq = renumbered(reply.seq);
            }
            self.ids
                .insert(message.id.clone(), (into.to_owned(), message.seq));
            target.saved.last_seq = message.seq;
            target.saved.last = Some(message.clone());
            target.messages.push_back(message);
        }
        target.bytes += moved.bytes;
        self.bytes += moved.bytes;
        Ok(())
    }

    /// Deletes the messages that match, and quotes of them; returns their number.
    fn delete(&mut self, matches: impl Fn(&Message) -> bool) -> u64 {
        let mut count = 0;
        for room in self.rooms.values_mut() {
            let mut deleted = BTreeSet::new();
            for message in &mut room.messages {
                if message.is_deleted() || !matches(message) {
                    continue;
                }
                deleted.insert(message.seq);
                room.bytes -= message.text.len();
                self.bytes -= message.text.len();
                message.delete();
            }
            let quotes = room
                .messages
                .iter_mut()
                .filter_map(|message| message.reply.as_mut());
            for quote in quotes.filter(|quote| deleted.contains(&quote.seq)) {
                quote.delete();
            }
            if !deleted.is_empty() {
                room.saved.last = room.messages.back().cloned();
            }
            count += u64::try_from(deleted.len()).unwrap_or(u64::MAX);
        }
        count
    }

    /// Removes old messages until there is space for `bytes`; returns whether there is.
    fn make_space(&mut self, bytes: usize, max_bytes: usize) -> bool {
        while self.bytes + bytes > max_bytes {
            let rooms = self.rooms.values_mut().filter(|room| room.messages.len() > 1);
            let Some(largest) = rooms.max_by_key(|room| room.bytes) else {
                return false;
            };
            if let Some(id) = largest.remove_oldest(&mut self.bytes) {
                self.ids.remove(&id);
            }
        }
        true
    }

    fn add(
        &mut self,
        draft: Draft,
        max_messages: usize,
        max_bytes: usize,
    ) -> (Result<Stored, StoreError>, Option<super::Completion>) {
        let Draft {
            room,
            id,
            author,
            text,
            reply_to,
            urgent: _,
            completion,
        } = draft;
        if let Some((known, seq)) = self.ids.get(&id) {
            let earlier = self.rooms.get(known).and_then(|room| room.get(*seq));
            let outcome = match earlier {
                Some(message) if message.author.id == author.id && *known == room => {
                    Ok(Stored::Duplicate(Sent {
                        seq: message.seq,
                        at: message.at,
                    }))
                }
                Some(_) | None => Err(StoreError::IdUsed),
            };
            return (outcome, completion);
        }
        if !self.rooms.contains_key(&room) {
            return (Err(StoreError::RoomUnknown), completion);
        }
        let bytes = OVERHEAD + text.len();
        if !self.make_space(bytes, max_bytes) {
            return (
                Err(StoreError::Quota(u64::try_from(max_bytes).unwrap_or(u64::MAX))),
                completion,
            );
        }
        let Some(target) = self.rooms.get_mut(&room) else {
            return (Err(StoreError::RoomUnknown), completion);
        };
        let reply = reply_to
            .and_then(|seq| target.get(seq))
            .filter(|original| !original.is_deleted())
            .map(|original| Quote {
                seq: original.seq,
                author: original.author.name.clone(),
                text: excerpt(&original.text),
            });
        target.saved.last_seq += 1;
        let message = Message {
            room: room.clone(),
            seq: target.saved.last_seq,
            id: id.clone(),
            author,
            text,
            at: now(),
            reply,
        };
        target.saved.last = Some(message.clone());
        target.messages.push_back(message.clone());
        target.bytes += bytes;
        self.bytes += bytes;
        if target.messages.len() > max_messages
            && let Some(old) = target.remove_oldest(&mut self.bytes)
        {
            self.ids.remove(&old);
        }
        self.ids.insert(id, (room, message.seq));
        (Ok(Stored::New(message)), completion)
    }
}

impl Room {
    /// Removes the oldest message and returns its id.
    fn remove_oldest(&mut self, total: &mut usize) -> Option<String> {
        let old = self.messages.pop_front()?;
        let bytes = OVERHEAD + old.text.len();
        self.bytes -= bytes;
        *total -= bytes;
        Some(old.id)
    }

    fn get(&self, seq: u64) -> Option<&Message> {
        let index = self
            .messages
            .binary_search_by_key(&seq, |message| message.seq)
            .ok()?;
        self.messages.get(index)
    }

    fn page(&self, range: Range, limit: usize) -> HistoryPage {
        let index = |seq| self.messages.partition_point(|message| message.seq < seq);
        let (from, to) = match range {
            Range::Newest => (0, self.messages.len()),
            Range::Before(seq) => (0, index(seq)),
            Range::After(seq) => (index(seq.saturating_add(1)), self.messages.len()),
        };
        let more = to - from > limit;
        let (from, to) = match range {
            Range::After(_) => (from, to.min(from + limit)),
            Range::Newest | Range::Before(_) => (from.max(to.saturating_sub(limit)), to),
        };
        HistoryPage {
            messages: self.messages.range(from..to).cloned().collect(),
            more,
        }
    }
}
