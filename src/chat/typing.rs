//! Who is typing in a room: volatile, and over when nothing more is heard.

use crate::messages::Person;

/// Typing is over after this long without another sign, in milliseconds.
pub const LASTS: u64 = 5000;

/// Own typing is told at most this often, in milliseconds.
pub const EVERY: u64 = 2500;

/// Those who are typing in a room.
#[derive(Debug, Clone, Default)]
pub struct Typists(Vec<(Person, u64)>);

impl Typists {
    /// Someone is typing.
    pub fn heard(&mut self, now: u64, person: Person) {
        self.stopped(&person.id);
        self.0.push((person, now + LASTS));
    }

    /// Someone stopped: sent the message, or went.
    pub fn stopped(&mut self, id: &str) {
        self.0.retain(|(person, _)| person.id != id);
    }

    /// Forgets those who were not heard of for too long.
    pub fn expire(&mut self, now: u64) {
        self.0.retain(|(_, until)| *until > now);
    }

    /// Forgets everyone.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// When someone is to be forgotten.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.0.iter().map(|(_, until)| *until).min()
    }

    /// Names, in the order in which they began or went on.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(person, _)| person.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_ends_by_itself_and_by_a_message() {
        let [ayu, budi] = ["ayu", "budi"].map(|id| Person {
            id: id.to_owned(),
            name: id.to_owned(),
        });
        let mut typists = Typists::default();
        typists.heard(0, ayu);
        typists.heard(1000, budi.clone());
        typists.heard(2000, budi);
        assert_eq!(typists.due(), Some(5000));
        typists.expire(5000);
        assert_eq!(typists.names().collect::<Vec<_>>(), ["budi"]);
        typists.stopped("budi");
        assert_eq!(typists.due(), None);
    }
}
