//! What the server answers, and what becomes of it.

use super::outbox::Progress;
use super::room::Membership;
use super::wire::{Answer, Outcome};
use super::{Chat, Server};
use crate::messages::{History, Join, Joined, LOBBY, Message, Page, Person, Refusal, RefusalCode, Sent};

/// What was not answered is asked for again after this long, in milliseconds.
const MORE_PATIENCE: u64 = 3000;

impl Chat {
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
        let seq = message.seq;
        if let Some(room) = self.room_mut(&message.room)
            && room.read + 1 >= seq
        {
            room.read = room.read.max(seq);
        }
        self.place(key, message, true);
    }

    fn joined(&mut self, now: u64, join: &Join, outcome: Outcome<Joined>) {
        match outcome {
            Some(Ok(joined)) => {
                let Some(room) = self.room_mut(&join.room) else {
                    return;
                };
                room.membership = Membership::Inside;
                room.set_people(joined.people);
                let seq = joined.room.last_seq;
                room.read = room.read.min(seq);
                // what was told meanwhile may be ahead of the answer, what the server was told before may not
                if join.after > Some(seq) {
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
                if first {
                    room.timeline.set_more_before(joined.page.more);
                }
                let more = !first && joined.page.more;
                self.add(&join.room, joined.page.messages, more, true);
            }
            Some(Err(refusal)) if is_passing(&refusal) => self.enter_later(now, &join.room, Some(&refusal)),
            Some(Err(refusal)) => {
                let refused_open = self.current == join.room && join.room != LOBBY;
                if let Some(room) = self.room_mut(&join.room) {
                    room.membership = Membership::Outside;
                }
                let gone = refusal.code == RefusalCode::RoomUnknown && join.room != LOBBY;
                if gone && self.outbox.of(&join.room).next().is_none() {
                    self.remove_room(&join.room);
                }
                if refused_open {
                    self.refuse(now, refusal);
                    self.open(now, LOBBY);
                }
            }
            None => self.enter_later(now, &join.room, None),
        }
    }

    /// Adds messages of the history at the end, and asks for those after them when there are `more`; `entering` marks
    /// where those begin that were not read.
    fn add(&mut self, id: &str, messages: Vec<Message>, more: bool, entering: bool) {
        let me = self.me().map(|me| me.id.clone()).unwrap_or_default();
        let viewed = self.viewing && self.current == id;
        let mut keys = self.keys;
        let Some(room) = self.room_mut(id) else { return };
        let last = messages.last().filter(|_| more).map(|message| message.seq);
        room.gap = last;
        for message in messages {
            keys += 1;
            let mine = message.author.id == me;
            room.timeline.insert(keys, message, mine);
        }
        if entering {
            room.divide();
        }
        if viewed {
            room.seen();
        }
        self.keys = keys;
        self.confirm_known(id);
        if let Some(last) = last {
            self.ask_after(id, last);
        }
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

    /// Takes out of the outbox what the history already shows.
    fn confirm_known(&mut self, id: &str) {
        let Some(room) = self.rooms.iter().find(|room| room.room.id == id) else {
            return;
        };
        let lines = room.timeline.entries();
        let arrived = self.outbox.of(id).filter(|unsent| {
            let mut said = lines.iter().rev().filter_map(|entry| entry.said());
            said.any(|said| said.mine && said.id == unsent.kept.id)
        });
        let mut ids = Vec::new();
        for unsent in arrived {
            ids.push(unsent.kept.id.clone());
        }
        for id in ids {
            self.outbox.take(&id);
        }
    }

    fn left(&mut self, now: u64, id: &str, outcome: Outcome<()>) {
        match outcome {
            Some(Ok(())) | None => {
                if let Some(room) = self.room_mut(id) {
                    room.people.clear();
                }
            }
            Some(Err(refusal)) => self.refuse(now, refusal),
        }
    }

    fn page(&mut self, now: u64, history: &History, outcome: Outcome<Page>) {
        let me = self.me().map(|me| me.id.clone()).unwrap_or_default();
        let mut keys = self.keys;
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
            Some(Ok(page)) => self.add(&history.room, page.messages, page.more, false),
            // older lines are asked for again once the room is entered, not before the server wants it
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
