//! Who is online: people, their connections, and the rooms that each connection has joined.
//!
//! Several tabs of one person count as one person. Names are unique among the people online. A connection belongs to
//! this node, or represents all connections of a person on another node.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Instant;

use pesan::protocol::{ChatError, ChatErrorCode, Person, PresenceChange};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::chat_error;
use super::name_registry::HeldNames;
use super::names::{Name, NameCandidates, is_guest_name_of, parts, person_name};

/// Everyone who is online, on any node.
#[derive(Debug, Default)]
pub(super) struct Roster {
    present: HashMap<String, Present>,
    /// Owners of names, by the parts of the names' comparison keys.
    names: HashMap<String, String>,
    /// Names of people who have left.
    held: HeldNames,
    /// People who have left, and the keys of their names, if these are not held.
    freed: Vec<(String, String)>,
    /// Connections, by socket id, or by an id for a person on another node.
    connections: HashMap<String, Connection>,
    /// Ids of the people in each room.
    members: HashMap<String, BTreeSet<String>>,
}

/// Someone who is online.
#[derive(Debug)]
struct Present {
    person: Person,
    key: String,
    connections: ConnectionCount,
    /// Rooms, and the number of connections in each.
    rooms: HashMap<String, ConnectionCount>,
}

/// Number of connections, on this node and on others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct ConnectionCount {
    local: usize,
    remote: usize,
}

impl ConnectionCount {
    fn on_side(&mut self, is_remote: bool) -> &mut usize {
        if is_remote {
            &mut self.remote
        } else {
            &mut self.local
        }
    }

    fn total(self) -> usize {
        self.local + self.remote
    }
}

/// A connection on this node, or all connections of a person on another node.
#[derive(Debug)]
struct Connection {
    person: String,
    rooms: HashSet<String>,
    is_remote: bool,
    /// Address of the client; `None` on another node.
    address: Option<IpAddr>,
}

impl Roster {
    /// Adds a connection of someone, with the first free name if they have none yet.
    pub(super) fn connect(
        &mut self,
        socket: &str,
        id: &str,
        mut names: NameCandidates,
        now: Instant,
    ) -> (Person, Option<ChatError>) {
        if self.present.contains_key(id) {
            return (self.add_connection(socket, id, Name::default(), false), None);
        }
        let name = names
            .find(|name| !self.is_taken(&name.key, id, now))
            .unwrap_or_default();
        let refusal = names.refusal(&name);
        (self.add_connection(socket, id, name, false), refusal)
    }

    /// Sets the address of a connection.
    pub(super) fn set_address(&mut self, connection: &str, address: IpAddr) {
        if let Some(connection) = self.connections.get_mut(connection) {
            connection.address = Some(address);
        }
    }

    /// Adds a connection of someone, with this name if they have none yet.
    pub(super) fn connect_as(&mut self, socket: &str, id: &str, name: Name) -> Person {
        self.add_connection(socket, id, name, false)
    }

    fn add_connection(&mut self, connection_id: &str, id: &str, name: Name, is_remote: bool) -> Person {
        let (names, held) = (&mut self.names, &mut self.held);
        let present = self.present.entry(id.to_owned()).or_insert_with(|| {
            // the name is free, unless two nodes gave it away at the same time
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
                connections: ConnectionCount::default(),
                rooms: HashMap::new(),
            }
        });
        *present.connections.on_side(is_remote) += 1;
        let connection = Connection {
            person: id.to_owned(),
            rooms: HashSet::new(),
            is_remote,
            address: None,
        };
        self.connections.insert(connection_id.to_owned(), connection);
        present.person.clone()
    }

    /// Removes a connection; returns its person, and the rooms in which they have no other connection.
    pub(super) fn disconnect(&mut self, connection: &str) -> Option<(Person, Vec<String>)> {
        let connection = self.connections.remove(connection)?;
        let present = self.present.get_mut(&connection.person)?;
        let mut gone = Vec::new();
        for room in connection.rooms {
            if present.leave(&room, connection.is_remote) {
                remove_member(&mut self.members, &room, &connection.person);
                gone.push(room);
            }
        }
        let person = present.person.clone();
        *present.connections.on_side(connection.is_remote) -= 1;
        if present.connections.total() == 0
            && let Some(present) = self.present.remove(&connection.person)
        {
            self.release_name(&present.key, &connection.person);
            // names of people on another node are held by that node
            if let Some(address) = connection.address {
                let is_guest_name = is_guest_name_of(&present.person.name, &connection.person);
                if is_guest_name {
                    self.freed.push((connection.person, present.key));
                } else {
                    self.held
                        .hold(&connection.person, &present.key, address, Instant::now());
                }
            }
        }
        Some((person, gone))
    }

    /// Names that have become free since the last call: people and keys.
    pub(super) fn take_freed(&mut self) -> Vec<(String, String)> {
        let mut freed = self.held.take_freed();
        freed.append(&mut self.freed);
        freed
    }

    /// Person of a connection.
    pub(super) fn person_of(&self, socket: &str) -> Option<Person> {
        let connection = self.connections.get(socket)?;
        self.present
            .get(&connection.person)
            .map(|present| present.person.clone())
    }

    /// Person who is online, by id.
    pub(super) fn get(&self, id: &str) -> Option<&Person> {
        self.present.get(id).map(|present| &present.person)
    }

    /// Adds a connection to a room; returns whether its person was not in it before.
    pub(super) fn join(&mut self, connection: &str, room: &str) -> bool {
        let Some(connection) = self.connections.get_mut(connection) else {
            return false;
        };
        if !connection.rooms.insert(room.to_owned()) {
            return false;
        }
        let Some(present) = self.present.get_mut(&connection.person) else {
            return false;
        };
        let count = present.rooms.entry(room.to_owned()).or_default();
        *count.on_side(connection.is_remote) += 1;
        let came = count.total() == 1;
        if came {
            let members = self.members.entry(room.to_owned()).or_default();
            members.insert(connection.person.clone());
        }
        came
    }

    /// Removes a connection from a room; returns whether its person has left it.
    pub(super) fn leave(&mut self, connection: &str, room: &str) -> bool {
        let Some(connection) = self.connections.get_mut(connection) else {
            return false;
        };
        let went = connection.rooms.remove(room)
            && self
                .present
                .get_mut(&connection.person)
                .is_some_and(|present| present.leave(room, connection.is_remote));
        if went {
            remove_member(&mut self.members, room, &connection.person);
        }
        went
    }

    /// Removes everyone from a room that was removed.
    pub(super) fn close_room(&mut self, room: &str) {
        self.members.remove(room);
        for present in self.present.values_mut() {
            present.rooms.remove(room);
        }
        for connection in self.connections.values_mut() {
            connection.rooms.remove(room);
        }
    }

    /// At most `max` people in a room, sorted by name; with more of them, the first ones by id.
    pub(super) fn members_of(&self, room: &str, max: usize) -> Vec<Person> {
        let ids = self.members.get(room).into_iter().flatten().take(max);
        let mut people: Vec<Person> = ids.filter_map(|id| self.get(id).cloned()).collect();
        people.sort_by(|a, b| a.name.cmp(&b.name));
        people
    }

    /// Number of people in a room.
    pub(super) fn count_in(&self, room: &str) -> usize {
        self.members.get(room).map_or(0, BTreeSet::len)
    }

    /// Renames someone; returns the rooms that they are in.
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`] or [`ChatErrorCode::NameTaken`].
    pub(super) fn rename(
        &mut self,
        id: &str,
        requested: &str,
        max: u32,
        now: Instant,
    ) -> Result<(Person, Vec<String>), ChatError> {
        let name = person_name(requested, max, id)?;
        if self.is_taken(&name.key, id, now) {
            return Err(chat_error(ChatErrorCode::NameTaken, name.shown));
        }
        self.set_name(id, name)
            .ok_or_else(|| chat_error(ChatErrorCode::PersonUnknown, ""))
    }

    /// Sets a name without checks; returns the rooms that the person is in.
    pub(super) fn set_name(&mut self, id: &str, name: Name) -> Option<(Person, Vec<String>)> {
        let before = self.present.get(id)?.key.clone();
        self.release_name(&before, id);
        for part in parts(&name.key) {
            self.names.insert(part.to_owned(), id.to_owned());
        }
        let present = self.present.get_mut(id)?;
        present.key = name.key;
        present.person.name = name.shown;
        Some((present.person.clone(), present.rooms.keys().cloned().collect()))
    }

    fn release_name(&mut self, key: &str, id: &str) {
        for part in parts(key) {
            if self.names.get(part).is_some_and(|holder| holder == id) {
                self.names.remove(part);
            }
        }
    }

    /// Number of people online, on any node.
    pub(super) fn count(&self) -> usize {
        self.present.len()
    }

    /// Number of people with a connection to this node.
    pub(super) fn count_local(&self) -> usize {
        self.present
            .values()
            .filter(|present| present.connections.local > 0)
            .count()
    }

    /// Presence of someone on this node.
    pub(super) fn snapshot(&self, id: &str) -> Option<MemberSnapshot> {
        let present = self.present.get(id)?;
        let local = |(room, count): (&String, &ConnectionCount)| (count.local > 0).then(|| room.clone());
        Some(MemberSnapshot {
            person: present.person.clone(),
            key: present.key.clone(),
            rooms: (present.connections.local > 0).then(|| present.rooms.iter().filter_map(local).collect()),
        })
    }

    /// Presence of everyone with a connection to this node.
    pub(super) fn snapshots(&self) -> Vec<MemberSnapshot> {
        let snapshots = self.present.keys().filter_map(|id| self.snapshot(id));
        snapshots.filter(|snapshot| snapshot.rooms.is_some()).collect()
    }

    /// Adds the connection that represents someone on another node.
    pub(super) fn connect_remote(&mut self, connection: &str, id: &str, name: Name) {
        self.add_connection(connection, id, name, true);
    }

    /// Whether there is a connection with this id.
    pub(super) fn is_connected(&self, connection: &str) -> bool {
        self.connections.contains_key(connection)
    }

    /// Rooms that a connection is in.
    pub(super) fn rooms_of(&self, connection: &str) -> HashSet<String> {
        self.connections
            .get(connection)
            .map(|connection| connection.rooms.clone())
            .unwrap_or_default()
    }

    /// Name of someone who is online.
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
    /// Removes one connection from a room; returns whether it was the last.
    fn leave(&mut self, room: &str, is_remote: bool) -> bool {
        let Some(count) = self.rooms.get_mut(room) else {
            return false;
        };
        *count.on_side(is_remote) -= 1;
        if count.total() == 0 {
            self.rooms.remove(room);
            return true;
        }
        false
    }
}

fn remove_member(members: &mut HashMap<String, BTreeSet<String>>, room: &str, person: &str) {
    if let Some(local) = members.get_mut(room) {
        local.remove(person);
        if local.is_empty() {
            members.remove(room);
        }
    }
}

/// Presence of a person on one node, as sent to the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemberSnapshot {
    pub(super) person: Person,
    /// Comparison key of the name.
    pub(super) key: String,
    /// Rooms that they are in; `None` when they have left.
    pub(super) rooms: Option<BTreeSet<String>>,
}

impl MemberSnapshot {
    /// Presence of someone who has left.
    pub(super) fn gone(person: &Person) -> Self {
        Self {
            person: person.clone(),
            key: String::new(),
            rooms: None,
        }
    }
}

/// Presence change to announce to a room.
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

/// Someone has left these rooms.
pub(super) fn departures(person: &Person, rooms: impl IntoIterator<Item = String>) -> Vec<MembershipChange> {
    changes_of(person, rooms, PresenceChange::Went)
}

/// Id of the person with this key. The id is public; the key cannot be derived from it.
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
    use super::super::name_registry::HOLD_TIME;
    use super::*;

    fn connect(
        roster: &mut Roster,
        socket: &str,
        id: &str,
        requested: &str,
    ) -> (String, Option<ChatErrorCode>) {
        let (person, refusal) = roster.connect(
            socket,
            id,
            NameCandidates::new(id, Some(requested), 32),
            Instant::now(),
        );
        roster.set_address(socket, IpAddr::from([192, 0, 2, 1]));
        (person.name, refusal.map(|refusal| refusal.code))
    }

    #[test]
    fn roster_connections_of_several_tabs_are_one_person() {
        let mut roster = Roster::default();
        connect(&mut roster, "s1", "ana", "Ana");
        connect(&mut roster, "s2", "ana", "Ana");
        assert!(roster.join("s1", "lobby"));
        assert!(!roster.join("s2", "lobby"));
        assert_eq!(
            (roster.members_of("lobby", 9).len(), roster.count_in("lobby")),
            (1, 1)
        );
        assert_eq!(roster.disconnect("s1").map(|(_, gone)| gone), Some(vec![]));
        assert_eq!(
            roster.disconnect("s2").map(|(_, gone)| gone),
            Some(vec!["lobby".to_owned()])
        );
        assert_eq!(roster.count(), 0);
    }

    #[test]
    fn name_taken_gets_a_number_and_a_reason() {
        let mut roster = Roster::default();
        assert_eq!(connect(&mut roster, "s1", "ana", "Ana"), ("Ana".into(), None));
        assert_eq!(
            connect(&mut roster, "s2", "bob", "ANA"),
            ("ANA 2".into(), Some(ChatErrorCode::NameTaken))
        );
        let (name, error) = connect(&mut roster, "s3", "0123456789", "\u{200b}");
        assert_eq!(
            (name.as_str(), error),
            ("tamu-0123", Some(ChatErrorCode::NameInvalid))
        );
    }

    #[test]
    fn name_of_someone_who_left_is_free_after_a_day() {
        let mut roster = Roster::default();
        connect(&mut roster, "s1", "ana", "Ana");
        connect(&mut roster, "s2", "bob", "Bob");
        let now = Instant::now();
        let refusal = roster.rename("bob", "ana", 32, now).expect_err("taken");
        assert_eq!(refusal, chat_error(ChatErrorCode::NameTaken, "ana"));
        roster.disconnect("s1");
        let refusal = roster.rename("bob", "ana", 32, now).expect_err("still held");
        assert_eq!(refusal, chat_error(ChatErrorCode::NameTaken, "ana"));
        assert_eq!(connect(&mut roster, "s3", "ana", "Ana"), ("Ana".into(), None));
        roster.disconnect("s3");
        let tomorrow = Instant::now() + HOLD_TIME;
        let (person, _) = roster.rename("bob", "ana", 32, tomorrow).expect("free now");
        assert_eq!(person.name, "ana");
        // the earlier owner of this name has another one now
        assert_eq!(connect(&mut roster, "s4", "cid", "Bob"), ("Bob".into(), None));
    }
}
