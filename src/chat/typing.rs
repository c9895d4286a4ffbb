//! Who is typing in a room: volatile, and over when nothing more is heard.

use crate::protocol::Person;

/// Typing is over after this long without another sign, in milliseconds.
pub const TYPING_TTL: u64 = 5000;

/// Own typing is told at most this often, in milliseconds.
pub const TYPING_INTERVAL: u64 = 2500;

/// Those who are typing in a room.
#[derive(Debug, Clone, Default)]
pub struct TypingUsers(Vec<(Person, u64)>);

impl TypingUsers {
    /// Someone is typing.
    pub fn insert(&mut self, now: u64, person: Person) {
        self.remove(&person.id);
        self.0.push((person, now + TYPING_TTL));
    }

    /// Someone stopped: sent the message, or went.
    pub fn remove(&mut self, id: &str) {
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
        let mut typing_users = TypingUsers::default();
        typing_users.insert(0, ayu);
        typing_users.insert(1000, budi.clone());
        typing_users.insert(2000, budi);
        assert_eq!(typing_users.due(), Some(5000));
        typing_users.expire(5000);
        assert_eq!(typing_users.names().collect::<Vec<_>>(), ["budi"]);
        typing_users.remove("budi");
        assert_eq!(typing_users.due(), None);
    }
}
