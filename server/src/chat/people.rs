//! Who is here: people, the seats that each of them has, and the rooms that each of these is in.
//!
//! Several tabs of one person are one person. Names are unique among those present. A seat is a connection of this
//! node, or stands for all that a person has on another one.

mod buckets;
mod lines;

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use pesan::protocol::{ChatError, ChatErrorCode, Person};
use sha2::{Digest, Sha256};

use super::names::Name;
use super::text::refusal;
use super::wishes::Wishes;
use crate::config::ChatLimits;
pub(super) use buckets::Cost;
use buckets::{Buckets, Resting};
pub(super) use lines::{Line, Move, went};

/// Everyone who is here.
#[derive(Debug, Default)]
pub(super) struct People {
    present: HashMap<String, Present>,
    /// Keys of names, and whose they are.
    names: HashMap<String, String>,
    /// Seats, by the ids of sockets or by what stands for another node.
    seats: HashMap<String, Seat>,
    /// What those who have gone may do when they return.
    resting: Resting,
}

/// Someone who is here.
#[derive(Debug)]
struct Present {
    person: Person,
    key: String,
    seats: Count,
    /// Rooms, and by how many seats.
    rooms: HashMap<String, Count>,
    buckets: Buckets,
}

/// How many seats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    here: usize,
    elsewhere: usize,
}

impl Count {
    fn of(&mut self, away: bool) -> &mut usize {
        if away { &mut self.elsewhere } else { &mut self.here }
    }

    fn all(self) -> usize {
        self.here + self.elsewhere
    }
}

/// A connection of someone, or all that they have on another node.
#[derive(Debug)]
struct Seat {
    person: String,
    rooms: HashSet<String>,
    away: bool,
}

impl People {
    /// Gives someone a seat, under the wished name if that can be.
    pub(super) fn sit(
        &mut self,
        socket: &str,
        id: &str,
        wished: Option<&str>,
        limits: &ChatLimits,
        now: Instant,
    ) -> (Person, Option<ChatError>) {
        if self.present.contains_key(id) {
            return (self.seat(socket, id, Name::default(), limits, now, false), None);
        }
        let mut names = Wishes::new(id, wished, limits.name_chars);
        let name = names.find(|name| !self.is_taken(name)).unwrap_or_default();
        let refused = names.refused(&name);
        (self.seat(socket, id, name, limits, now, false), refused)
    }

    /// Gives someone a seat, under this name if they have none yet.
    pub(super) fn sit_as(
        &mut self,
        socket: &str,
        id: &str,
        name: Name,
        limits: &ChatLimits,
        now: Instant,
    ) -> Person {
        self.seat(socket, id, name, limits, now, false)
    }

    fn seat(
        &mut self,
        seat: &str,
        id: &str,
        name: Name,
        limits: &ChatLimits,
        now: Instant,
        away: bool,
    ) -> Person {
        let (names, resting) = (&mut self.names, &mut self.resting);
        let present = self.present.entry(id.to_owned()).or_insert_with(|| {
            // nobody's, but where two nodes gave it away at the same time
            names.entry(name.key.clone()).or_insert_with(|| id.to_owned());
            Present {
                person: Person {
                    id: id.to_owned(),
                    name: name.shown,
                },
                key: name.key,
                seats: Count::default(),
                rooms: HashMap::new(),
                buckets: resting.take(id, limits, now),
            }
        });
        *present.seats.of(away) += 1;
        let taken = Seat {
            person: id.to_owned(),
            rooms: HashSet::new(),
            away,
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
                gone.push(room);
            }
        }
        let person = present.person.clone();
        *present.seats.of(seat.away) -= 1;
        if present.seats.all() == 0
            && let Some(present) = self.present.remove(&seat.person)
        {
            self.forget_name(&present.key, &seat.person);
            self.resting.keep(seat.person, present.buckets, Instant::now());
        }
        Some((person, gone))
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
        self.present.get_mut(&seat.person).is_some_and(|present| {
            let count = present.rooms.entry(room.to_owned()).or_default();
            *count.of(seat.away) += 1;
            count.all() == 1
        })
    }

    /// Takes a seat out of a room; whether nothing of its person is left there.
    pub(super) fn leave(&mut self, seat: &str, room: &str) -> bool {
        let Some(seat) = self.seats.get_mut(seat) else {
            return false;
        };
        seat.rooms.remove(room)
            && self
                .present
                .get_mut(&seat.person)
                .is_some_and(|present| present.leave(room, seat.away))
    }

    /// Who is in a room.
    pub(super) fn in_room(&self, room: &str) -> Vec<Person> {
        let mut people: Vec<Person> = self
            .present
            .values()
            .filter(|present| present.rooms.contains_key(room))
            .map(|present| present.person.clone())
            .collect();
        people.sort_by(|a, b| a.name.cmp(&b.name));
        people
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
    ) -> Result<(Person, Vec<String>), ChatError> {
        let name = Name::new(wished, most)?;
        if self.names.get(&name.key).is_some_and(|holder| holder != id) {
            return Err(refusal(ChatErrorCode::NameTaken, name.shown));
        }
        self.call(id, name)
            .ok_or_else(|| refusal(ChatErrorCode::PersonUnknown, ""))
    }

    /// Gives someone a name that is known to be theirs; the rooms that they are in.
    pub(super) fn call(&mut self, id: &str, name: Name) -> Option<(Person, Vec<String>)> {
        let before = self.present.get(id)?.key.clone();
        self.forget_name(&before, id);
        self.names.insert(name.key.clone(), id.to_owned());
        let present = self.present.get_mut(id)?;
        present.key = name.key;
        present.person.name = name.shown;
        Some((present.person.clone(), present.rooms.keys().cloned().collect()))
    }

    fn forget_name(&mut self, key: &str, id: &str) {
        if self.names.get(key).is_some_and(|holder| holder == id) {
            self.names.remove(key);
        }
    }

    /// Lets someone do something, if it is not too often.
    ///
    /// # Errors
    /// [`ChatErrorCode::TooFast`] with the seconds to wait.
    pub(super) fn pay(&mut self, id: &str, cost: Cost, now: Instant) -> Result<(), ChatError> {
        let Some(present) = self.present.get_mut(id) else {
            return Err(refusal(ChatErrorCode::PersonUnknown, ""));
        };
        present.buckets.pay(cost, now)
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

    fn is_taken(&self, name: &Name) -> bool {
        self.names.contains_key(&name.key)
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
    use super::*;
    use crate::config::Config;

    pub(super) fn limits() -> ChatLimits {
        Config::from_args([]).expect("defaults").chat
    }

    pub(super) fn sit(
        people: &mut People,
        socket: &str,
        id: &str,
        wished: &str,
    ) -> (String, Option<ChatErrorCode>) {
        let (person, refused) = people.sit(socket, id, Some(wished), &limits(), Instant::now());
        (person.name, refused.map(|refusal| refusal.code))
    }

    #[test]
    fn several_tabs_are_one_person() {
        let mut people = People::default();
        sit(&mut people, "s1", "ana", "Ana");
        sit(&mut people, "s2", "ana", "Ana");
        assert!(people.enter("s1", "lobby"));
        assert!(!people.enter("s2", "lobby"));
        assert_eq!(people.in_room("lobby").len(), 1);
        assert_eq!(people.rise("s1").map(|(_, gone)| gone), Some(vec![]));
        assert_eq!(
            people.rise("s2").map(|(_, gone)| gone),
            Some(vec!["lobby".to_owned()])
        );
        assert_eq!(people.count(), 0);
    }

    #[test]
    fn a_taken_name_gets_a_number_and_a_reason() {
        let mut people = People::default();
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
    fn a_name_is_free_again_when_its_person_has_gone() {
        let mut people = People::default();
        sit(&mut people, "s1", "ana", "Ana");
        sit(&mut people, "s2", "bob", "Bob");
        let refused = people.rename("bob", "ana", 32).expect_err("taken");
        assert_eq!(refused, refusal(ChatErrorCode::NameTaken, "ana"));
        people.rise("s1");
        let (person, _) = people.rename("bob", "ana", 32).expect("free now");
        assert_eq!(person.name, "ana");
        assert_eq!(sit(&mut people, "s3", "cid", "Bob"), ("Bob".into(), None));
    }
}
