//! What the server tells and answers, and what becomes of it.

use super::entry::{Said, What};
use super::outbox::Progress;
use super::room::{Membership, RoomState};
use super::timeline::Placed;
use super::wire::{Answer, Outcome, Request, Told};
use super::{Chat, Heard, Server};
use crate::messages::{
    Change, Closing, Hello, History, Join, Joined, LOBBY, Message, Page, Person, Presence, Refusal,
    RefusalCode, Room, RoomKind, Sent, VERSION,
};

/// Messages that are read out one by one; more are only counted.
const READ_OUT: usize = 3;
/// What was not answered is asked for again after this long, in milliseconds.
const MORE_PATIENCE: u64 = 3000;

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

    /// The server answered.
    pub fn handle_answer(&mut self, now: u64, answer: Answer) {
        match answer {
            Answer::Sent(id, outcome) => self.sent(now, &id, outcome),
            Answer::Joined(join, outcome) => self.joined(now, &join, *outcome),
            Answer::Left(room, outcome) => self.left(now, &room, outcome),
            Answer::Opened(outcome) => match outcome {
                Some(Ok(room)) => {
                    let id = room.id.clone();
                    self.take_room(room);
                    if std::mem::take(&mut self.opening) {
                        self.open(now, &id);
                    }
                }
                Some(Err(refusal)) => self.refuse(now, refusal),
                None => {}
            },
            Answer::Page(history, outcome) => self.page(now, &history, outcome),
            Answer::Renamed(outcome) => self.took_name(outcome),
        }
        self.pump(now);
    }

    fn plain(&mut self, now: u64, text: String) {
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
        let known = |id: &str| hello.rooms.iter().any(|room| room.id == id);
        let (current, outbox) = (&self.current, &self.outbox);
        self.rooms.retain(|room| {
            let id = &room.room.id;
            room.room.kind == RoomKind::Lobby || known(id) || id == current || outbox.of(id).next().is_some()
        });
        for room in hello.rooms {
            self.take_room(room);
        }
        self.server = Server::Full {
            me: hello.you,
            limits: hello.limits,
        };
        let current = self.current.clone();
        for id in [LOBBY, &current] {
            self.room_or_new(id).membership = Membership::Wanted;
        }
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
                self.requests.push_back(Request::Join(join));
            }
        }
    }

    fn message(&mut self, message: Message) {
        let mine = self.me().is_some_and(|me| me.id == message.author.id);
        let unsent = if mine { self.outbox.take(&message.id) } else { None };
        let key = unsent.map_or_else(|| self.next_key(), |unsent| unsent.entry.key);
        let Message {
            room: id,
            author,
            text,
            seq,
            ..
        } = message.clone();
        let viewed = self.viewing && self.current == id;
        let room = self.room_or_new(&id);
        room.typists.stopped(&author.id);
        let placed = room.timeline.insert(key, message.clone(), mine);
        if placed == Placed::Known {
            return;
        }
        if seq >= room.room.last_seq {
            room.room.last_seq = seq;
            room.room.last = Some(Box::new(message));
        }
        if mine && placed == Placed::Newest && (viewed || room.read + 1 == seq) {
            room.read = room.read.max(seq);
        }
        self.note_gap(&id, placed);
        if !mine {
            self.noticed(&id, key, &author.name, &text);
        }
    }

    /// A message came too early: what is missing before it is asked for, once.
    fn note_gap(&mut self, id: &str, placed: Placed) {
        let Placed::AfterGap(after) = placed else { return };
        let Some(room) = self.room_mut(id) else { return };
        // before the room was entered, and while a gap is being filled, the answer on its way brings it
        if room.gap.is_none() && room.membership == Membership::Inside {
            room.gap = Some(after);
            self.ask_after(id, after);
        }
    }

    fn ask_after(&mut self, id: &str, after: u64) {
        self.requests.push_back(Request::History(History {
            room: id.to_owned(),
            before: None,
            after: Some(after),
        }));
    }

    /// Tries again to enter a room, from where its lines are whole, after the time that the server asks for.
    fn enter_later(&mut self, now: u64, id: &str, refusal: Option<&Refusal>) {
        let pause = refusal.map_or(MORE_PATIENCE, patience);
        self.hold = Some(now + pause);
        if let Some(room) = self.room_mut(id)
            && room.membership != Membership::Outside
        {
            room.membership = Membership::Wanted;
        }
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
                    room.divider = Some(key);
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

    fn take_room(&mut self, room: Room) {
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

    fn sent(&mut self, now: u64, id: &str, outcome: Outcome<Sent>) {
        match outcome {
            Some(Ok(Sent { seq, at })) => {
                let Some(unsent) = self.outbox.take(id) else {
                    return;
                };
                let Some(me) = self.me().cloned() else { return };
                self.message_confirmed(
                    unsent.entry.key,
                    Message {
                        room: unsent.kept.room,
                        seq,
                        id: unsent.kept.id,
                        author: me,
                        text: unsent.kept.text,
                        at,
                        reply: unsent.kept.reply,
                    },
                );
            }
            Some(Err(refusal)) if refusal.code == RefusalCode::TooFast => {
                self.hold = Some(now + patience(&refusal));
                if let Some(unsent) = self.outbox.get_mut(id) {
                    unsent.state = Progress::Waiting;
                }
                self.refuse(now, refusal);
            }
            Some(Err(refusal)) => {
                if let Some(unsent) = self.outbox.get_mut(id) {
                    unsent.state = Progress::Failed(Some(refusal));
                }
            }
            None => {
                // whether it arrived is unknown: the same id makes a second attempt harmless
                if let Some(unsent) = self.outbox.get_mut(id) {
                    unsent.state = Progress::Waiting;
                    self.hold = Some(now + MORE_PATIENCE);
                }
            }
        }
    }

    fn message_confirmed(&mut self, key: u64, message: Message) {
        let Some(room) = self.room_mut(&message.room) else {
            return;
        };
        let seq = message.seq;
        let id = message.room.clone();
        let placed = room.timeline.insert(key, message.clone(), true);
        if room.read + 1 >= seq {
            room.read = room.read.max(seq);
        }
        if seq > room.room.last_seq {
            room.room.last_seq = seq;
            room.room.last = Some(Box::new(message));
        }
        self.note_gap(&id, placed);
    }

    fn joined(&mut self, now: u64, join: &Join, outcome: Outcome<Joined>) {
        match outcome {
            Some(Ok(joined)) => {
                let me = self.me().map(|me| me.id.clone()).unwrap_or_default();
                let viewed = self.viewing && self.current == join.room;
                let mut keys = self.keys;
                let Some(room) = self.room_mut(&join.room) else {
                    return;
                };
                room.membership = Membership::Inside;
                room.set_people(joined.people);
                let seq = joined.room.last_seq;
                if seq < room.timeline.newest() {
                    // a server without a history was started anew and counts from one
                    room.timeline.forget_numbers();
                    room.read = 0;
                    room.room.last_seq = 0;
                }
                let first = join.after.is_none();
                if first && room.read == 0 {
                    room.read = seq;
                }
                room.update(joined.room);
                let more = joined.page.more;
                let joined_last = joined.page.messages.last().map(|message| message.seq);
                for message in joined.page.messages {
                    keys += 1;
                    let mine = message.author.id == me;
                    room.timeline.insert(keys, message, mine);
                }
                if first {
                    room.timeline.set_more_before(more);
                }
                let last = joined_last.filter(|_| !first && more);
                room.gap = last;
                room.divide();
                if viewed {
                    room.seen();
                }
                self.keys = keys;
                self.confirm_known(&join.room);
                if let Some(last) = last {
                    self.ask_after(&join.room, last);
                }
            }
            Some(Err(refusal)) if is_passing(&refusal) => self.enter_later(now, &join.room, Some(&refusal)),
            Some(Err(refusal)) => {
                let refused_open = self.current == join.room && join.room != LOBBY;
                if let Some(room) = self.room_mut(&join.room) {
                    room.membership = Membership::Outside;
                }
                if refusal.code == RefusalCode::RoomUnknown && self.outbox.of(&join.room).next().is_none() {
                    self.rooms
                        .retain(|room| room.room.id != join.room || room.room.id == LOBBY);
                }
                if refused_open {
                    self.refuse(now, refusal);
                    self.open(now, LOBBY);
                }
            }
            None => self.enter_later(now, &join.room, None),
        }
    }

    /// Takes out of the outbox what the history already shows.
    fn confirm_known(&mut self, id: &str) {
        let Some(room) = self.rooms.iter().find(|room| room.room.id == id) else {
            return;
        };
        let arrived: Vec<String> = self
            .outbox
            .of(id)
            .filter(|unsent| {
                let mut lines = room
                    .timeline
                    .entries()
                    .iter()
                    .rev()
                    .filter_map(|entry| entry.said());
                lines.any(|said| said.mine && said.id == unsent.kept.id)
            })
            .map(|unsent| unsent.kept.id.clone())
            .collect();
        for id in arrived {
            self.outbox.take(&id);
        }
    }

    fn left(&mut self, now: u64, id: &str, outcome: Outcome<()>) {
        match outcome {
            Some(Ok(())) | None => {
                if let Some(room) = self.room_mut(id) {
                    room.membership = Membership::Outside;
                    room.people.clear();
                }
            }
            Some(Err(refusal)) => self.refuse(now, refusal),
        }
    }

    fn page(&mut self, now: u64, history: &History, outcome: Outcome<Page>) {
        let me = self.me().map(|me| me.id.clone()).unwrap_or_default();
        let mut keys = self.keys;
        let viewed = self.viewing && self.current == history.room;
        let Some(room) = self.room_mut(&history.room) else {
            return;
        };
        room.loading = false;
        match outcome {
            Some(Ok(page)) if history.before.is_some() => {
                let mut next_key = || {
                    keys += 1;
                    keys
                };
                room.timeline.prepend(&mut next_key, page, &me);
                self.keys = keys;
            }
            Some(Ok(page)) => {
                let last = page.messages.last().map(|message| message.seq);
                let rest = last.filter(|_| page.more);
                room.gap = rest;
                for message in page.messages {
                    keys += 1;
                    let mine = message.author.id == me;
                    room.timeline.insert(keys, message, mine);
                }
                if viewed {
                    room.seen();
                }
                self.keys = keys;
                self.confirm_known(&history.room);
                if let Some(last) = rest {
                    self.ask_after(&history.room, last);
                }
            }
            // older lines are asked for again when someone scrolls there
            outcome if history.before.is_some() => {
                if let Some(Err(refusal)) = outcome {
                    self.refuse(now, refusal);
                }
            }
            outcome => self.enter_later(now, &history.room, outcome.and_then(Result::err).as_ref()),
        }
    }

    fn took_name(&mut self, outcome: Outcome<Person>) {
        match outcome {
            Some(Ok(person)) => {
                self.wished_name = Some(person.name.clone());
                self.renamed = Some(Ok(()));
                if let Server::Full { me, .. } = &mut self.server {
                    *me = person;
                }
            }
            Some(Err(refusal)) => self.renamed = Some(Err(refusal)),
            None => self.renamed = None,
        }
    }
}

/// Whether the same request may succeed a little later.
fn is_passing(refusal: &Refusal) -> bool {
    matches!(
        refusal.code,
        RefusalCode::TooFast | RefusalCode::StoreFailed | RefusalCode::Unavailable
    )
}

/// How long a server that is in a hurry wants to be left alone, in milliseconds.
fn patience(refusal: &Refusal) -> u64 {
    refusal.detail.parse().unwrap_or(1_u64).clamp(1, 60) * 1000
}
