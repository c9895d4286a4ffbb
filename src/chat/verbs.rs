//! What the person at the page wants.

use super::outbox::{Kept, Progress};
use super::room::{Membership, RoomState};
use super::wire::Request;
use super::{Chat, Server, folding, typing};
use crate::messages::{Create, Direct, History, LOBBY, Leave, Quote, Rename, Typing};

/// Characters of a quoted message.
const QUOTE: usize = 120;

impl Chat {
    /// Sends a text to the open room, or keeps it until that is possible; blank text is not sent.
    ///
    /// Returns whether it was taken.
    pub fn submit(&mut self, now: u64, text: &str) -> bool {
        let text = text.trim_matches(['\n', '\r', ' ', '\t']);
        if text.is_empty()
            || text
                .chars()
                .all(|c| c.is_whitespace() || super::links::is_hidden(c))
        {
            return false;
        }
        let key = self.next_key();
        self.ids.1 += 1;
        let id = [self.ids.0.as_str(), "-", &self.ids.1.to_string()].concat();
        let current = self.room().room.id.clone();
        let author = self.me().cloned();
        let room = self.room_or_new(&current);
        let reply = room.answering.take();
        room.draft.clear();
        room.divider = None;
        self.typed = None;
        let at = self.server_time(now);
        self.outbox.push(
            key,
            Kept {
                room: current,
                id,
                text: text.to_owned(),
                at,
                reply,
            },
            author,
        );
        self.pump(now);
        true
    }

    /// Tries a failed text again, by the key of its line.
    pub fn retry(&mut self, now: u64, key: u64) {
        if let Some(unsent) = self.outbox.by_key(key) {
            unsent.state = Progress::Waiting;
        }
        self.pump(now);
    }

    /// Gives a text up that was not sent, by the key of its line.
    pub fn discard(&mut self, key: u64) {
        self.outbox.discard(key);
    }

    /// Opens a room, and enters it if need be.
    pub fn open(&mut self, now: u64, id: &str) {
        if id == self.current {
            return;
        }
        if let Some(room) = self.room_mut(&self.current.clone()) {
            room.divider = None;
        }
        self.current = id.to_owned();
        let room = self.room_or_new(id);
        if room.membership == Membership::Outside {
            room.membership = Membership::Wanted;
        }
        room.divide();
        self.heard.clear();
        self.heard_more = 0;
        self.pump(now);
    }

    /// Opens the next room of the list, or the one before.
    pub fn open_next(&mut self, now: u64, forward: bool) {
        let mut inside = Vec::new();
        let mut at = 0;
        for room in self.listed() {
            if room.membership != Membership::Outside {
                if room.room.id == self.current {
                    at = inside.len();
                }
                inside.push(room);
            }
        }
        let next = if forward {
            at + 1
        } else {
            at + inside.len().saturating_sub(1)
        } % inside.len().max(1);
        if let Some(id) = inside.get(next).map(|room| room.room.id.clone()) {
            self.open(now, &id);
        }
    }

    /// Rooms as the list shows them: the lobby, rooms that the person is in, direct ones, then all others.
    pub fn listed(&self) -> impl Iterator<Item = &RoomState> {
        let mut listed = Vec::with_capacity(self.rooms.len());
        for part in 0..4 {
            for room in &self.rooms {
                if super::rows::part(room) == part {
                    listed.push(room);
                }
            }
        }
        listed.into_iter()
    }

    /// Leaves a room; the lobby stays.
    pub fn leave(&mut self, now: u64, id: &str) {
        if id == LOBBY {
            return;
        }
        if let Some(room) = self.room_mut(id) {
            room.membership = Membership::Outside;
        }
        self.requests.push(Request::Leave(Leave { room: id.to_owned() }));
        if self.current == id {
            self.open(now, LOBBY);
        }
    }

    /// Makes a room and opens it.
    pub fn create(&mut self, name: &str) {
        self.opening = true;
        self.requests.push(Request::Create(Create {
            name: name.trim().to_owned(),
        }));
    }

    /// Opens the room with someone.
    pub fn direct(&mut self, person: &str) {
        self.opening = true;
        self.requests.push(Request::Direct(Direct {
            person: person.to_owned(),
        }));
    }

    /// Takes another name.
    pub fn rename(&mut self, name: &str) {
        let name = name.trim();
        self.renamed = None;
        if self.me().is_some_and(|me| me.name == name) {
            self.wished_name = Some(name.to_owned());
            self.renamed = Some(Ok(()));
        } else {
            self.requests.push(Request::Rename(Rename {
                name: name.to_owned(),
            }));
        }
    }

    /// Whether there are older messages of the open room that were not asked for yet.
    #[must_use]
    pub fn has_older(&self) -> bool {
        let room = self.room();
        room.membership == Membership::Inside
            && room.timeline.more_before()
            && !room.loading
            && matches!(self.server, Server::Full { .. })
    }

    /// Asks for older messages of the open room, unless they are already on their way.
    pub fn older(&mut self) {
        if !matches!(self.server, Server::Full { .. }) {
            return;
        }
        let id = self.current.clone();
        let Some(room) = self.room_mut(&id) else { return };
        let inside = room.membership == Membership::Inside;
        if let (true, true, false, Some(before)) = (
            inside,
            room.timeline.more_before(),
            room.loading,
            room.timeline.oldest(),
        ) {
            room.loading = true;
            self.requests.push(Request::History(History {
                room: id,
                before: Some(before),
                after: None,
            }));
        }
    }

    /// Whether others should be told now that this person is typing.
    #[must_use]
    pub fn wants_typing(&self, now: u64) -> bool {
        self.typed.is_none_or(|last| last + typing::EVERY <= now)
            && self.room().membership == Membership::Inside
            && matches!(self.server, Server::Full { .. })
    }

    /// The person is typing; told to others now and then.
    pub fn typing(&mut self, now: u64) {
        if self.wants_typing(now) {
            self.typed = Some(now);
            let room = self.room().room.id.clone();
            self.requests.push(Request::Typing(Typing { room }));
        }
    }

    /// Whether the end of the open room is on screen.
    pub fn set_viewing(&mut self, viewing: bool) {
        self.viewing = viewing;
        let current = self.current.clone();
        if viewing && let Some(room) = self.room_mut(&current) {
            room.seen();
        }
    }

    /// Keeps a text that was begun in the open room.
    pub fn set_draft(&mut self, text: &str) {
        let current = self.current.clone();
        if let Some(room) = self.room_mut(&current) {
            text.clone_into(&mut room.draft);
        }
    }

    /// Answers a message of the open room, or none.
    pub fn answer(&mut self, key: Option<u64>) {
        let quote = key.and_then(|key| {
            let entry = self
                .room()
                .timeline
                .entries()
                .iter()
                .find(|entry| entry.key == key)?;
            let said = entry.said()?;
            Some(Quote {
                seq: said.seq?,
                author: said
                    .author
                    .as_ref()
                    .map(|author| author.name.clone())
                    .unwrap_or_default(),
                text: folding::excerpt(&said.text, QUOTE),
            })
        });
        let current = self.current.clone();
        if let Some(room) = self.room_mut(&current) {
            room.answering = quote;
        }
    }

    /// Wants this name when it connects.
    pub fn set_wished_name(&mut self, name: Option<String>) {
        self.wished_name = name;
    }

    /// Has read the announcement.
    pub fn dismiss_announcement(&mut self) {
        self.announcement = None;
    }

    /// Has read the refusal.
    pub fn dismiss_notice(&mut self) {
        self.notice = None;
    }

    /// Forgets what became of the last wish for another name.
    pub fn dismiss_renamed(&mut self) {
        self.renamed = None;
    }

    /// Wants back in after having been sent away.
    pub fn come_back(&mut self) {
        self.kicked = None;
        self.comeback = None;
        self.requests.push(Request::Reconnect);
    }
}
