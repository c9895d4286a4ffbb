//! What the server tells, and what becomes of it.

use super::entry::{Said, What};
use super::room::{Membership, RoomState};
use super::timeline::Placed;
use super::wire::{Request, Told};
use super::{Chat, Heard, Server};
use crate::messages::{
    Change, Closing, Hello, History, Join, LOBBY, Message, Presence, Room, RoomKind, VERSION,
};

/// Messages that are read out one by one; more are only counted.
const READ_OUT: usize = 3;

impl Chat {
    /// The server told something.
    pub fn handle_told(&mut self, now: u64, told: Told) {
        match told {
            Told::Plain(text) => self.plain(now, text),
            Told::Welcome(text) => self.welcome(now, text),
            Told::Hello(hello) => self.hello(now, *hello),
            Told::Message(message) => self.message(message),
            Told::Room(room) => self.take_room(room),
            Told::Presence(presence) => self.presence(now, presence),
            Told::Typist(typist) => {
                if let Some(room) = self.room_mut(&typist.room) {
                    room.typists.heard(now, typist.person);
                }
            }
            Told::Announcement(announcement) => self.announcement = Some(announcement),
            Told::Closing(Closing { seconds, reason }) => {
                self.closing = (seconds > 0).then(|| (now + u64::from(seconds) * 1000, reason));
            }
            Told::Kicked(kicked) => {
                self.kicked = Some(kicked.reason);
                self.comeback = None;
            }
        }
        self.pump(now);
    }

    /// A text came on a plain server, or is taken for one that came.
    pub(super) fn plain(&mut self, now: u64, text: String) {
        let echoed = self.outbox.take_echoed(&text);
        let key = echoed
            .as_ref()
            .map_or_else(|| self.next_key(), |unsent| unsent.entry.key);
        let mine = echoed.is_some();
        if !mine {
            self.noticed(LOBBY, key, "", &text);
        }
        if let Some(lobby) = self.room_mut(LOBBY) {
            lobby.timeline.push(key, now, What::Said(Said::plain(text, mine)));
        }
    }

    fn welcome(&mut self, now: u64, text: String) {
        // where there is a history, a greeting has no place in it
        if self.greeted {
            return;
        }
        let key = self.next_key();
        let Some(lobby) = self.room_mut(LOBBY) else { return };
        let entries = lobby.timeline.entries();
        if !entries
            .iter()
            .any(|entry| matches!(&entry.what, What::Notice(old) if *old == text))
        {
            lobby.timeline.push(key, now, What::Notice(text));
        }
    }

    fn hello(&mut self, now: u64, hello: Hello) {
        if hello.version != VERSION {
            self.server = Server::Plain;
            self.newer = hello.version > VERSION;
            return;
        }
        self.greeted = true;
        self.skew = i64::try_from(hello.now).unwrap_or(0) - i64::try_from(now).unwrap_or(0);
        self.newer |= self.build.as_ref().is_some_and(|build| *build != hello.build);
        self.build.get_or_insert(hello.build);
        if let Some(refusal) = hello.name_refused {
            self.renamed = Some(Err(refusal.clone()));
            self.refuse(now, refusal);
        }
        // a room that the server does not know any more stays only while something in it waits to be sent
        for at in (0..self.rooms.len()).rev() {
            let gone = self.rooms.get(at).is_some_and(|room| {
                let id = &room.room.id;
                let known = hello.rooms.iter().any(|room| room.id == *id);
                let kept = room.room.kind == RoomKind::Lobby || known || *id == self.current;
                !kept && self.outbox.of(id).next().is_none()
            });
            if gone {
                self.rooms.remove(at);
            }
        }
        for room in hello.rooms {
            self.take_room(room);
        }
        self.server = Server::Full {
            me: hello.you,
            limits: hello.limits,
        };
        let current = self.current.clone();
        self.room_or_new(LOBBY).membership = Membership::Wanted;
        self.room_or_new(&current).membership = Membership::Wanted;
    }

    /// Asks to be let into the rooms that are wanted.
    pub(super) fn join_wanted(&mut self) {
        for room in &mut self.rooms {
            if room.membership == Membership::Wanted {
                room.membership = Membership::Asked;
                let newest = room.gap.unwrap_or(room.timeline.newest());
                let join = Join {
                    room: room.room.id.clone(),
                    after: (newest > 0).then_some(newest),
                };
                self.requests.push(Request::Join(join));
            }
        }
    }

    fn message(&mut self, message: Message) {
        let mine = self.me().is_some_and(|me| me.id == message.author.id);
        let unsent = if mine { self.outbox.take(&message.id) } else { None };
        let key = unsent.map_or_else(|| self.next_key(), |unsent| unsent.entry.key);
        let (id, seq) = (message.room.clone(), message.seq);
        let viewed = self.viewing && self.current == id;
        self.room_or_new(&id).typists.stopped(&message.author.id);
        let (author, text) = (message.author.name.clone(), message.text.clone());
        let placed = self.place(key, message, mine);
        if placed == Placed::Known {
            return;
        }
        if !mine {
            self.noticed(&id, key, &author, &text);
        } else if let Some(room) = self.room_mut(&id)
            && placed == Placed::Newest
            && (viewed || room.read + 1 == seq)
        {
            room.read = room.read.max(seq);
        }
    }

    /// Puts a message where it belongs, in its room and in the list of rooms.
    #[inline(never)]
    pub(super) fn place(&mut self, key: u64, message: Message, mine: bool) -> Placed {
        let id = message.room.clone();
        let Some(room) = self.room_mut(&id) else {
            return Placed::Known;
        };
        let placed = room.timeline.insert(key, message.clone(), mine);
        if placed != Placed::Known && message.seq >= room.room.last_seq {
            room.room.last_seq = message.seq;
            room.room.last = Some(Box::new(message));
        }
        self.note_gap(&id, placed);
        placed
    }

    /// A message came too early: what is missing before it is asked for, once.
    pub(super) fn note_gap(&mut self, id: &str, placed: Placed) {
        let Placed::AfterGap(after) = placed else { return };
        let Some(room) = self.room_mut(id) else { return };
        // while a gap is being filled, and until the room is entered, the answer to come brings it
        if room.gap.is_none() {
            room.gap = Some(after);
            if room.membership == Membership::Inside {
                self.ask_after(id, after);
            }
        }
    }

    pub(super) fn ask_after(&mut self, id: &str, after: u64) {
        self.requests.push(Request::History(History {
            room: id.to_owned(),
            before: None,
            after: Some(after),
        }));
    }

    /// A message of someone else came: it is read at once, or counted.
    fn noticed(&mut self, id: &str, key: u64, author: &str, text: &str) {
        let current = self.current == id;
        let viewed = self.viewing && current;
        if let Some(room) = self.room_mut(id) {
            if viewed {
                room.seen();
            } else {
                if room.fresh == 0 && current {
                    // what was missed before counts too
                    room.divide();
                    room.divider.get_or_insert(key);
                }
                room.fresh = room.fresh.saturating_add(1);
            }
        }
        if current {
            if self.heard.len() < READ_OUT {
                self.heard.push(Heard {
                    author: author.to_owned(),
                    text: text.to_owned(),
                });
            } else {
                self.heard_more += 1;
            }
        }
    }

    pub(super) fn take_room(&mut self, room: Room) {
        let viewed = self.viewing && self.current == room.id;
        if let Some(known) = self.room_mut(&room.id) {
            known.update(room);
            if viewed && known.timeline.newest() == known.room.last_seq {
                known.seen();
            }
            return;
        }
        let place = match room.kind {
            RoomKind::Lobby => 0,
            RoomKind::Open | RoomKind::Direct => self.rooms.len(),
        };
        self.rooms.insert(place, RoomState::new(room));
    }

    fn presence(&mut self, now: u64, presence: Presence) {
        let key = self.next_key();
        let Presence { room, person, change } = presence;
        let at = self.server_time(now);
        if let Server::Full { me, .. } = &mut self.server
            && me.id == person.id
        {
            if change == Change::Renamed {
                me.name.clone_from(&person.name);
                // also when another window took it
                self.wished_name = Some(person.name.clone());
            }
            if change == Change::Went {
                return;
            }
        }
        if change == Change::Renamed {
            for other in &mut self.rooms {
                if other.room.with.as_ref().is_some_and(|with| with.id == person.id) {
                    other.room.name.clone_from(&person.name);
                    other.room.with = Some(person.clone());
                }
            }
        }
        if let Some(room) = self.room_mut(&room) {
            room.moved(key, at, person, change);
        }
    }
}
