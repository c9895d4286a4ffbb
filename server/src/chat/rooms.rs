//! All rooms: the lobby, open rooms, and direct rooms of two people.

use std::collections::{HashMap, VecDeque};

use pesan::protocol::{ChatError, ChatErrorCode, LOBBY, Message, Person, Room, RoomKind};

use super::error::chat_error;
use super::history::{SavedRoom, excerpt};
use super::names::{Name, parts, room_name, slug};
use super::roster::{Roster, id_of};

/// Most direct rooms without a message, in total and for one person.
const MAX_DRAFTS: usize = 10_000;
const MAX_DRAFTS_PER_PERSON: usize = 50;

/// Rooms by their ids.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    rooms: HashMap<String, SavedRoom>,
    /// Ids of open rooms, by the parts of the comparison keys of their names.
    names: HashMap<String, String>,
    /// Ids of direct rooms, by the ids of their members.
    direct: HashMap<String, Vec<String>>,
    drafts: Drafts,
}

/// Direct rooms without a message. They are not stored, and only visible to those who requested them.
#[derive(Debug, Default)]
struct Drafts {
    rooms: HashMap<String, SavedRoom>,
    /// Ids, oldest first.
    order: VecDeque<String>,
    /// Ids by the people who requested them, oldest first.
    requests: HashMap<String, VecDeque<String>>,
}

impl Drafts {
    fn add(&mut self, room: SavedRoom) {
        if !self.rooms.contains_key(&room.id) {
            self.order.push_back(room.id.clone());
            self.rooms.insert(room.id.clone(), room);
        }
        while self.rooms.len() > MAX_DRAFTS
            && let Some(oldest) = self.order.front().cloned()
        {
            self.remove(&oldest);
        }
    }

    fn request(&mut self, id: &str, person: &str) {
        let requests = self.requests.entry(person.to_owned()).or_default();
        if requests.iter().any(|known| known == id) {
            return;
        }
        requests.push_back(id.to_owned());
        if requests.len() > MAX_DRAFTS_PER_PERSON
            && let Some(oldest) = requests.pop_front()
            && !self
                .requests
                .values()
                .any(|others| others.iter().any(|known| *known == oldest))
        {
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, id: &str) -> Option<SavedRoom> {
        let room = self.rooms.remove(id)?;
        self.order.retain(|known| known != id);
        for member in room.members.iter().flatten() {
            if let Some(requests) = self.requests.get_mut(&member.id) {
                requests.retain(|known| known != id);
                if requests.is_empty() {
                    self.requests.remove(&member.id);
                }
            }
        }
        Some(room)
    }

    fn requested_by(&self, person: &str) -> impl Iterator<Item = &SavedRoom> {
        let ids = self.requests.get(person).into_iter().flatten();
        ids.filter_map(|id| self.rooms.get(id))
    }
}

impl Rooms {
    /// Rooms from the store, and the lobby.
    pub(super) fn new(saved: Vec<SavedRoom>, name_chars: u32) -> Self {
        let mut rooms = Self::default();
        rooms.add(lobby(), "");
        for room in saved {
            if room.kind == RoomKind::Direct && room.last_seq == 0 {
                // an earlier version stored direct rooms without a message
                continue;
            }
            let key = comparison_key(&room, name_chars);
            rooms.add(room, &key);
        }
        rooms
    }

    fn add(&mut self, room: SavedRoom, key: &str) {
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
                for part in parts(key) {
                    self.names.insert(part.to_owned(), room.id.clone());
                }
            }
            (None, RoomKind::Lobby | RoomKind::Direct) => {}
        }
        self.drafts.remove(&room.id);
        self.rooms.insert(room.id.clone(), room);
    }

    /// Removes a room, and returns it if it existed.
    pub(super) fn remove(&mut self, id: &str) -> Option<SavedRoom> {
        let room = self.rooms.remove(id)?;
        self.names.retain(|_, name_owner| name_owner != id);
        for member in room.members.iter().flatten() {
            if let Some(rooms) = self.direct.get_mut(&member.id) {
                rooms.retain(|known| known != id);
                if rooms.is_empty() {
                    self.direct.remove(&member.id);
                }
            }
        }
        Some(room)
    }

    /// Comparison key of a room's name.
    pub(super) fn key(&self, id: &str, name_chars: u32) -> String {
        self.rooms
            .get(id)
            .map(|room| comparison_key(room, name_chars))
            .unwrap_or_default()
    }

    /// Room to remove when there are too many of a kind: the one without people whose last message is the oldest. `None`
    /// if all have been used since `before`, in milliseconds since 1970.
    pub(super) fn idlest(&self, kind: RoomKind, before: u64, roster: &Roster) -> Option<String> {
        let newest = |room: &SavedRoom| room.last.as_ref().map_or(0, |last| last.at);
        self.rooms
            .values()
            .filter(|room| room.kind == kind && newest(room) < before && roster.count_in(&room.id) == 0)
            .min_by_key(|room| newest(room))
            .map(|room| room.id.clone())
    }

    /// Open rooms without messages and without people.
    pub(super) fn empty(&self, roster: &Roster) -> Vec<String> {
        self.rooms
            .values()
            .filter(|room| {
                room.kind == RoomKind::Open && room.last_seq == 0 && roster.count_in(&room.id) == 0
            })
            .map(|room| room.id.clone())
            .collect()
    }

    fn count(&self, kind: RoomKind) -> usize {
        self.rooms.values().filter(|room| room.kind == kind).count()
    }

    /// Room that this person may see.
    ///
    /// # Errors
    /// [`ChatErrorCode::RoomUnknown`], also for a direct room of others.
    pub(super) fn visible(&self, id: &str, person: &str) -> Result<&SavedRoom, ChatError> {
        self.rooms
            .get(id)
            .or_else(|| self.drafts.rooms.get(id))
            .filter(|room| {
                room.members
                    .as_ref()
                    .is_none_or(|pair| pair.iter().any(|one| one.id == person))
            })
            .ok_or_else(|| {
                chat_error(
                    ChatErrorCode::RoomUnknown,
                    id.chars().take(64).collect::<String>(),
                )
            })
    }

    /// Room as this person sees it.
    pub(super) fn view_for(&self, id: &str, person: &str, roster: &Roster) -> Option<Room> {
        self.visible(id, person)
            .ok()
            .map(|room| view(room, person, roster))
    }

    /// All rooms that this person may see, the lobby first.
    pub(super) fn views_for(&self, person: &str, roster: &Roster) -> Vec<Room> {
        let mut rooms: Vec<Room> = self
            .rooms
            .values()
            .filter(|room| room.members.is_none())
            .chain(self.direct_of(person).filter_map(|id| self.rooms.get(id)))
            .chain(self.drafts.requested_by(person))
            .map(|room| view(room, person, roster))
            .collect();
        rooms.sort_by(|a, b| {
            let lobby = |room: &Room| room.kind != RoomKind::Lobby;
            (lobby(a), &a.name, &a.id).cmp(&(lobby(b), &b.name, &b.id))
        });
        rooms
    }

    /// Ids of the direct rooms of someone.
    pub(super) fn direct_of(&self, person: &str) -> impl Iterator<Item = &String> {
        self.direct.get(person).into_iter().flatten()
    }

    /// Direct room without a message.
    pub(super) fn draft(&self, id: &str) -> Option<&SavedRoom> {
        self.drafts.rooms.get(id)
    }

    /// Plans an open room. It exists after it was stored and passed to [`Rooms::insert`].
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`], [`ChatErrorCode::RoomTaken`], or [`ChatErrorCode::Unavailable`] when there are too
    /// many.
    pub(super) fn plan(
        &self,
        requested: &str,
        name_chars: u32,
        max: usize,
    ) -> Result<(SavedRoom, String), ChatError> {
        let name = room_name(requested, name_chars)?;
        if let Some(id) = self.name_owner(&name.key) {
            return Err(chat_error(ChatErrorCode::RoomTaken, id));
        }
        if self.count(RoomKind::Open) >= max {
            return Err(chat_error(ChatErrorCode::Unavailable, ""));
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

    /// Whether the limit of direct rooms is reached.
    pub(super) fn is_full_of_direct(&self, max: usize) -> bool {
        self.count(RoomKind::Direct) >= max
    }

    /// Direct room of two people, for the one who requests it; it is stored with its first message.
    pub(super) fn open_direct(&mut self, requester: &Person, other: &Person) -> String {
        let (a, b) = if requester.id <= other.id {
            (requester, other)
        } else {
            (other, requester)
        };
        let id = format!("d.{}", id_of("direct", &format!("{} {}", a.id, b.id)));
        if !self.rooms.contains_key(&id) {
            self.drafts.add(SavedRoom {
                id: id.clone(),
                name: String::new(),
                kind: RoomKind::Direct,
                members: Some([a.clone(), b.clone()]),
                last_seq: 0,
                last: None,
            });
            self.drafts.request(&id, &requester.id);
        }
        id
    }

    fn name_owner(&self, key: &str) -> Option<&String> {
        parts(key).find_map(|part| self.names.get(part))
    }

    /// Adds a stored room; returns whether it was not known yet.
    ///
    /// # Errors
    /// [`ChatErrorCode::RoomTaken`] when another room has the name.
    pub(super) fn insert(&mut self, room: SavedRoom, key: &str) -> Result<bool, ChatError> {
        let name_owner = self.name_owner(key).filter(|_| room.kind == RoomKind::Open);
        if let Some(id) = name_owner.filter(|id| **id != room.id) {
            return Err(chat_error(ChatErrorCode::RoomTaken, id));
        }
        let is_new = !self.rooms.contains_key(&room.id);
        if is_new {
            self.add(room, key);
        }
        Ok(is_new)
    }

    /// Applies a room from the store; returns whether anything in it has changed.
    pub(super) fn apply(&mut self, room: SavedRoom, name_chars: u32) -> bool {
        let Some(known) = self.rooms.get_mut(&room.id) else {
            let key = comparison_key(&room, name_chars);
            self.add(room, &key);
            return true;
        };
        let is_new = known.name != room.name || known.members != room.members;
        known.name = room.name;
        known.members = room.members;
        is_new
    }

    /// Members of a direct room; empty for other rooms.
    pub(super) fn members(&self, id: &str) -> Vec<Person> {
        let room = self.rooms.get(id).or_else(|| self.draft(id));
        let members = room.and_then(|room| room.members.as_ref());
        members.map(|pair| pair.to_vec()).unwrap_or_default()
    }

    /// Person who may be offline, as a member of a direct room.
    pub(super) fn partner(&self, person: &str) -> Option<Person> {
        self.direct_of(person)
            .filter_map(|id| self.rooms.get(id)?.members.as_ref())
            .flatten()
            .find(|member| member.id == person)
            .cloned()
    }

    /// Updates the newest message of a room.
    pub(super) fn note_message(&mut self, message: &Message) {
        if let Some(room) = self.rooms.get_mut(&message.room)
            && room.last_seq < message.seq
        {
            room.last_seq = message.seq;
            room.last = Some(message.clone());
        }
    }

    /// Deletes newest messages that match; returns the rooms concerned.
    pub(super) fn note_deleted(&mut self, matches: impl Fn(&Message) -> bool) -> Vec<String> {
        let mut changed = Vec::new();
        for room in self.rooms.values_mut() {
            if let Some(last) = &mut room.last
                && matches(last)
            {
                last.delete();
                changed.push(room.id.clone());
            }
        }
        changed
    }

    /// Renames someone in their direct rooms, and returns these.
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

    /// All stored rooms.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SavedRoom> {
        self.rooms.values()
    }
}

/// Comparison key of a room's name.
fn comparison_key(room: &SavedRoom, name_chars: u32) -> String {
    Name::new(&room.name, name_chars.max(200)).map_or_else(|_| room.id.clone(), |name| name.key)
}

/// Room that everyone is in.
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

fn view(room: &SavedRoom, person: &str, roster: &Roster) -> Room {
    let partner = room.members.as_ref().and_then(|pair| {
        let other = pair.iter().find(|one| one.id != person).or(pair.first())?;
        // their current name, if they are online
        Some(roster.get(&other.id).unwrap_or(other).clone())
    });
    Room {
        id: room.id.clone(),
        name: partner
            .as_ref()
            .map_or_else(|| room.name.clone(), |partner| partner.name.clone()),
        kind: room.kind,
        with: partner,
        last_seq: room.last_seq,
        last: room.last.as_ref().map(|last| {
            let mut last = last.clone();
            // the room list shows one line
            last.text = excerpt(&last.text);
            Box::new(last)
        }),
    }
}
