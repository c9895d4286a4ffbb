//! A history that ends with the process: the newest messages of each room, for `--ephemeral`.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use pesan::protocol::{HistoryPage, Message, Quote, Sent};

use super::{Deliver, Draft, History, Range, SavedRoom, Settled, StoreError, Stored, now, quoted};

/// Messages in memory, at most so many a room.
pub struct Memory {
    keep: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    /// None after the end.
    deliver: Option<Deliver>,
    rooms: HashMap<String, Room>,
    ids: HashMap<String, (String, u64)>,
}

struct Room {
    saved: SavedRoom,
    messages: VecDeque<Message>,
}

impl Memory {
    /// A store that keeps the newest `keep` messages of each room.
    #[must_use]
    pub fn new(keep: usize, deliver: Deliver) -> Self {
        Self {
            keep: keep.max(1),
            inner: Mutex::new(Inner {
                deliver: Some(deliver),
                rooms: HashMap::new(),
                ids: HashMap::new(),
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} a room)", self.keep)
    }
}

impl History for Memory {
    fn add(&self, draft: Draft) -> Result<(), Box<Draft>> {
        // delivered under the lock, so that everyone sees one order
        let mut inner = self.inner();
        if inner.deliver.is_none() {
            return Err(Box::new(draft));
        }
        let (outcome, ticket) = inner.add(draft, self.keep);
        if let Some(deliver) = &inner.deliver {
            deliver(vec![Settled { outcome, ticket }]);
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
                    },
                );
            }
        }
        ready(Ok(())).boxed()
    }

    fn trouble(&self) -> Option<StoreError> {
        None
    }

    fn close(&self) {
        self.inner().deliver = None;
    }
}

impl Inner {
    fn add(&mut self, draft: Draft, keep: usize) -> (Result<Stored, StoreError>, Option<super::Ticket>) {
        let Draft {
            room,
            id,
            author,
            text,
            reply_to,
            urgent: _,
            ticket,
        } = draft;
        if let Some((known, seq)) = self.ids.get(&id) {
            let earlier = self.rooms.get(known).and_then(|room| room.get(*seq));
            let outcome = match earlier {
                Some(message) if message.author.id == author.id && *known == room => {
                    Ok(Stored::Again(Sent {
                        seq: message.seq,
                        at: message.at,
                    }))
                }
                Some(_) | None => Err(StoreError::IdUsed),
            };
            return (outcome, ticket);
        }
        let Some(place) = self.rooms.get_mut(&room) else {
            return (Err(StoreError::RoomUnknown), ticket);
        };
        let reply = reply_to
            .and_then(|seq| place.get(seq))
            .map(|quoted_message| Quote {
                seq: quoted_message.seq,
                author: quoted_message.author.name.clone(),
                text: quoted(&quoted_message.text),
            });
        place.saved.last_seq += 1;
        let message = Message {
            room: room.clone(),
            seq: place.saved.last_seq,
            id: id.clone(),
            author,
            text,
            at: now(),
            reply,
        };
        place.saved.last = Some(message.clone());
        place.messages.push_back(message.clone());
        if place.messages.len() > keep
            && let Some(old) = place.messages.pop_front()
        {
            self.ids.remove(&old.id);
        }
        self.ids.insert(id, (room, message.seq));
        (Ok(Stored::New(message)), ticket)
    }
}

impl Room {
    fn get(&self, seq: u64) -> Option<&Message> {
        let place = self
            .messages
            .binary_search_by_key(&seq, |message| message.seq)
            .ok()?;
        self.messages.get(place)
    }

    fn page(&self, range: Range, limit: usize) -> HistoryPage {
        let place = |seq| self.messages.partition_point(|message| message.seq < seq);
        let (from, to) = match range {
            Range::Newest => (0, self.messages.len()),
            Range::Before(seq) => (0, place(seq)),
            Range::After(seq) => (place(seq.saturating_add(1)), self.messages.len()),
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
