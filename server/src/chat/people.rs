//! Who is here: people, the connections that each of them has, and the rooms that each of these is in.
//!
//! Several tabs of one person are one person. Names are unique among those present.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use pesan::messages::{Person, Refusal, RefusalCode};
use sha2::{Digest, Sha256};

use super::limits::Bucket;
use super::names::Name;
use super::text::refusal;
use crate::config::ChatLimits;

/// Everyone who is here.
#[derive(Debug, Default)]
pub(super) struct People {
    present: HashMap<String, Present>,
    /// Keys of names, and whose they are.
    names: HashMap<String, String>,
    /// Connections by the ids of their sockets.
    seats: HashMap<String, Seat>,
}

/// Someone who is here.
#[derive(Debug)]
struct Present {
    person: Person,
    key: String,
    seats: usize,
    /// Rooms, and by how many connections.
    rooms: HashMap<String, usize>,
    buckets: Buckets,
}

/// How often someone may do what.
#[derive(Debug)]
struct Buckets {
    write: Bucket,
    read: Bucket,
    typing: Bucket,
    rooms: Bucket,
}

/// A connection of someone.
#[derive(Debug)]
struct Seat {
    person: String,
    rooms: HashSet<String>,
}

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// Others see it.
    Write,
    /// Only the store works for it.
    Read,
    /// A sign that someone is typing.
    Typing,
    /// A room that stays.
    Room,
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
    ) -> (Person, Option<Refusal>) {
        let mut refused = None;
        if !self.present.contains_key(id) {
            let (name, why) = self.name_for(id, wished, limits.name_chars);
            refused = why;
            self.names.insert(name.key.clone(), id.to_owned());
            let present = Present {
                person: Person {
                    id: id.to_owned(),
                    name: name.shown,
                },
                key: name.key,
                seats: 0,
                rooms: HashMap::new(),
                buckets: Buckets {
                    write: Bucket::new(limits.rate, limits.burst, now),
                    read: Bucket::new(20.0, 100.0, now),
                    typing: Bucket::new(0.5, 3.0, now),
                    rooms: Bucket::new(0.1, 10.0, now),
                },
            };
            self.present.insert(id.to_owned(), present);
        }
        let seat = Seat {
            person: id.to_owned(),
            rooms: HashSet::new(),
        };
        let person = match self.present.get_mut(id) {
            Some(present) => {
                present.seats += 1;
                present.person.clone()
            }
            None => unreachable!("was put there above"),
        };
        self.seats.insert(socket.to_owned(), seat);
        (person, refused)
    }

    /// Takes the seat of a connection away; the person, and the rooms where nothing of them is left.
    pub(super) fn rise(&mut self, socket: &str) -> Option<(Person, Vec<String>)> {
        let seat = self.seats.remove(socket)?;
        let present = self.present.get_mut(&seat.person)?;
        let mut gone = Vec::new();
        for room in seat.rooms {
            if present.leave(&room) {
                gone.push(room);
            }
        }
        let person = present.person.clone();
        present.seats -= 1;
        if present.seats == 0
            && let Some(present) = self.present.remove(&seat.person)
        {
            self.names.remove(&present.key);
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

    /// Puts a connection into a room; whether its person was not there before.
    pub(super) fn enter(&mut self, socket: &str, room: &str) -> bool {
        let Some(seat) = self.seats.get_mut(socket) else {
            return false;
        };
        if !seat.rooms.insert(room.to_owned()) {
            return false;
        }
        self.present.get_mut(&seat.person).is_some_and(|present| {
            let count = present.rooms.entry(room.to_owned()).or_default();
            *count += 1;
            *count == 1
        })
    }

    /// Takes a connection out of a room; whether nothing of its person is left there.
    pub(super) fn leave(&mut self, socket: &str, room: &str) -> bool {
        let Some(seat) = self.seats.get_mut(socket) else {
            return false;
        };
        seat.rooms.remove(room)
            && self
                .present
                .get_mut(&seat.person)
                .is_some_and(|present| present.leave(room))
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
    /// [`RefusalCode::NameInvalid`] or [`RefusalCode::NameTaken`].
    pub(super) fn rename(
        &mut self,
        id: &str,
        wished: &str,
        most: u32,
    ) -> Result<(Person, Vec<String>), Refusal> {
        let name = Name::new(wished, most)?;
        if self.names.get(&name.key).is_some_and(|holder| holder != id) {
            return Err(refusal(RefusalCode::NameTaken, name.shown));
        }
        let Some(present) = self.present.get_mut(id) else {
            return Err(refusal(RefusalCode::PersonUnknown, ""));
        };
        self.names.remove(&present.key);
        self.names.insert(name.key.clone(), id.to_owned());
        present.key = name.key;
        present.person.name = name.shown;
        Ok((present.person.clone(), present.rooms.keys().cloned().collect()))
    }

    /// Lets someone do something, if it is not too often.
    ///
    /// # Errors
    /// [`RefusalCode::TooFast`] with the seconds to wait.
    pub(super) fn pay(&mut self, id: &str, cost: Cost, now: Instant) -> Result<(), Refusal> {
        let Some(present) = self.present.get_mut(id) else {
            return Err(refusal(RefusalCode::PersonUnknown, ""));
        };
        match cost {
            Cost::Write => present.buckets.write.take(now),
            Cost::Read => present.buckets.read.take(now),
            Cost::Typing => present.buckets.typing.take(now),
            Cost::Room => present.buckets.rooms.take(now),
        }
    }

    /// How many people are here, and with how many connections.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.present.len(), self.seats.len())
    }

    fn name_for(&self, id: &str, wished: Option<&str>, most: u32) -> (Name, Option<Refusal>) {
        let (name, why) = match wished.map(|wished| Name::new(wished, most)) {
            Some(Ok(name)) if !self.is_taken(&name) => return (name, None),
            Some(Ok(name)) => {
                let why = refusal(RefusalCode::NameTaken, &name.shown);
                (name.shown, Some(why))
            }
            Some(Err(why)) => (made_up(id), Some(why)),
            None => (made_up(id), None),
        };
        let free = |typed: String| Name::new(&typed, most).ok().filter(|name| !self.is_taken(name));
        let numbered = (2..100).find_map(|number| free(format!("{name} {number}")));
        let found = if why.as_ref().is_some_and(|why| why.code == RefusalCode::NameTaken) {
            numbered.or_else(|| free(made_up(id)))
        } else {
            free(name).or(numbered)
        };
        let found = found.unwrap_or_else(|| Name {
            // the id itself is nobody else's
            shown: id.to_owned(),
            key: id.to_owned(),
        });
        (found, why)
    }

    fn is_taken(&self, name: &Name) -> bool {
        self.names.contains_key(&name.key)
    }
}

impl Present {
    /// Takes one connection out of a room; whether it was the last.
    fn leave(&mut self, room: &str) -> bool {
        let Some(count) = self.rooms.get_mut(room) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
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

/// Name of someone who wished none.
pub(super) fn made_up(id: &str) -> String {
    format!("tamu-{}", id.get(..4).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn limits() -> ChatLimits {
        Config::from_args([]).expect("defaults").chat
    }

    fn sit(people: &mut People, socket: &str, id: &str, wished: &str) -> (String, Option<RefusalCode>) {
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
        assert_eq!(people.count(), (0, 0));
    }

    #[test]
    fn a_taken_name_gets_a_number_and_a_reason() {
        let mut people = People::default();
        assert_eq!(sit(&mut people, "s1", "ana", "Ana"), ("Ana".into(), None));
        assert_eq!(
            sit(&mut people, "s2", "bob", "ANA"),
            ("ANA 2".into(), Some(RefusalCode::NameTaken))
        );
        let (name, why) = sit(&mut people, "s3", "0123456789", "\u{200b}");
        assert_eq!(
            (name.as_str(), why),
            ("tamu-0123", Some(RefusalCode::NameInvalid))
        );
    }

    #[test]
    fn a_name_is_free_again_when_its_person_has_gone() {
        let mut people = People::default();
        sit(&mut people, "s1", "ana", "Ana");
        sit(&mut people, "s2", "bob", "Bob");
        let refused = people.rename("bob", "ana", 32).expect_err("taken");
        assert_eq!(refused, refusal(RefusalCode::NameTaken, "ana"));
        people.rise("s1");
        let (person, _) = people.rename("bob", "ana", 32).expect("free now");
        assert_eq!(person.name, "ana");
        assert_eq!(sit(&mut people, "s3", "cid", "Bob"), ("Bob".into(), None));
    }
}
