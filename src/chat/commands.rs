//! Commands of the person at the page.

use super::outbox::{SendState, StoredMessage};
use super::requests::Request;
use super::room::{Membership, RoomState};
use super::timeline_item::ChatMessage;
use super::{ChatState, Preferences, RoomCreation, Server, text, typing};
use crate::protocol::{Create, Direct, History, LOBBY, Leave, Quote, Rename, Typing, is_blank};

/// Characters of a quoted message.
const QUOTE: usize = 120;

impl ChatState {
    /// Sends a text to the open room, or keeps it until that is possible; blank text is not sent.
    ///
    /// Returns whether it was taken.
    pub fn submit(&mut self, now: u64, text: &str) -> bool {
        let text = text.trim_matches(['\n', '\r', ' ', '\t']);
        if is_blank(text) {
            return false;
        }
        let key = self.next_key();
        self.ids.1 += 1;
        let id = format!("{}-{}", self.ids.0, self.ids.1);
        let current = self.room().room.id.clone();
        let author = self.me().cloned();
        let room = self.room_or_new(&current);
        let reply = room.reply_to.take();
        room.awaited_reply = None;
        room.draft.clear();
        room.unread_marker = None;
        room.close_excerpt();
        self.typed = None;
        self.submissions += 1;
        let at = self.server_time(now);
        self.outbox.push(
            now,
            key,
            StoredMessage {
                room: current,
                id,
                text: text.to_owned(),
                at,
                reply,
            },
            author,
        );
        self.flush(now);
        true
    }

    /// Sends a failed message again, by the key of its row.
    pub fn retry(&mut self, now: u64, key: u64) {
        if let Some(unsent) = self.outbox.by_key(key) {
            unsent.state = SendState::Queued;
        }
        self.flush(now);
    }

    /// Gives up an unsent message, by the key of its row.
    pub fn discard(&mut self, key: u64) {
        self.outbox.discard(key);
    }

    /// Opens a room, and joins it if necessary.
    pub fn open(&mut self, now: u64, id: &str) {
        if id == self.current {
            return;
        }
        if let Some(room) = self.room_mut(&self.current.clone()) {
            room.unread_marker = None;
            room.close_excerpt();
        }
        self.current = id.to_owned();
        self.hidden.remove(id);
        let room = self.room_or_new(id);
        if room.membership == Membership::NotJoined {
            room.membership = Membership::Pending;
        }
        room.place_unread_marker();
        self.notices.clear();
        self.notices_skipped = 0;
        self.flush(now);
    }

    /// Opens the next or the previous joined room of the list.
    pub fn open_next(&mut self, now: u64, forward: bool) {
        let joined: Vec<&RoomState> = self
            .listed()
            .into_iter()
            .filter(|room| room.membership != Membership::NotJoined)
            .collect();
        let current = joined
            .iter()
            .position(|room| room.room.id == self.current)
            .unwrap_or(0);
        let step = if forward {
            1
        } else {
            joined.len().saturating_sub(1)
        };
        let next = (current + step) % joined.len().max(1);
        if let Some(id) = joined.get(next).map(|room| room.room.id.clone()) {
            self.open(now, &id);
        }
    }

    /// Rooms as the list shows them: the lobby, rooms that the person is in, direct ones, then all others; in each
    /// section the one with the newest message first.
    #[must_use]
    pub fn listed(&self) -> Vec<&RoomState> {
        let mut listed: Vec<&RoomState> = self.rooms.iter().filter(|room| !self.is_hidden(room)).collect();
        listed.sort_by_key(|room| {
            let last_at = room.room.last.as_ref().map_or(0, |last| last.at);
            (super::timeline_rows::section(room), std::cmp::Reverse(last_at))
        });
        listed
    }

    /// Hides a direct room until someone writes there again.
    pub fn hide(&mut self, now: u64, id: &str) {
        if let Some(room) = self.room_mut(id) {
            room.membership = Membership::NotJoined;
            room.mark_read();
            let last_seq = room.room.last_seq;
            self.hidden.insert(id.to_owned(), last_seq);
        }
        if self.current == id {
            self.open(now, LOBBY);
        }
    }

    /// Sets whether the conversation leaves out who joins and leaves.
    pub fn set_hide_membership(&mut self, hide: bool) {
        self.hide_membership = hide;
        if hide {
            for room in &mut self.rooms {
                room.timeline.remove_membership();
            }
        }
    }

    /// Takes over what another window of this person has stored.
    pub fn adopt_preferences(&mut self, now: u64, stored: Preferences) {
        let Preferences {
            name,
            joined,
            read,
            hidden,
            hide_membership,
        } = stored;
        self.wished_name = name;
        self.hidden = hidden.into_iter().collect();
        if hide_membership != self.hide_membership {
            self.set_hide_membership(hide_membership);
        }
        let left: Vec<String> = self
            .rooms
            .iter()
            .filter(|room| room.membership != Membership::NotJoined && !joined.contains(&room.room.id))
            .map(|room| room.room.id.clone())
            .collect();
        for id in left {
            self.leave(now, &id);
        }
        for id in joined {
            let room = self.room_or_new(&id);
            if room.membership == Membership::NotJoined {
                room.membership = Membership::Pending;
            }
        }
        for (id, seq) in read {
            if let Some(room) = self.room_mut(&id)
                && seq > room.read
            {
                room.read = seq;
                if seq >= room.room.last_seq.max(room.timeline.newest()) {
                    room.unseen_count = 0;
                }
            }
        }
        self.flush(now);
    }

    /// Leaves a room; the lobby stays.
    pub fn leave(&mut self, now: u64, id: &str) {
        if id == LOBBY {
            return;
        }
        if let Some(room) = self.room_mut(id) {
            room.membership = Membership::NotJoined;
        }
        self.requests
            .push_back(Request::Leave(Leave { room: id.to_owned() }));
        if self.current == id {
            self.open(now, LOBBY);
        }
    }

    /// Creates a room and opens it.
    pub fn create(&mut self, name: &str) {
        let name = name.trim().to_owned();
        self.creation = Some(RoomCreation::Requested { name: name.clone() });
        self.requests.push_back(Request::Create(Create { name }));
    }

    /// Forgets the room that the person wanted to create.
    pub fn dismiss_creation(&mut self) {
        self.creation = None;
    }

    /// Shows a message of the open room by its order number; fetches what is around it when it is not loaded.
    pub fn show_message(&mut self, seq: u64) {
        let half_page = match &self.server {
            Server::Extended { limits, .. } => u64::from(limits.page / 2),
            Server::Unknown | Server::Basic => return,
        };
        let nonce = self.next_key();
        let id = self.current.clone();
        let Some(room) = self.room_mut(&id) else { return };
        if room.shown().find(seq).is_some() {
            room.target = Some((seq, nonce));
        } else if room.timeline.find(seq).is_some() {
            room.excerpt = None;
            room.target = Some((seq, nonce));
        } else if room.membership == Membership::Joined {
            let before = seq + half_page + 1;
            room.jump = Some((seq, before));
            self.requests.push_back(Request::History(History {
                room: id,
                before: Some(before),
                after: None,
            }));
        }
    }

    /// Shows the newest messages of the open room again.
    pub fn show_newest(&mut self) {
        let id = self.current.clone();
        if let Some(room) = self.room_mut(&id) {
            room.close_excerpt();
        }
    }

    /// Whether the messages after an excerpt can be requested now.
    #[must_use]
    pub fn has_newer(&self) -> bool {
        let room = self.room();
        room.excerpt.is_some() && room.membership == Membership::Joined && !room.loading
    }

    /// Requests the messages after the excerpt that is shown.
    pub fn newer(&mut self) {
        if !self.has_newer() {
            return;
        }
        let id = self.current.clone();
        let Some(room) = self.room_mut(&id) else { return };
        let Some(after) = room.excerpt.as_ref().map(super::timeline::Timeline::newest) else {
            return;
        };
        room.loading = true;
        self.ask_after(&id, after);
    }

    /// Opens the direct room with a person.
    pub fn direct(&mut self, person: &str) {
        self.opening = true;
        self.requests.push_back(Request::Direct(Direct {
            person: person.to_owned(),
        }));
    }

    /// Requests another name.
    pub fn rename(&mut self, name: &str) {
        let name = name.trim();
        self.renamed = None;
        if self.me().is_some_and(|me| me.name == name) {
            self.wished_name = Some(name.to_owned());
            self.renamed = Some(Ok(()));
        } else {
            self.requests.push_back(Request::Rename(Rename {
                name: name.to_owned(),
            }));
        }
    }

    /// Whether older messages of the open room can be requested now.
    #[must_use]
    pub fn has_older(&self) -> bool {
        let room = self.room();
        room.membership == Membership::Joined
            && room.shown().more_before()
            && !room.loading
            && matches!(self.server, Server::Extended { .. })
    }

    /// Requests older messages of the open room, unless a request is pending.
    pub fn older(&mut self) {
        if !matches!(self.server, Server::Extended { .. }) {
            return;
        }
        let id = self.current.clone();
        let Some(room) = self.room_mut(&id) else { return };
        let inside = room.membership == Membership::Joined;
        if let (true, true, false, Some(before)) = (
            inside,
            room.shown().more_before(),
            room.loading,
            room.shown().oldest(),
        ) {
            room.loading = true;
            self.requests.push_back(Request::History(History {
                room: id,
                before: Some(before),
                after: None,
            }));
        }
    }

    /// Whether a typing notice is due.
    #[must_use]
    pub fn wants_typing(&self, now: u64) -> bool {
        self.typed
            .is_none_or(|last| last + typing::TYPING_INTERVAL <= now)
            && self.room().membership == Membership::Joined
            && matches!(self.server, Server::Extended { .. })
    }

    /// The person is typing: sends a notice, at most once per [`typing::TYPING_INTERVAL`].
    pub fn typing(&mut self, now: u64) {
        if self.wants_typing(now) {
            self.typed = Some(now);
            let room = self.room().room.id.clone();
            self.requests.push_back(Request::Typing(Typing { room }));
        }
    }

    /// Whether the end of the open room is on screen.
    pub fn set_viewing(&mut self, viewing: bool) {
        let viewing = viewing && self.room().excerpt.is_none();
        self.viewing = viewing;
        let current = self.current.clone();
        let is_extended = matches!(self.server, Server::Extended { .. });
        if viewing
            && let Some(room) = self.room_mut(&current)
            // until the room is joined, what is unread has not arrived
            && (room.membership == Membership::Joined || !is_extended)
        {
            room.mark_read();
        }
    }

    /// Sets the draft of the open room.
    pub fn set_draft(&mut self, text: &str) {
        let current = self.current.clone();
        if let Some(room) = self.room_mut(&current) {
            text.clone_into(&mut room.draft);
        }
    }

    /// Sets the message that the draft replies to, by the key of its row.
    ///
    /// A reply to an own message that is still being sent begins as soon as the server has stored it.
    pub fn set_reply_to(&mut self, key: Option<u64>) {
        let quote = key.and_then(|key| {
            let item = self.room().shown().items().iter().find(|item| item.key == key)?;
            quote_of(item.message()?)
        });
        let is_pending = |key: &u64| {
            self.outbox
                .of(&self.current)
                .any(|pending| pending.item.key == *key)
        };
        let awaited = key.filter(is_pending);
        let current = self.current.clone();
        if let Some(room) = self.room_mut(&current) {
            room.reply_to = quote;
            room.awaited_reply = awaited;
        }
    }

    /// Sets the name to request when connecting.
    pub fn set_wished_name(&mut self, name: Option<String>) {
        self.wished_name = name;
    }

    /// Closes the announcement.
    pub fn dismiss_announcement(&mut self) {
        self.announcement = None;
    }

    /// Closes the last error.
    pub fn dismiss_notice(&mut self) {
        self.notice = None;
    }

    /// Forgets the result of the last rename.
    pub fn dismiss_renamed(&mut self) {
        self.renamed = None;
    }

    /// Connects again after an operator ended the connection.
    pub fn come_back(&mut self) {
        self.kicked = None;
        self.reconnect_at = None;
        self.requests.push_back(Request::Reconnect);
    }
}

/// Quote of a message that the server has stored.
pub(super) fn quote_of(message: &ChatMessage) -> Option<Quote> {
    let author = message.author.as_ref().map(|author| author.name.clone());
    Some(Quote {
        seq: message.seq?,
        author: author.unwrap_or_default(),
        text: text::truncate(&message.text, QUOTE),
    })
}
