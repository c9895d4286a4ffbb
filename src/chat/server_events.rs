//! Applies events of the server to the chat state.

use super::commands::quote_of;
use super::requests::Request;
use super::room::{Membership, RoomState};
use super::timeline::Placed;
use super::timeline_item::{ChatMessage, ItemKind};
use super::{ChatState, ScreenReaderNotice, Server};
use crate::protocol::{
    Announcement, ChatError, ChatErrorCode, Hello, History, Join, Kicked, LOBBY, Message, MessageDeleted,
    PLAIN, PersonErased, Presence, PresenceBatch, PresenceChange, Room, RoomGone, RoomKind, ShutdownNotice,
    TypingNotice, VERSION, WELCOME, is_blank,
};
use crate::socketio::value::{FromValueError, json};
use crate::socketio::{Event, Value, from_value};

/// Messages that a screen reader announces one by one; further ones are only counted.
const MAX_NOTICES: usize = 3;

/// Event of the server.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerEvent {
    /// Text on a basic server.
    Plain(String),
    /// Value on a basic server that is no string, as JSON.
    PlainJson(String),
    /// Greeting of any server.
    Welcome(String),
    /// Greeting of a pesan server.
    Hello(Box<Hello>),
    /// Message in a room.
    Message(Message),
    /// An operator deleted a message.
    MessageDeleted(MessageDeleted),
    /// An operator deleted all messages of a person.
    PersonErased(PersonErased),
    /// A room is new or changed.
    Room(Room),
    /// A room is no more.
    RoomGone(RoomGone),
    /// The people of a room changed.
    Presence(Presence),
    /// The people of a room changed, several of them at once.
    PresenceBatch(PresenceBatch),
    /// Someone is typing.
    Typing(TypingNotice),
    /// Announcement of the operator.
    Announcement(Announcement),
    /// The server will stop.
    Shutdown(ShutdownNotice),
    /// The operator ended the connection.
    Kicked(Kicked),
}

impl ServerEvent {
    /// Decodes an event by its name; `None` for a name that is not part of the protocol.
    ///
    /// # Errors
    /// When the payload does not have the shape that the name asks for.
    pub fn decode(name: &str, payload: Value) -> Result<Option<Self>, FromValueError> {
        Ok(Some(match name {
            PLAIN => match payload {
                Value::String(text) => Self::Plain(text),
                other => Self::PlainJson(json::to_string(&other)),
            },
            WELCOME => Self::Welcome(display_text(payload)),
            Hello::NAME => Self::Hello(from_value(payload)?),
            Message::NAME => Self::Message(from_value(payload)?),
            MessageDeleted::NAME => Self::MessageDeleted(from_value(payload)?),
            PersonErased::NAME => Self::PersonErased(from_value(payload)?),
            Room::NAME => Self::Room(from_value(payload)?),
            RoomGone::NAME => Self::RoomGone(from_value(payload)?),
            Presence::NAME => Self::Presence(from_value(payload)?),
            PresenceBatch::NAME => Self::PresenceBatch(from_value(payload)?),
            TypingNotice::NAME => Self::Typing(from_value(payload)?),
            Announcement::NAME => Self::Announcement(from_value(payload)?),
            ShutdownNotice::NAME => Self::Shutdown(from_value(payload)?),
            Kicked::NAME => Self::Kicked(from_value(payload)?),
            _ => return Ok(None),
        }))
    }
}

/// Text of any value.
fn display_text(payload: Value) -> String {
    match payload {
        Value::String(text) => text,
        other => json::to_string(&other),
    }
}

impl ChatState {
    /// Applies an event of the server.
    pub fn handle_event(&mut self, now: u64, event: ServerEvent) {
        match event {
            ServerEvent::Plain(text) => self.plain(now, text, false),
            ServerEvent::PlainJson(json) => self.plain(now, json, true),
            ServerEvent::Welcome(text) => self.welcome(now, text),
            ServerEvent::Hello(hello) => self.hello(now, *hello),
            ServerEvent::Message(message) => self.message(message),
            ServerEvent::MessageDeleted(deleted) => {
                if let Some(room) = self.room_mut(&deleted.room) {
                    room.delete(|message| message.seq == Some(deleted.seq));
                }
            }
            ServerEvent::PersonErased(erased) => {
                for room in &mut self.rooms {
                    room.delete(|message| {
                        message
                            .author
                            .as_ref()
                            .is_some_and(|author| author.id == erased.person)
                    });
                }
            }
            ServerEvent::Room(room) => self.upsert_room(room),
            ServerEvent::RoomGone(gone) => self.room_gone(now, gone),
            ServerEvent::Presence(presence) => {
                let is_lobby = presence.room == LOBBY;
                self.presence(now, presence);
                if is_lobby {
                    self.assign_tints();
                }
            }
            ServerEvent::PresenceBatch(batch) => self.presence_batch(now, batch),
            ServerEvent::Typing(typist) => {
                if let Some(room) = self.room_mut(&typist.room) {
                    room.typing_users.insert(now, typist.person);
                }
            }
            ServerEvent::Announcement(announcement) => self.announcement = Some(announcement),
            ServerEvent::Shutdown(ShutdownNotice { seconds, reason }) => {
                self.shutdown = (seconds > 0).then(|| (now + u64::from(seconds) * 1000, reason));
            }
            ServerEvent::Kicked(kicked) => {
                self.kicked = Some(kicked.reason);
                self.reconnect_at = None;
            }
        }
        self.flush(now);
    }

    /// Adds a text of a basic server, or an own text whose echo did not arrive.
    pub(super) fn plain(&mut self, now: u64, text: String, is_json: bool) {
        if is_blank(&text) {
            return;
        }
        let echoed = self.outbox.take_echoed(&text);
        let key = echoed
            .as_ref()
            .map_or_else(|| self.next_key(), |unsent| unsent.item.key);
        let mine = echoed.is_some();
        if !mine {
            self.on_incoming(LOBBY, key, "", &text);
        }
        if let Some(lobby) = self.room_mut(LOBBY) {
            lobby.timeline.push(
                key,
                now,
                ItemKind::Message(ChatMessage::plain(text, is_json, mine)),
            );
        }
    }

    fn welcome(&mut self, now: u64, text: String) {
        // a room with a history shows no greeting
        if self.greeted || is_blank(&text) {
            return;
        }
        let key = self.next_key();
        let Some(lobby) = self.room_mut(LOBBY) else { return };
        let items = lobby.timeline.items();
        if !items
            .iter()
            .any(|item| matches!(&item.kind, ItemKind::Notice(old) if *old == text))
        {
            lobby.timeline.push(key, now, ItemKind::Notice(text));
        }
    }

    fn hello(&mut self, now: u64, hello: Hello) {
        if hello.version != VERSION {
            self.server = Server::Basic;
            self.new_version = hello.version > VERSION;
            return;
        }
        self.greeted = true;
        self.clock_skew = i64::try_from(hello.now).unwrap_or(0) - i64::try_from(now).unwrap_or(0);
        self.new_version |= self.build.as_ref().is_some_and(|build| *build != hello.build);
        self.build.get_or_insert(hello.build);
        if let Some(refusal) = hello.name_refused {
            self.renamed = Some(Err(refusal.clone()));
            self.refuse(now, refusal);
        }
        // a room that the server no longer has stays only while messages for it are unsent
        for at in (0..self.rooms.len()).rev() {
            let is_obsolete = self.rooms.get(at).is_some_and(|room| {
                let id = &room.room.id;
                let known = hello.rooms.iter().any(|room| room.id == *id);
                let is_shown = room.room.kind == RoomKind::Lobby || known || *id == self.current;
                !is_shown && self.outbox.of(id).next().is_none()
            });
            if is_obsolete {
                self.rooms.remove(at);
            }
        }
        for room in hello.rooms {
            self.upsert_room(room);
        }
        self.server = Server::Extended {
            me: hello.you,
            limits: hello.limits,
            name_fixed: hello.name_fixed,
        };
        let current = self.current.clone();
        self.room_or_new(LOBBY).membership = Membership::Pending;
        self.room_or_new(&current).membership = Membership::Pending;
    }

    /// Requests to join the rooms that are pending.
    pub(super) fn join_wanted(&mut self) {
        for room in &mut self.rooms {
            if room.membership == Membership::Pending {
                room.membership = Membership::Joining;
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
        let key = unsent.map_or_else(|| self.next_key(), |unsent| unsent.item.key);
        let (id, seq) = (message.room.clone(), message.seq);
        let viewed = self.viewing && self.current == id;
        self.room_or_new(&id).typing_users.remove(&message.author.id);
        let (author, text) = (message.author.name.clone(), message.text.clone());
        let placed = self.place(key, message, mine);
        if placed == Placed::Known {
            return;
        }
        if !mine {
            self.on_incoming(&id, key, &author, &text);
        } else if let Some(room) = self.room_mut(&id)
            && placed == Placed::Newest
            && (viewed || room.read + 1 == seq)
        {
            room.read = room.read.max(seq);
        }
    }

    /// Inserts a message into its room and updates the room list.
    pub(super) fn place(&mut self, key: u64, message: Message, mine: bool) -> Placed {
        let id = message.room.clone();
        let Some(room) = self.room_mut(&id) else {
            return Placed::Known;
        };
        let placed = room.timeline.insert(key, message.clone(), mine);
        if room.awaited_reply == Some(key) {
            room.awaited_reply = None;
            let stored = room.timeline.items().iter().rev().find(|item| item.key == key);
            room.reply_to = stored.and_then(|item| quote_of(item.message()?));
        }
        if placed != Placed::Known && message.seq >= room.room.last_seq {
            room.room.last_seq = message.seq;
            room.room.last = Some(Box::new(message));
        }
        self.note_gap(&id, placed);
        placed
    }

    /// Requests the messages before one that arrived too early, once.
    pub(super) fn note_gap(&mut self, id: &str, placed: Placed) {
        let Placed::AfterGap(after) = placed else { return };
        let Some(room) = self.room_mut(id) else { return };
        // while a gap is being filled, and until the room is joined, a pending answer brings them
        if room.gap.is_none() {
            room.gap = Some(after);
            if room.membership == Membership::Joined {
                self.ask_after(id, after);
            }
        }
    }

    pub(super) fn ask_after(&mut self, id: &str, after: u64) {
        self.requests.push_back(Request::History(History {
            room: id.to_owned(),
            before: None,
            after: Some(after),
        }));
    }

    /// Marks a message of someone else as read when it is on screen, or counts it as unseen.
    fn on_incoming(&mut self, id: &str, key: u64, author: &str, text: &str) {
        let current = self.current == id;
        let viewed = self.viewing && current;
        if let Some(room) = self.room_mut(id) {
            if viewed {
                room.mark_read();
            } else {
                if room.unseen_count == 0 && current {
                    // messages missed before count too
                    room.place_unread_marker();
                    room.unread_marker.get_or_insert(key);
                }
                room.unseen_count = room.unseen_count.saturating_add(1);
            }
        }
        if current {
            if self.notices.len() < MAX_NOTICES {
                self.notices.push(ScreenReaderNotice {
                    author: author.to_owned(),
                    text: text.to_owned(),
                });
            } else {
                self.notices_skipped += 1;
            }
        }
    }

    pub(super) fn upsert_room(&mut self, room: Room) {
        let viewed = self.viewing && self.current == room.id;
        if let Some(known) = self.room_mut(&room.id) {
            known.update(room);
            if viewed && known.timeline.newest() == known.room.last_seq {
                known.mark_read();
            }
            return;
        }
        let place = match room.kind {
            RoomKind::Lobby => 0,
            RoomKind::Open | RoomKind::Direct => self.rooms.len(),
        };
        self.rooms.insert(place, RoomState::new(room));
    }

    /// A room is no more: who is in it goes on where its messages are now, or in the lobby.
    fn room_gone(&mut self, now: u64, gone: RoomGone) {
        if gone.id == LOBBY {
            return;
        }
        if self.current == gone.id {
            let into = gone.into.unwrap_or_else(|| LOBBY.to_owned());
            self.refuse(
                now,
                ChatError {
                    code: ChatErrorCode::RoomUnknown,
                    detail: gone.id.clone(),
                },
            );
            self.open(now, &into);
        }
        self.remove_room(&gone.id);
    }

    fn presence_batch(&mut self, now: u64, batch: PresenceBatch) {
        let PresenceBatch {
            room,
            came,
            went,
            renamed,
            people,
            people_count,
        } = batch;
        let me = self.me().map(|me| me.id.clone());
        // a person does not need to read that they joined
        let came = came.into_iter().filter(|person| me.as_ref() != Some(&person.id));
        let changes = came
            .map(|person| (person, PresenceChange::Came))
            .chain(went.into_iter().map(|person| (person, PresenceChange::Went)))
            .chain(
                renamed
                    .into_iter()
                    .map(|person| (person, PresenceChange::Renamed)),
            );
        for (person, change) in changes {
            let room = room.clone();
            self.presence(now, Presence { room, person, change });
        }
        if let Some(room) = self.room_mut(&room) {
            if let Some(people) = people {
                room.set_people(people);
            }
            room.people_count = people_count;
        }
        if room == LOBBY {
            self.assign_tints();
        }
    }

    /// Gives everyone in the lobby, where all people are, a colour of their own while there are free ones.
    pub(super) fn assign_tints(&mut self) {
        if let Some(lobby) = self.rooms.iter().find(|room| room.room.id == LOBBY) {
            self.tints
                .assign(lobby.people.iter().map(|person| person.id.as_str()));
        }
    }

    fn presence(&mut self, now: u64, presence: Presence) {
        let key = self.next_key();
        let Presence { room, person, change } = presence;
        let at = self.server_time(now);
        if let Server::Extended { me, .. } = &mut self.server
            && me.id == person.id
        {
            if change == PresenceChange::Renamed {
                me.name.clone_from(&person.name);
                // also when another window changed it
                self.wished_name = Some(person.name.clone());
            }
            if change == PresenceChange::Went {
                return;
            }
        }
        if change == PresenceChange::Renamed {
            for other in &mut self.rooms {
                if other.room.with.as_ref().is_some_and(|with| with.id == person.id) {
                    other.room.name.clone_from(&person.name);
                    other.room.with = Some(person.clone());
                }
            }
        }
        let is_shown = !self.hide_membership;
        if let Some(room) = self.room_mut(&room)
            && let Some(old_name) = room.apply_presence(&person, change)
            && is_shown
        {
            room.timeline.push_membership(key, at, person, change, old_name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_plain_event_accepts_any_value() {
        let plain = |value| ServerEvent::decode(PLAIN, value);
        assert_eq!(
            plain(Value::from("halo")),
            Ok(Some(ServerEvent::Plain("halo".to_owned())))
        );
        assert_eq!(
            plain(Value::from(7)),
            Ok(Some(ServerEvent::PlainJson("7".to_owned())))
        );
    }

    #[test]
    fn decode_distinguishes_unknown_from_malformed_events() {
        assert_eq!(ServerEvent::decode("unknown", Value::Null), Ok(None));
        assert!(ServerEvent::decode(Message::NAME, Value::from("no message")).is_err());
    }
}
