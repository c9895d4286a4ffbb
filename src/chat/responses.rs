//! Applies the server's answers to the chat state.

use super::outbox::SendState;
use super::requests::Request;
use super::room::Membership;
use super::timeline::Timeline;
use super::{ChatState, RoomCreation, Server};
use crate::protocol::{
    ChatError, ChatErrorCode, Direct, History, HistoryPage, Join, Joined, LOBBY, Message, Person, Room,
    RoomKind, Sent,
};

/// A request without an answer is repeated after this time, in milliseconds.
const RETRY_DELAY: u64 = 3000;

/// Answer to a request; `None` when none came in time or the connection was lost.
pub type RequestResult<T> = Option<Result<T, ChatError>>;

/// Answer of the server, with the request that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// To [`Request::Send`](super::requests::Request::Send), by the message's id.
    Sent(String, RequestResult<Sent>),
    /// To [`Request::Join`](super::requests::Request::Join).
    Joined(Join, RequestResult<Box<Joined>>),
    /// To [`Request::Leave`](super::requests::Request::Leave), by the room's id.
    Left(String, RequestResult<()>),
    /// To [`Request::Create`](super::requests::Request::Create).
    Created(RequestResult<Room>),
    /// To [`Request::Direct`](super::requests::Request::Direct).
    Opened(RequestResult<Room>),
    /// To [`Request::History`](super::requests::Request::History).
    HistoryPage(History, RequestResult<HistoryPage>),
    /// To [`Request::Rename`](super::requests::Request::Rename).
    Renamed(RequestResult<Person>),
}

impl ChatState {
    /// Applies an answer of the server.
    pub fn handle_response(&mut self, now: u64, answer: Response) {
        match answer {
            Response::Sent(id, outcome) => self.sent(now, &id, outcome),
            Response::Joined(join, outcome) => {
                self.joined(now, &join, outcome.map(|result| result.map(|joined| *joined)));
            }
            Response::Left(room, outcome) => self.room_left(now, &room, outcome),
            Response::Created(outcome) => match outcome {
                Some(Ok(room)) => {
                    self.creation = None;
                    let id = room.id.clone();
                    self.upsert_room(room);
                    self.open(now, &id);
                }
                Some(Err(error)) => self.creation = Some(RoomCreation::Refused { error }),
                None => self.creation = None,
            },
            Response::Opened(outcome) => match outcome {
                Some(Ok(room)) => {
                    let id = room.id.clone();
                    self.upsert_room(room);
                    if std::mem::take(&mut self.opening) {
                        self.open(now, &id);
                    }
                    // opened again after the server had forgotten it
                    if self.current == id
                        && let Some(room) = self.room_mut(&id)
                        && room.membership == Membership::NotJoined
                    {
                        room.membership = Membership::Pending;
                    }
                }
                Some(Err(refusal)) => self.refuse(now, refusal),
                None => {}
            },
            Response::HistoryPage(history, outcome) => self.page(now, &history, outcome),
            Response::Renamed(outcome) => self.took_name(outcome),
        }
        self.flush(now);
    }

    fn sent(&mut self, now: u64, id: &str, outcome: RequestResult<Sent>) {
        match outcome {
            Some(Ok(Sent { seq, at })) => {
                let Some(unsent) = self.outbox.take(id) else {
                    return;
                };
                let Some(me) = self.me().cloned() else { return };
                self.message_confirmed(
                    unsent.item.key,
                    Message {
                        room: unsent.stored.room,
                        seq,
                        id: unsent.stored.id,
                        author: me,
                        text: unsent.stored.text,
                        at,
                        reply: unsent.stored.reply,
                    },
                );
            }
            Some(Err(refusal)) if refusal.code == ChatErrorCode::TooFast => {
                self.retry_after = Some(now + retry_delay(&refusal));
                if let Some(unsent) = self.outbox.get_mut(id) {
                    unsent.state = SendState::Queued;
                }
                self.refuse(now, refusal);
            }
            Some(Err(refusal)) => {
                if let Some(unsent) = self.outbox.get_mut(id) {
                    unsent.state = SendState::Failed(Some(refusal));
                }
            }
            None => {
                // whether it arrived is unknown; a second attempt with the same id is harmless
                if let Some(unsent) = self.outbox.get_mut(id) {
                    unsent.state = SendState::Queued;
                    self.retry_after = Some(now + RETRY_DELAY);
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

    fn joined(&mut self, now: u64, join: &Join, outcome: RequestResult<Joined>) {
        match outcome {
            Some(Ok(joined)) => {
                let Some(room) = self.room_mut(&join.room) else {
                    return;
                };
                room.membership = Membership::Joined;
                room.set_people(joined.people);
                room.people_count = joined.people_count.unwrap_or(room.people_count);
                let seq = joined.room.last_seq;
                room.read = room.read.min(seq);
                // live messages may be ahead of the answer, but `after` may not be ahead of the room
                if join.after > Some(seq) {
                    // a server without a history was restarted and counts from one
                    room.timeline.forget_numbers();
                    room.close_excerpt();
                    room.read = 0;
                    room.room.last_seq = 0;
                }
                let first = join.after.is_none();
                if first && room.read == 0 && room.room.kind != RoomKind::Direct {
                    room.read = seq;
                }
                room.update(joined.room);
                if first {
                    room.timeline.set_more_before(joined.page.more);
                }
                let more = !first && joined.page.more;
                self.add(&join.room, joined.page.messages, more, true);
                if join.room == LOBBY {
                    self.assign_tints();
                }
            }
            Some(Err(refusal)) if is_passing(&refusal) => self.join_later(now, &join.room, Some(&refusal)),
            Some(Err(refusal)) => {
                let refused_open = self.current == join.room && join.room != LOBBY;
                if let Some(room) = self.room_mut(&join.room) {
                    room.membership = Membership::NotJoined;
                }
                let is_unknown = refusal.code == ChatErrorCode::RoomUnknown && join.room != LOBBY;
                // the server forgets a direct room in which nothing was said, and opens it again
                let with = self.room_mut(&join.room).and_then(|room| room.room.with.clone());
                if let Some(with) = with.filter(|_| is_unknown && refused_open) {
                    self.requests
                        .push_back(Request::Direct(Direct { person: with.id }));
                    return;
                }
                if is_unknown && self.outbox.of(&join.room).next().is_none() {
                    self.remove_room(&join.room);
                }
                if refused_open {
                    self.refuse(now, refusal);
                    self.open(now, LOBBY);
                }
            }
            None => self.join_later(now, &join.room, None),
        }
    }

    /// Appends messages of the history, and requests the following ones when there are `more`; `entering` places the
    /// unread marker.
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
            room.place_unread_marker();
        }
        if viewed {
            room.mark_read();
        }
        self.keys = keys;
        self.confirm_known(id);
        if let Some(last) = last {
            self.ask_after(id, last);
        }
    }

    /// Joins a room again after the pause that the server asks for.
    fn join_later(&mut self, now: u64, id: &str, refusal: Option<&ChatError>) {
        let pause = refusal.map_or(RETRY_DELAY, retry_delay);
        self.retry_after = Some(now + pause);
        if let Some(room) = self.room_mut(id)
            && room.membership != Membership::NotJoined
        {
            room.membership = Membership::Pending;
        }
    }

    /// Removes messages from the outbox that the history already contains.
    fn confirm_known(&mut self, id: &str) {
        let Some(room) = self.rooms.iter().find(|room| room.room.id == id) else {
            return;
        };
        let lines = room.timeline.items();
        let arrived = self.outbox.of(id).filter(|unsent| {
            let mut message = lines.iter().rev().filter_map(|item| item.message());
            message.any(|message| message.mine && message.id == unsent.stored.id)
        });
        let mut ids = Vec::new();
        for unsent in arrived {
            ids.push(unsent.stored.id.clone());
        }
        for id in ids {
            self.outbox.take(&id);
        }
    }

    fn room_left(&mut self, now: u64, id: &str, outcome: RequestResult<()>) {
        match outcome {
            Some(Ok(())) | None => {
                if let Some(room) = self.room_mut(id) {
                    room.people.clear();
                }
            }
            Some(Err(refusal)) => self.refuse(now, refusal),
        }
    }

    fn page(&mut self, now: u64, history: &History, outcome: RequestResult<HistoryPage>) {
        let me = self.me().map(|me| me.id.clone()).unwrap_or_default();
        let mut keys = self.keys;
        let Some(room) = self.room_mut(&history.room) else {
            return;
        };
        room.loading = false;
        if let Some((seq, _)) = room.jump.filter(|(_, before)| history.before == Some(*before)) {
            room.jump = None;
            match outcome {
                Some(Ok(page)) => self.open_excerpt(&history.room, seq, page),
                Some(Err(refusal)) => self.refuse(now, refusal),
                None => {}
            }
            return;
        }
        if let Some(excerpt) = &mut room.excerpt
            && history.after == Some(excerpt.newest())
        {
            if let Some(Ok(page)) = outcome {
                let is_last = !page.more;
                for message in page.messages {
                    keys += 1;
                    let mine = message.author.id == me;
                    excerpt.insert(keys, message, mine);
                }
                // joined once the excerpt reaches what is loaded anyway
                let reaches = room
                    .timeline
                    .oldest()
                    .is_none_or(|oldest| excerpt.newest() + 1 >= oldest);
                if (reaches || is_last)
                    && let Some(excerpt) = room.excerpt.take()
                {
                    room.timeline.join_excerpt(excerpt);
                }
                self.keys = keys;
            }
            return;
        }
        match outcome {
            Some(Ok(page)) if history.before.is_some() => {
                let mut next_key = || {
                    keys += 1;
                    keys
                };
                let timeline = room.excerpt.as_mut().unwrap_or(&mut room.timeline);
                if history.before == timeline.oldest() {
                    timeline.prepend(&mut next_key, page, &me);
                }
                self.keys = keys;
            }
            Some(Ok(page)) => self.add(&history.room, page.messages, page.more, false),
            // older messages are requested again after the room was joined, not before the server allows it
            outcome => self.join_later(now, &history.room, outcome.and_then(Result::err).as_ref()),
        }
    }

    /// Shows the messages around one that was not loaded.
    fn open_excerpt(&mut self, id: &str, seq: u64, page: HistoryPage) {
        let me = self.me().map(|me| me.id.clone()).unwrap_or_default();
        let view = self.next_key();
        let mut keys = self.keys;
        let mut excerpt = Timeline::excerpt(view);
        let mut next_key = || {
            keys += 1;
            keys
        };
        excerpt.prepend(&mut next_key, page, &me);
        let nonce = next_key();
        self.keys = keys;
        if excerpt.find(seq).is_none() {
            return;
        }
        if let Some(room) = self.room_mut(id) {
            room.excerpt = Some(excerpt);
            room.target = Some((seq, nonce));
        }
    }

    fn took_name(&mut self, outcome: RequestResult<Person>) {
        match outcome {
            Some(Ok(person)) => {
                self.wished_name = Some(person.name.clone());
                self.renamed = Some(Ok(()));
                if let Server::Extended { me, .. } = &mut self.server {
                    *me = person;
                }
            }
            Some(Err(refusal)) => self.renamed = Some(Err(refusal)),
            None => self.renamed = None,
        }
    }
}

/// Whether the same request may succeed later.
fn is_passing(refusal: &ChatError) -> bool {
    matches!(
        refusal.code,
        ChatErrorCode::TooFast
            | ChatErrorCode::StoreFailed
            | ChatErrorCode::StoreFull
            | ChatErrorCode::Unavailable
    )
}

/// Pause that the server asks for, in milliseconds.
fn retry_delay(refusal: &ChatError) -> u64 {
    refusal.detail.parse().unwrap_or(1_u64).clamp(1, 60) * 1000
}
