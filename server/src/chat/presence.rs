//! Changes of presence that rooms are not told at once: who came, who went, who has another name.
//!
//! Changes are gathered for a moment and sent together, in a [`PresenceBatch`]: what everyone who comes costs those who are
//! there would else grow with the square of their number. Of a [crowd](CROWD) only the number of people is sent, less
//! often. `broadcast` sends the batches; pages that do not know batches get each change, where the room is no crowd.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use pesan::protocol::{Person, PresenceBatch, PresenceChange};

use super::roster::Roster;

/// Pause between two batches of a crowd.
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
    /// Whether a room has too many people for telling each change.
    pub(super) fn is_crowd(&self, room: &str, roster: &Roster) -> bool {
        self.crowds.contains_key(room) || roster.count_in(room) > CROWD
    }

    /// Remembers a change for the next batch; what undoes an earlier one takes it back.
    pub(super) fn note(&mut self, room: &str, person: &Person, change: PresenceChange) {
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

    /// People of a room that a page is shown: all, or some of a crowd.
    pub(super) fn shown_people(&self, room: &str, roster: &Roster) -> Vec<Person> {
        let most = if self.is_crowd(room, roster) {
            SHOWN
        } else {
            usize::MAX
        };
        roster.members_of(room, most)
    }

    /// What rooms are to be told now.
    pub(super) fn take_batches(&mut self, roster: &Roster, now: Instant) -> Vec<PresenceBatch> {
        let rooms: Vec<String> = self.rooms.keys().cloned().collect();
        let mut batches = Vec::new();
        for room in rooms {
            let count = roster.count_in(&room);
            let mut batch = PresenceBatch {
                room: room.clone(),
                people_count: u32::try_from(count).unwrap_or(u32::MAX),
                ..PresenceBatch::default()
            };
            match self.crowds.get(&room) {
                Some(_) if count < CROWD_NO_MORE => {
                    self.crowds.remove(&room);
                    batch.people = Some(self.shown_people(&room, roster));
                }
                Some(told) => {
                    if told.is_some_and(|told| now < told + BATCH_OF_CROWD) {
                        continue;
                    }
                    self.crowds.insert(room.clone(), Some(now));
                }
                None if count > CROWD => {
                    self.crowds.insert(room.clone(), Some(now));
                    batch.people = Some(self.shown_people(&room, roster));
                }
                None => {
                    let changes = self.rooms.get(&room).into_iter().flatten();
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
            self.rooms.remove(&room);
            batches.push(batch);
        }
        batches
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
