//! People who are typing in a room; expires without further notices.

use crate::protocol::Person;

/// A person is typing for this long after a notice, in milliseconds.
pub const TYPING_TTL: u64 = 5000;

/// Shortest pause between two own notices, in milliseconds.
pub const TYPING_INTERVAL: u64 = 2500;

/// People who are typing in a room.
#[derive(Debug, Clone, Default)]
pub struct TypingUsers(Vec<(Person, u64)>);

impl TypingUsers {
    /// Someone is typing.
    pub fn insert(&mut self, now: u64, person: Person) {
        self.remove(&person.id);
        self.0.push((person, now + TYPING_TTL));
    }

    /// Removes a person who sent the message or left.
    pub fn remove(&mut self, id: &str) {
        self.0.retain(|(person, _)| person.id != id);
    }

    /// Removes people without a recent notice.
    pub fn expire(&mut self, now: u64) {
        self.0.retain(|(_, until)| *until > now);
    }

    /// Removes everyone.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// When the next person expires.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.0.iter().map(|(_, until)| *until).min()
    }

    /// Names, in the order of their last notices.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(person, _)| person.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_ends_after_ttl_or_message() {
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
