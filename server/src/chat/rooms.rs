//! Every room there is: the lobby, open rooms, and those between two people.

use std::collections::HashMap;

use pesan::protocol::{ChatError, ChatErrorCode, LOBBY, Message, Person, Room, RoomKind};

use super::history::{SavedRoom, quoted};
use super::names::{Name, slug};
use super::people::{People, id_of};
use super::text::refusal;

/// Rooms by their ids.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: HashMap<String, SavedRoom>,
    /// Open rooms by the keys of their names.
    names: HashMap<String, String>,
    /// Direct rooms by the people in them.
    direct: HashMap<String, Vec<String>>,
}

impl Rooms {
    /// Rooms as the store has them, and the lobby.
    pub(super) fn new(saved: Vec<SavedRoom>, name_chars: u32) -> Self {
        let mut rooms = Self::default();
        rooms.add(lobby(), String::new());
        for room in saved {
            let key = key_of(&room, name_chars);
            rooms.add(room, key);
        }
        rooms
    }

    fn add(&mut self, room: SavedRoom, key: String) {
        match (&room.members, room.kind) {
            (Some(members), _) => {
                for member in members {
                    self.direct
                        .entry(member.id.clone())
                        .or_default()
                        .push(room.id.clone());
                }
            }
            (None, RoomKind::Open) => {
                self.names.insert(key, room.id.clone());
            }
            (None, RoomKind::Lobby | RoomKind::Direct) => {}
        }
        self.rooms.insert(room.id.clone(), room);
    }

    /// Room, if this person may see it.
    ///
    /// # Errors
    /// [`ChatErrorCode::RoomUnknown`], also when there is one that is others'.
    pub(super) fn visible(&self, id: &str, person: &str) -> Result<&SavedRoom, ChatError> {
        self.rooms
            .get(id)
            .filter(|room| {
                room.members
                    .as_ref()
                    .is_none_or(|two| two.iter().any(|one| one.id == person))
            })
            .ok_or_else(|| {
                refusal(
                    ChatErrorCode::RoomUnknown,
                    id.chars().take(64).collect::<String>(),
                )
            })
    }

    /// Room as this person sees it.
    pub(super) fn seen_by(&self, id: &str, person: &str, people: &People) -> Option<Room> {
        self.visible(id, person)
            .ok()
            .map(|room| seen(room, person, people))
    }

    /// All rooms that this person can see, the lobby first.
    pub(super) fn all_seen_by(&self, person: &str, people: &People) -> Vec<Room> {
        let mut rooms: Vec<Room> = self
            .rooms
            .values()
            .filter(|room| room.members.is_none())
            .chain(self.direct_of(person).filter_map(|id| self.rooms.get(id)))
            .map(|room| seen(room, person, people))
            .collect();
        rooms.sort_by(|a, b| {
            let lobby = |room: &Room| room.kind != RoomKind::Lobby;
            (lobby(a), &a.name, &a.id).cmp(&(lobby(b), &b.name, &b.id))
        });
        rooms
    }

    /// Direct rooms of someone.
    pub(super) fn direct_of(&self, person: &str) -> impl Iterator<Item = &String> {
        self.direct.get(person).into_iter().flatten()
    }

    /// Plans an open room; it is there once the store has it and it is [`Rooms::insert`]ed.
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`], [`ChatErrorCode::RoomTaken`], or [`ChatErrorCode::Unavailable`] when there are too
    /// many.
    pub(super) fn plan(
        &self,
        wished: &str,
        name_chars: u32,
        most: usize,
    ) -> Result<(SavedRoom, String), ChatError> {
        let name = Name::new(wished, name_chars)?;
        if let Some(id) = self.names.get(&name.key) {
            return Err(refusal(ChatErrorCode::RoomTaken, id));
        }
        if self.names.len() >= most {
            return Err(refusal(ChatErrorCode::Unavailable, ""));
        }
        let base = match slug(&name.shown) {
            base if base.is_empty() => "r".to_owned(),
            base => base,
        };
        let id = std::iter::once(base.clone())
            .chain((2..).map(|number| format!("{base}-{number}")))
            // a direct room's id has a dot, so it is never one of these
            .find(|id| !self.rooms.contains_key(id))
            .unwrap_or(base);
        let room = SavedRoom {
            id,
            name: name.shown,
            kind: RoomKind::Open,
            members: None,
            last_seq: 0,
            last: None,
        };
        Ok((room, name.key))
    }

    /// Plans the room of two people; none when it is there already.
    ///
    /// # Errors
    /// [`ChatErrorCode::Unavailable`] when there are too many: whoever comes with a new key is someone new, and may have
    /// rooms with everyone.
    pub(super) fn plan_direct(
        &self,
        a: &Person,
        b: &Person,
        most: usize,
    ) -> Result<(String, Option<SavedRoom>), ChatError> {
        let (a, b) = if a.id <= b.id { (a, b) } else { (b, a) };
        let id = format!("d.{}", id_of("direct", &format!("{} {}", a.id, b.id)));
        if self.rooms.contains_key(&id) {
            return Ok((id, None));
        }
        // the lobby is neither
        if self.rooms.len() - self.names.len() > most {
            return Err(refusal(ChatErrorCode::Unavailable, ""));
        }
        let room = SavedRoom {
            id: id.clone(),
            name: String::new(),
            kind: RoomKind::Direct,
            members: Some([a.clone(), b.clone()]),
            last_seq: 0,
            last: None,
        };
        Ok((id, Some(room)))
    }

    /// Adds a room that the store has; says whether it is new, as it is not when someone else was first.
    ///
    /// # Errors
    /// [`ChatErrorCode::RoomTaken`] when another room has the name.
    pub(super) fn insert(&mut self, room: SavedRoom, key: String) -> Result<bool, ChatError> {
        let holder = self.names.get(&key).filter(|_| room.kind == RoomKind::Open);
        if let Some(id) = holder.filter(|id| **id != room.id) {
            return Err(refusal(ChatErrorCode::RoomTaken, id));
        }
        let new = !self.rooms.contains_key(&room.id);
        if new {
            self.add(room, key);
        }
        Ok(new)
    }

    /// Takes a room over as the store has it now; whether anything in it is new.
    pub(super) fn take(&mut self, room: SavedRoom, name_chars: u32) -> bool {
        let Some(known) = self.rooms.get_mut(&room.id) else {
            let key = key_of(&room, name_chars);
            self.add(room, key);
            return true;
        };
        let new = known.name != room.name || known.members != room.members;
        known.name = room.name;
        known.members = room.members;
        new
    }

    /// The two of a direct room; nobody for others.
    pub(super) fn members(&self, id: &str) -> Vec<Person> {
        let members = self.rooms.get(id).and_then(|room| room.members.as_ref());
        members.map(|two| two.to_vec()).unwrap_or_default()
    }

    /// Someone who is not here, but in a direct room.
    pub(super) fn partner(&self, person: &str) -> Option<Person> {
        self.direct_of(person)
            .filter_map(|id| self.rooms.get(id)?.members.as_ref())
            .flatten()
            .find(|member| member.id == person)
            .cloned()
    }

    /// Remembers the newest message of a room.
    pub(super) fn note(&mut self, message: &Message) {
        if let Some(room) = self.rooms.get_mut(&message.room)
            && room.last_seq < message.seq
        {
            room.last_seq = message.seq;
            room.last = Some(message.clone());
        }
    }

    /// Gives someone another name in their direct rooms, and says which these are.
    pub(super) fn rename(&mut self, person: &Person) -> Vec<SavedRoom> {
        let ids: Vec<String> = self.direct_of(&person.id).cloned().collect();
        let mut changed = Vec::new();
        for id in ids {
            let Some(room) = self.rooms.get_mut(&id) else {
                continue;
            };
            for member in room
                .members
                .iter_mut()
                .flatten()
                .filter(|member| member.id == person.id)
            {
                member.name.clone_from(&person.name);
            }
            changed.push(room.clone());
        }
        changed
    }

    /// Every room, for the operator.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SavedRoom> {
        self.rooms.values()
    }
}

/// What the name of a room is compared by.
fn key_of(room: &SavedRoom, name_chars: u32) -> String {
    Name::new(&room.name, name_chars.max(200)).map_or_else(|_| room.id.clone(), |name| name.key)
}

/// The room that everyone is in.
pub(super) fn lobby() -> SavedRoom {
    SavedRoom {
        id: LOBBY.to_owned(),
        name: "Lobby".to_owned(),
        kind: RoomKind::Lobby,
        members: None,
        last_seq: 0,
        last: None,
    }
}

fn seen(room: &SavedRoom, person: &str, people: &People) -> Room {
    let with = room.members.as_ref().and_then(|two| {
        let other = two.iter().find(|one| one.id != person).or(two.first())?;
        // the name of today, if they are here
        Some(people.get(&other.id).unwrap_or(other).clone())
    });
    Room {
        id: room.id.clone(),
        name: with
            .as_ref()
            .map_or_else(|| room.name.clone(), |with| with.name.clone()),
        kind: room.kind,
        with,
        last_seq: room.last_seq,
        last: room.last.as_ref().map(|last| {
            let mut last = last.clone();
            // a list shows one line
            last.text = quoted(&last.text);
            Box::new(last)
        }),
    }
}
