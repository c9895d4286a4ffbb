//! Batches of presence changes: who joined, left or was renamed.
//!
//! Changes are collected for a moment and sent together in a [`PresenceBatch`]; otherwise the cost of n people joining
//! would grow with n². A [crowd](CROWD) only receives the number of people, less often. `broadcast` sends the batches;
//! pages that do not support batches receive each change, unless the room is a crowd.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use pesan::protocol::{Person, PresenceBatch, PresenceChange};

use super::roster::Roster;

/// Pause between two batches of a crowd.
const BATCH_OF_CROWD: Duration = Duration::from_secs(1);
/// A room becomes a crowd above the first number of people, and stops being one below the second.
const CROWD: usize = 200;
const CROWD_END: usize = 150;
/// Most people of a crowd that a page receives.
const SHOWN: usize = 100;

/// Presence changes that are not sent yet.
#[derive(Debug, Default)]
pub(super) struct PendingPresence {
    rooms: HashMap<String, BTreeMap<String, (Person, PresenceChange)>>,
    /// Crowds, and when their number of people was last sent.
    crowds: HashMap<String, Option<Instant>>,
}

impl PendingPresence {
    /// Whether a room has too many people for sending each change.
    pub(super) fn is_crowd(&self, room: &str, roster: &Roster) -> bool {
        self.crowds.contains_key(room) || roster.count_in(room) > CROWD
    }

    /// Adds a change to the next batch; a change that reverts an earlier one removes it.
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
            // the name may be another one
            (Some(PresenceChange::Went), PresenceChange::Came) => PresenceChange::Renamed,
            (_, change) => change,
        };
        changes.insert(person.id.clone(), (person.clone(), change));
    }

    /// Removes a room.
    pub(super) fn close_room(&mut self, room: &str) {
        self.rooms.remove(room);
        self.crowds.remove(room);
    }

    /// People of a room that a page receives: all, or some of a crowd.
    pub(super) fn shown_people(&self, room: &str, roster: &Roster) -> Vec<Person> {
        let most = if self.is_crowd(room, roster) {
            SHOWN
        } else {
            usize::MAX
        };
        roster.members_of(room, most)
    }

    /// Takes the batches that are due.
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
                Some(_) if count < CROWD_END => {
                    self.crowds.remove(&room);
                    batch.people = Some(self.shown_people(&room, roster));
                }
                Some(last_sent) => {
                    if last_sent.is_some_and(|at| now < at + BATCH_OF_CROWD) {
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
    fn presence_changes_of_one_person_are_merged() {
        use PresenceChange::{Came, Renamed, Went};
        for (changes, merged) in [
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
                merged.map(|change| (name, change)),
                "{changes:?}"
            );
        }
    }
}
