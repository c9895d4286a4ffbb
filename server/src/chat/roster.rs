//! Who is here: people, the seats that each of them has, and the rooms that each of these is in.
//!
//! Several tabs of one person are one person. Names are unique among those present. A seat is a connection of this
//! node, or stands for all that a person has on another one.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Instant;

use pesan::protocol::{ChatError, ChatErrorCode, Person, PresenceChange};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::chat_error;
use super::name_registry::HeldNames;
use super::names::{Name, NameCandidates, made_up, parts, person_name};

/// Everyone who is here.
#[derive(Debug, Default)]
pub(super) struct Roster {
    present: HashMap<String, Present>,
    /// Parts of the keys of names, and whose they are.
    names: HashMap<String, String>,
    /// Names of those who have gone.
    held: HeldNames,
    /// People who have gone, and the keys of their names, which nobody holds.
    freed: Vec<(String, String)>,
    /// Seats, by the ids of sockets or by what stands for another node.
    seats: HashMap<String, Seat>,
    /// Ids of the people in each room.
    members: HashMap<String, BTreeSet<String>>,
}

/// Someone who is here.
#[derive(Debug)]
struct Present {
    person: Person,
    key: String,
    seats: Count,
    /// Rooms, and by how many seats.
    rooms: HashMap<String, Count>,
}

/// How many seats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    here: usize,
    remote_presence: usize,
}

impl Count {
    fn of(&mut self, away: bool) -> &mut usize {
        if away {
            &mut self.remote_presence
        } else {
            &mut self.here
        }
    }

    fn all(self) -> usize {
        self.here + self.remote_presence
    }
}

/// A connection of someone, or all that they have on another node.
#[derive(Debug)]
struct Seat {
    person: String,
    rooms: HashSet<String>,
    away: bool,
    /// Address of the connection.
    address: Option<IpAddr>,
}

impl Roster {
    /// Gives someone a seat, under the wished name if that can be.
    pub(super) fn sit(
        &mut self,
        socket: &str,
        id: &str,
        mut names: NameCandidates,
        now: Instant,
    ) -> (Person, Option<ChatError>) {
        if self.present.contains_key(id) {
            return (self.seat(socket, id, Name::default(), false), None);
        }
        let name = names
            .find(|name| !self.is_taken(&name.key, id, now))
            .unwrap_or_default();
        let refused = names.refused(&name);
        (self.seat(socket, id, name, false), refused)
    }

    /// Says which address a seat is at.
    pub(super) fn locate(&mut self, seat: &str, address: IpAddr) {
        if let Some(seat) = self.seats.get_mut(seat) {
            seat.address = Some(address);
        }
    }

    /// Gives someone a seat, under this name if they have none yet.
    pub(super) fn sit_as(&mut self, socket: &str, id: &str, name: Name) -> Person {
        self.seat(socket, id, name, false)
    }

    fn seat(&mut self, seat: &str, id: &str, name: Name, away: bool) -> Person {
        let (names, held) = (&mut self.names, &mut self.held);
        let present = self.present.entry(id.to_owned()).or_insert_with(|| {
            // nobody's, but where two nodes gave it away at the same time
            for part in parts(&name.key) {
                names.entry(part.to_owned()).or_insert_with(|| id.to_owned());
            }
            held.release(id);
            Present {
                person: Person {
                    id: id.to_owned(),
                    name: name.shown,
                },
                key: name.key,
                seats: Count::default(),
                rooms: HashMap::new(),
            }
        });
        *present.seats.of(away) += 1;
        let taken = Seat {
            person: id.to_owned(),
            rooms: HashSet::new(),
            away,
            address: None,
        };
        self.seats.insert(seat.to_owned(), taken);
        present.person.clone()
    }

    /// Takes a seat away; the person, and the rooms where nothing of them is left.
    pub(super) fn rise(&mut self, seat: &str) -> Option<(Person, Vec<String>)> {
        let seat = self.seats.remove(seat)?;
        let present = self.present.get_mut(&seat.person)?;
        let mut gone = Vec::new();
        for room in seat.rooms {
            if present.leave(&room, seat.away) {
                forget_member(&mut self.members, &room, &seat.person);
                gone.push(room);
            }
        }
        let person = present.person.clone();
        *present.seats.of(seat.away) -= 1;
        if present.seats.all() == 0
            && let Some(present) = self.present.remove(&seat.person)
        {
            self.forget_name(&present.key, &seat.person);
            // a seat of another node is that node's business
            if let Some(address) = seat.address {
                let made_up = present.person.name.starts_with(&made_up(&seat.person));
                if made_up {
                    self.freed.push((seat.person, present.key));
                } else {
                    self.held
                        .hold(&seat.person, &present.key, address, Instant::now());
                }
            }
        }
        Some((person, gone))
    }

    /// Names that others may have since the last call: people and keys.
    pub(super) fn take_freed(&mut self) -> Vec<(String, String)> {
        let mut freed = self.held.take_freed();
        freed.append(&mut self.freed);
        freed
    }

    /// Whose seat this is.
    pub(super) fn of(&self, socket: &str) -> Option<Person> {
        let seat = self.seats.get(socket)?;
        self.present
            .get(&seat.person)
            .map(|present| present.person.clone())
    }

    /// Someone who is here.
    pub(super) fn get(&self, id: &str) -> Option<&Person> {
        self.present.get(id).map(|present| &present.person)
    }

    /// Puts a seat into a room; whether its person was not there before.
    pub(super) fn enter(&mut self, seat: &str, room: &str) -> bool {
        let Some(seat) = self.seats.get_mut(seat) else {
            return false;
        };
        if !seat.rooms.insert(room.to_owned()) {
            return false;
        }
        let Some(present) = self.present.get_mut(&seat.person) else {
            return false;
        };
        let count = present.rooms.entry(room.to_owned()).or_default();
        *count.of(seat.away) += 1;
        let came = count.all() == 1;
        if came {
            let members = self.members.entry(room.to_owned()).or_default();
            members.insert(seat.person.clone());
        }
        came
    }

    /// Takes a seat out of a room; whether nothing of its person is left there.
    pub(super) fn leave(&mut self, seat: &str, room: &str) -> bool {
        let Some(seat) = self.seats.get_mut(seat) else {
            return false;
        };
        let went = seat.rooms.remove(room)
            && self
                .present
                .get_mut(&seat.person)
                .is_some_and(|present| present.leave(room, seat.away));
        if went {
            forget_member(&mut self.members, room, &seat.person);
        }
        went
    }

    /// Takes everyone out of a room that is no more.
    pub(super) fn close_room(&mut self, room: &str) {
        self.members.remove(room);
        for present in self.present.values_mut() {
            present.rooms.remove(room);
        }
        for seat in self.seats.values_mut() {
            seat.rooms.remove(room);
        }
    }

    /// People in a room, by name; of a crowd the first `most` by id.
    pub(super) fn in_room(&self, room: &str, most: usize) -> Vec<Person> {
        let ids = self.members.get(room).into_iter().flatten().take(most);
        let mut people: Vec<Person> = ids.filter_map(|id| self.get(id).cloned()).collect();
        people.sort_by(|a, b| a.name.cmp(&b.name));
        people
    }

    /// How many people are in a room.
    pub(super) fn count_in(&self, room: &str) -> usize {
        self.members.get(room).map_or(0, BTreeSet::len)
    }

    /// Gives someone another name; the rooms that they are in.
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`] or [`ChatErrorCode::NameTaken`].
    pub(super) fn rename(
        &mut self,
        id: &str,
        wished: &str,
        most: u32,
        now: Instant,
    ) -> Result<(Person, Vec<String>), ChatError> {
        let name = person_name(wished, most, id)?;
        if self.is_taken(&name.key, id, now) {
            return Err(chat_error(ChatErrorCode::NameTaken, name.shown));
        }
        self.call(id, name)
            .ok_or_else(|| chat_error(ChatErrorCode::PersonUnknown, ""))
    }

    /// Gives someone a name that is known to be theirs; the rooms that they are in.
    pub(super) fn call(&mut self, id: &str, name: Name) -> Option<(Person, Vec<String>)> {
        let before = self.present.get(id)?.key.clone();
        self.forget_name(&before, id);
        for part in parts(&name.key) {
            self.names.insert(part.to_owned(), id.to_owned());
        }
        let present = self.present.get_mut(id)?;
        present.key = name.key;
        present.person.name = name.shown;
        Some((present.person.clone(), present.rooms.keys().cloned().collect()))
    }

    fn forget_name(&mut self, key: &str, id: &str) {
        for part in parts(key) {
            if self.names.get(part).is_some_and(|holder| holder == id) {
                self.names.remove(part);
            }
        }
    }

    /// How many people are here, on whatever node.
    pub(super) fn count(&self) -> usize {
        self.present.len()
    }

    /// How many people have a seat on this node.
    pub(super) fn count_here(&self) -> usize {
        self.present
            .values()
            .filter(|present| present.seats.here > 0)
            .count()
    }

    /// Someone as this node has them.
    pub(super) fn line(&self, id: &str) -> Option<MemberSnapshot> {
        let present = self.present.get(id)?;
        let here = |(room, count): (&String, &Count)| (count.here > 0).then(|| room.clone());
        Some(MemberSnapshot {
            person: present.person.clone(),
            key: present.key.clone(),
            rooms: (present.seats.here > 0).then(|| present.rooms.iter().filter_map(here).collect()),
        })
    }

    /// Everyone who has a seat on this node.
    pub(super) fn lines(&self) -> Vec<MemberSnapshot> {
        let lines = self.present.keys().filter_map(|id| self.line(id));
        lines.filter(|line| line.rooms.is_some()).collect()
    }

    /// Gives someone the seat that stands for all that they have on another node.
    pub(super) fn sit_elsewhere(&mut self, seat: &str, id: &str, name: Name) {
        self.seat(seat, id, name, true);
    }

    /// Whether there is such a seat.
    pub(super) fn has_seat(&self, seat: &str) -> bool {
        self.seats.contains_key(seat)
    }

    /// Rooms that a seat is in.
    pub(super) fn rooms_of(&self, seat: &str) -> HashSet<String> {
        self.seats
            .get(seat)
            .map(|seat| seat.rooms.clone())
            .unwrap_or_default()
    }

    /// Name of someone who is here.
    pub(super) fn name_of(&self, id: &str) -> Option<Name> {
        let present = self.present.get(id)?;
        Some(Name {
            shown: present.person.name.clone(),
            key: present.key.clone(),
        })
    }

    fn is_taken(&self, key: &str, id: &str, now: Instant) -> bool {
        parts(key).any(|part| {
            let holder = self.names.get(part).map(String::as_str);
            let holder = holder.or_else(|| self.held.holder(part, now));
            holder.is_some_and(|holder| holder != id)
        })
    }
}

impl Present {
    /// Takes one seat out of a room; whether it was the last.
    fn leave(&mut self, room: &str, away: bool) -> bool {
        let Some(count) = self.rooms.get_mut(room) else {
            return false;
        };
        *count.of(away) -= 1;
        if count.all() == 0 {
            self.rooms.remove(room);
            return true;
        }
        false
    }
}

fn forget_member(members: &mut HashMap<String, BTreeSet<String>>, room: &str, person: &str) {
    if let Some(here) = members.get_mut(room) {
        here.remove(person);
        if here.is_empty() {
            members.remove(room);
        }
    }
}

/// Someone as this node has them, for the other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberSnapshot {
    pub(super) person: Person,
    /// What the name is compared by.
    pub(super) key: String,
    /// Rooms that they are in; nothing when they have gone.
    pub(super) rooms: Option<BTreeSet<String>>,
}

impl MemberSnapshot {
    /// Someone who has gone.
    pub(super) fn gone(person: &Person) -> Self {
        Self {
            person: person.clone(),
            key: String::new(),
            rooms: None,
        }
    }
}

/// What a room is to be told about someone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MembershipChange {
    pub(super) room: String,
    pub(super) person: Person,
    pub(super) change: PresenceChange,
}

/// The same change in several rooms.
pub(super) fn changes_of(
    person: &Person,
    rooms: impl IntoIterator<Item = String>,
    change: PresenceChange,
) -> Vec<MembershipChange> {
    let rooms = rooms.into_iter();
    rooms
        .map(|room| MembershipChange {
            room,
            person: person.clone(),
            change,
        })
        .collect()
}

/// Someone is in none of these rooms any more.
pub(super) fn departures(person: &Person, rooms: impl IntoIterator<Item = String>) -> Vec<MembershipChange> {
    changes_of(person, rooms, PresenceChange::Went)
}

/// Id of the person who has this key: public, and of no use for finding the key.
pub(super) fn id_of(what: &str, key: &str) -> String {
    let digest = Sha256::new()
        .chain_update(what)
        .chain_update([0])
        .chain_update(key)
        .finalize();
    digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::name_registry::HELD;
    use super::*;

    pub(super) fn sit(
        people: &mut Roster,
        socket: &str,
        id: &str,
        wished: &str,
    ) -> (String, Option<ChatErrorCode>) {
        let (person, refused) = people.sit(
            socket,
            id,
            NameCandidates::new(id, Some(wished), 32),
            Instant::now(),
        );
        people.locate(socket, IpAddr::from([192, 0, 2, 1]));
        (person.name, refused.map(|refusal| refusal.code))
    }

    #[test]
    fn several_tabs_are_one_person() {
        let mut people = Roster::default();
        sit(&mut people, "s1", "ana", "Ana");
        sit(&mut people, "s2", "ana", "Ana");
        assert!(people.enter("s1", "lobby"));
        assert!(!people.enter("s2", "lobby"));
        assert_eq!(
            (people.in_room("lobby", 9).len(), people.count_in("lobby")),
            (1, 1)
        );
        assert_eq!(people.rise("s1").map(|(_, gone)| gone), Some(vec![]));
        assert_eq!(
            people.rise("s2").map(|(_, gone)| gone),
            Some(vec!["lobby".to_owned()])
        );
        assert_eq!(people.count(), 0);
    }

    #[test]
    fn a_taken_name_gets_a_number_and_a_reason() {
        let mut people = Roster::default();
        assert_eq!(sit(&mut people, "s1", "ana", "Ana"), ("Ana".into(), None));
        assert_eq!(
            sit(&mut people, "s2", "bob", "ANA"),
            ("ANA 2".into(), Some(ChatErrorCode::NameTaken))
        );
        let (name, why) = sit(&mut people, "s3", "0123456789", "\u{200b}");
        assert_eq!(
            (name.as_str(), why),
            ("tamu-0123", Some(ChatErrorCode::NameInvalid))
        );
    }

    #[test]
    fn name_of_someone_who_has_gone_is_free_after_a_day() {
        let mut people = Roster::default();
        sit(&mut people, "s1", "ana", "Ana");
        sit(&mut people, "s2", "bob", "Bob");
        let now = Instant::now();
        let refused = people.rename("bob", "ana", 32, now).expect_err("taken");
        assert_eq!(refused, chat_error(ChatErrorCode::NameTaken, "ana"));
        people.rise("s1");
        let refused = people.rename("bob", "ana", 32, now).expect_err("still hers");
        assert_eq!(refused, chat_error(ChatErrorCode::NameTaken, "ana"));
        assert_eq!(sit(&mut people, "s3", "ana", "Ana"), ("Ana".into(), None));
        people.rise("s3");
        let tomorrow = Instant::now() + HELD;
        let (person, _) = people.rename("bob", "ana", 32, tomorrow).expect("free now");
        assert_eq!(person.name, "ana");
        // nobody left this one
        assert_eq!(sit(&mut people, "s4", "cid", "Bob"), ("Bob".into(), None));
    }
}
