//! Telling a room who came, departures, or has another name; and who is typing.
//!
//! Changes are gathered for a moment and told at once, in a [`PresenceBatch`]: what everyone who comes costs those who are
//! there would else grow with the square of their number. Of a [crowd](CROWD) only the number of people is sent, less
//! often. Pages that do not know batches get a [`Presence`] for each change, as long as the room is no crowd.

use std::collections::{BTreeMap, HashMap};
use std::sync::Weak;
use std::time::{Duration, Instant};

use pesan::protocol::{Person, Presence, PresenceBatch, PresenceChange, Typing, TypingNotice};
use tokio::time::MissedTickBehavior;

use super::connect::ClientKind;
use super::rate_limit::Cost;
use super::roster::MembershipChange;
use super::{Chat, ChatState, Inner, channel, channel_of};
use crate::socketio::Socket;

/// Pause between two batches of a room, and of a crowd.
const BATCH: Duration = Duration::from_millis(100);
const BATCH_OF_CROWD: Duration = Duration::from_secs(1);
/// More people than this are a crowd, until they are fewer than the second number.
const CROWD: usize = 200;
const CROWD_NO_MORE: usize = 150;
/// People of a crowd that a page is shown.
const SHOWN: usize = 100;

/// Changes of presence that rooms were not told yet.
#[derive(Debug, Default)]
pub(super) struct PendingPresence {
    rooms: HashMap<String, BTreeMap<String, (Person, PresenceChange)>>,
    /// Crowds, and when they were told how many they are.
    crowds: HashMap<String, Option<Instant>>,
}

impl PendingPresence {
    /// Remembers a change for the next batch; what undoes an earlier one takes it back.
    fn note(&mut self, room: &str, person: &Person, change: PresenceChange) {
        let changes = self.rooms.entry(room.to_owned()).or_default();
        let known = changes.get(&person.id).map(|(_, change)| *change);
        let change = match (known, change) {
            (Some(PresenceChange::Came), PresenceChange::Went) => {
                changes.remove(&person.id);
                return;
            }
            (Some(PresenceChange::Came), PresenceChange::Came | PresenceChange::Renamed) => {
                PresenceChange::Came
            }
            // perhaps under another name
            (Some(PresenceChange::Went), PresenceChange::Came) => PresenceChange::Renamed,
            (_, change) => change,
        };
        changes.insert(person.id.clone(), (person.clone(), change));
    }

    /// Forgets a room that is no more.
    pub(super) fn close_room(&mut self, room: &str) {
        self.rooms.remove(room);
        self.crowds.remove(room);
    }
}

impl ChatState {
    /// People of a room that a page is shown: all, or some of a crowd.
    pub(super) fn shown_people(&self, room: &str) -> Vec<Person> {
        let most = if self.presence.crowds.contains_key(room) || self.people.count_in(room) > CROWD {
            SHOWN
        } else {
            usize::MAX
        };
        self.people.in_room(room, most)
    }

    /// What rooms are to be told now.
    fn take_batches(&mut self, now: Instant) -> Vec<PresenceBatch> {
        let rooms: Vec<String> = self.presence.rooms.keys().cloned().collect();
        let mut batches = Vec::new();
        for room in rooms {
            let count = self.people.count_in(&room);
            let mut batch = PresenceBatch {
                room: room.clone(),
                people_count: u32::try_from(count).unwrap_or(u32::MAX),
                ..PresenceBatch::default()
            };
            match self.presence.crowds.get(&room) {
                Some(_) if count < CROWD_NO_MORE => {
                    self.presence.crowds.remove(&room);
                    batch.people = Some(self.shown_people(&room));
                }
                Some(told) => {
                    if told.is_some_and(|told| now < told + BATCH_OF_CROWD) {
                        continue;
                    }
                    self.presence.crowds.insert(room.clone(), Some(now));
                }
                None if count > CROWD => {
                    self.presence.crowds.insert(room.clone(), Some(now));
                    batch.people = Some(self.shown_people(&room));
                }
                None => {
                    let changes = self.presence.rooms.get(&room).into_iter().flatten();
                    for (_, (person, change)) in changes {
                        let list = match change {
                            PresenceChange::Came => &mut batch.came,
                            PresenceChange::Went => &mut batch.went,
                            PresenceChange::Renamed => &mut batch.renamed,
                        };
                        list.push(person.clone());
                    }
                }
            }
            self.presence.rooms.remove(&room);
            batches.push(batch);
        }
        batches
    }
}

/// Tells rooms their changes, as long as there is a chat.
pub(super) async fn tell_batches(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(BATCH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        let chat = Chat(chat);
        let batches = chat.state().take_batches(Instant::now());
        for batch in batches {
            chat.tell(&batches_of(&batch.room), &batch);
        }
    }
}

/// Socket.IO room of those in a room who get batches.
fn batches_of(room: &str) -> String {
    format!("batches:{room}")
}

/// Socket.IO room of those in a room who get each change.
fn changes_of(room: &str) -> String {
    format!("changes:{room}")
}

/// All Socket.IO rooms of a room.
pub(super) fn channels(room: &str) -> Vec<String> {
    vec![channel(room), batches_of(room), changes_of(room)]
}

/// Lets a socket into a room.
pub(super) fn join_room(socket: &Socket, room: &str) {
    let visitor = socket.data().get::<ClientKind>();
    let batches = matches!(visitor.as_deref(), Some(ClientKind::Page { batches: true, .. }));
    let presence = if batches {
        batches_of(room)
    } else {
        changes_of(room)
    };
    socket.join(vec![channel(room), presence]);
}

/// Takes a socket out of a room.
pub(super) fn leave_room(socket: &Socket, room: &str) {
    socket.leave(channels(room));
}

impl Chat {
    /// Tells a room, but not the socket itself, that someone came. Other nodes tell their own people.
    pub(super) fn came(&self, socket: &Socket, room: &str, person: &Person) {
        if self.note_change(room, person, PresenceChange::Came) {
            return;
        }
        let presence = Presence {
            room: room.to_owned(),
            person: person.clone(),
            change: PresenceChange::Came,
        };
        let others = socket.to(changes_of(room).as_str()).local();
        if let Err(error) = others.emit_event(&presence) {
            tracing::warn!(%error, "cannot say who came");
        }
    }

    /// Tells rooms who came, departures or has another name.
    pub(super) fn announce_membership(&self, moves: Vec<MembershipChange>) {
        for MembershipChange { room, person, change } in moves {
            self.changed(&room, &person, change);
        }
    }

    /// Tells a room what happened to someone.
    pub(super) fn changed(&self, room: &str, person: &Person, change: PresenceChange) {
        let crowd = self.note_change(room, person, change);
        let presence = Presence {
            room: room.to_owned(),
            person: person.clone(),
            change,
        };
        if !crowd {
            self.tell(&changes_of(room), &presence);
        } else if change == PresenceChange::Renamed {
            // a crowd is not told, but their own other windows are
            self.tell(&channel_of(&person.id), &presence);
        }
    }

    /// Remembers a change for the next batch; whether the room is a crowd.
    fn note_change(&self, room: &str, person: &Person, change: PresenceChange) -> bool {
        let state = &mut *self.state();
        state.presence.note(room, person, change);
        state.presence.crowds.contains_key(room) || state.people.count_in(room) > CROWD
    }

    /// Tells a room, on all nodes, that someone is typing; too often, and it is silently left.
    pub(super) fn typing(&self, socket: &Socket, typing: Typing) {
        let person = {
            let mut state = self.state();
            let Some(person) = state.people.of(socket.id()) else {
                return;
            };
            let visible = state.rooms.visible(&typing.room, &person.id).is_ok();
            let address = socket.handshake().ip();
            let paid = state
                .rates
                .charge(&person.id, address, Cost::Typing, Instant::now());
            if !visible || paid.is_err() {
                return;
            }
            person
        };
        let to = channel(&typing.room);
        let typist = TypingNotice {
            room: typing.room,
            person,
        };
        if let Err(error) = socket.to(to.as_str()).volatile().emit_event(&typist) {
            tracing::debug!(%error, "cannot say who types");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_person_are_one_change() {
        use PresenceChange::{Came, Renamed, Went};
        for (changes, told) in [
            (&[Came][..], Some(Came)),
            (&[Came, Went], None),
            (&[Came, Renamed], Some(Came)),
            (&[Went, Came], Some(Renamed)),
            (&[Went, Came, Went], Some(Went)),
            (&[Renamed, Went], Some(Went)),
            (&[Renamed, Renamed], Some(Renamed)),
        ] {
            let mut pending = PendingPresence::default();
            for (n, change) in changes.iter().enumerate() {
                let person = Person {
                    id: "ana".to_owned(),
                    name: format!("Ana {n}"),
                };
                pending.note("lobby", &person, *change);
            }
            let last = pending.rooms.get("lobby").and_then(|changes| changes.get("ana"));
            let name = format!("Ana {}", changes.len() - 1);
            assert_eq!(
                last.map(|(person, change)| (person.name.clone(), *change)),
                told.map(|change| (name, change)),
                "{changes:?}"
            );
        }
    }
}
