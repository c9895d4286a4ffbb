//! Snapshots of people that nodes exchange: how this node has someone, and how those of other nodes are applied.

use std::collections::BTreeSet;

use pesan::protocol::{Person, PresenceChange};
use serde::{Deserialize, Serialize};

use super::{Count, Roster};
use crate::chat::names::Name;

/// Someone as this node has them, for the other nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::chat) struct MemberSnapshot {
    pub(in crate::chat) person: Person,
    /// What the name is compared by.
    pub(in crate::chat) key: String,
    /// Rooms that they are in; nothing when they have gone.
    pub(in crate::chat) rooms: Option<BTreeSet<String>>,
}

impl MemberSnapshot {
    /// Someone who has gone.
    pub(in crate::chat) fn gone(person: &Person) -> Self {
        Self {
            person: person.clone(),
            key: String::new(),
            rooms: None,
        }
    }
}

/// What a room is to be told about someone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::chat) struct MembershipChange {
    pub(in crate::chat) room: String,
    pub(in crate::chat) person: Person,
    pub(in crate::chat) change: PresenceChange,
}

impl Roster {
    /// Takes over how another node has someone; what rooms are to be told.
    pub(in crate::chat) fn place_elsewhere(
        &mut self,
        seat: &str,
        line: MemberSnapshot,
    ) -> Vec<MembershipChange> {
        let MemberSnapshot { person, key, rooms } = line;
        let Some(rooms) = rooms else {
            return self
                .rise(seat)
                .map(|(person, gone)| departures(&person, gone))
                .unwrap_or_default();
        };
        let name = Name {
            shown: person.name,
            key,
        };
        if !self.seats.contains_key(seat) {
            self.seat(seat, &person.id, name.clone(), true);
        }
        let mut moves = Vec::new();
        if self
            .present
            .get(&person.id)
            .is_some_and(|present| present.key != name.key || present.person.name != name.shown)
            && let Some((renamed, rooms)) = self.call(&person.id, name)
        {
            moves.extend(changes_of(&renamed, rooms, PresenceChange::Renamed));
        }
        let Some(person) = self.of(seat) else { return moves };
        let known = self
            .seats
            .get(seat)
            .map(|seat| seat.rooms.clone())
            .unwrap_or_default();
        let came: Vec<String> = rooms
            .iter()
            .filter(|room| self.enter(seat, room))
            .cloned()
            .collect();
        let gone: Vec<String> = known
            .into_iter()
            .filter(|room| !rooms.contains(room) && self.leave(seat, room))
            .collect();
        moves.extend(changes_of(&person, came, PresenceChange::Came));
        moves.extend(departures(&person, gone));
        moves
    }

    /// Someone as this node has them.
    pub(in crate::chat) fn line(&self, id: &str) -> Option<MemberSnapshot> {
        let present = self.present.get(id)?;
        let here = |(room, count): (&String, &Count)| (count.here > 0).then(|| room.clone());
        Some(MemberSnapshot {
            person: present.person.clone(),
            key: present.key.clone(),
            rooms: (present.seats.here > 0).then(|| present.rooms.iter().filter_map(here).collect()),
        })
    }

    /// Everyone who has a seat on this node.
    pub(in crate::chat) fn lines(&self) -> Vec<MemberSnapshot> {
        let lines = self.present.keys().filter_map(|id| self.line(id));
        lines.filter(|line| line.rooms.is_some()).collect()
    }
}

fn changes_of(
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
pub(in crate::chat) fn departures(
    person: &Person,
    rooms: impl IntoIterator<Item = String>,
) -> Vec<MembershipChange> {
    changes_of(person, rooms, PresenceChange::Went)
}

#[cfg(test)]
mod tests {
    use pesan::protocol::ChatErrorCode;

    use super::super::tests::sit;
    use super::*;

    fn line(id: &str, name: &str, rooms: Option<&[&str]>) -> MemberSnapshot {
        let name = Name::new(name, 32).expect("a good name");
        MemberSnapshot {
            person: Person {
                id: id.to_owned(),
                name: name.shown,
            },
            key: name.key,
            rooms: rooms.map(|rooms| rooms.iter().map(|room| (*room).to_owned()).collect()),
        }
    }

    fn told(people: &mut Roster, seat: &str, line: MemberSnapshot) -> Vec<(String, PresenceChange)> {
        let moves = people.place_elsewhere(seat, line);
        moves.into_iter().map(|one| (one.room, one.change)).collect()
    }

    #[test]
    fn tabs_on_two_nodes_are_one_person() {
        let mut people = Roster::default();
        let lobby = |change| vec![("lobby".to_owned(), change)];
        let came = told(&mut people, "node ana", line("ana", "Ana", Some(&["lobby"])));
        assert_eq!(came, lobby(PresenceChange::Came));
        // the name of the other node counts, and nobody comes a second time
        assert_eq!(sit(&mut people, "s1", "ana", "Anita"), ("Ana".into(), None));
        assert!(!people.enter("s1", "lobby"));
        assert_eq!(people.line("ana"), Some(line("ana", "Ana", Some(&["lobby"]))));
        let renamed = told(
            &mut people,
            "node ana",
            line("ana", "Ani", Some(&["lobby", "kopi"])),
        );
        assert_eq!(
            renamed,
            [
                ("lobby".to_owned(), PresenceChange::Renamed),
                ("kopi".to_owned(), PresenceChange::Came)
            ]
        );
        let rose = people.rise("s1").map(|(_, gone)| gone);
        assert_eq!(rose, Some(vec![]));
        assert_eq!((people.count(), people.count_here()), (1, 0));
        let gone = told(&mut people, "node ana", line("ana", "Ani", Some(&["lobby"])));
        assert_eq!(gone, [("kopi".to_owned(), PresenceChange::Went)]);
        assert_eq!(
            told(&mut people, "node ana", line("ana", "Ani", None)),
            lobby(PresenceChange::Went)
        );
        assert_eq!((people.count(), people.lines()), (0, vec![]));
    }

    #[test]
    fn a_name_that_two_nodes_gave_away_stays_with_the_first_here() {
        let mut people = Roster::default();
        sit(&mut people, "s1", "ana", "Ana");
        told(&mut people, "node bob", line("bob", "ANA", Some(&["lobby"])));
        told(&mut people, "node bob", line("bob", "Bob", Some(&["lobby"])));
        assert_eq!(
            sit(&mut people, "s2", "cid", "ana"),
            ("ana 2".into(), Some(ChatErrorCode::NameTaken))
        );
    }
}
