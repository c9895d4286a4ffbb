//! One room as this page sees it.

use super::timeline::Timeline;
use super::typing::TypingUsers;
use crate::protocol::{Person, PresenceChange, Quote, Room, RoomKind};

/// One room as this page sees it.
#[derive(Debug, Clone)]
pub struct RoomState {
    /// What the server says about it.
    pub room: Room,
    /// Its lines.
    pub timeline: Timeline,
    /// People in the room, ordered by id.
    pub people: Vec<Person>,
    /// Who is typing.
    pub typing_users: TypingUsers,
    /// How far this page is in it.
    pub membership: Membership,
    /// Messages after this order number are missing among the lines, and asked for.
    pub gap: Option<u64>,
    /// Whether older lines were asked for.
    pub loading: bool,
    /// Highest order number that was read.
    pub read: u64,
    /// Messages that came while nobody looked.
    pub unseen_count: u32,
    /// Key of the first line that came while nobody looked.
    pub unread_marker: Option<u64>,
    /// Text that was begun and not sent.
    pub draft: String,
    /// Message that the begun text answers.
    pub reply_to: Option<Quote>,
}

/// How far this page is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Seen in the list alone.
    NotJoined,
    /// Wants in; asked for when there is a connection.
    Pending,
    /// Asked for.
    Joining,
    /// Inside: its messages arrive.
    Joined,
}

impl RoomState {
    /// Room that the list has and that nobody entered yet.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self {
            room,
            timeline: Timeline::default(),
            people: Vec::new(),
            typing_users: TypingUsers::default(),
            membership: Membership::NotJoined,
            gap: None,
            loading: false,
            read: 0,
            unseen_count: 0,
            unread_marker: None,
            draft: String::new(),
            reply_to: None,
        }
    }

    /// Room that only its id is known of.
    #[must_use]
    pub fn unknown(id: &str, kind: RoomKind) -> Self {
        Self::new(Room {
            id: id.to_owned(),
            name: id.to_owned(),
            kind,
            with: None,
            last_seq: 0,
            last: None,
        })
    }

    /// Messages that were not read; none in a room that was never entered, unless it is a direct one.
    #[must_use]
    pub fn unread(&self) -> u64 {
        let counts = self.membership != Membership::NotJoined || self.room.kind == RoomKind::Direct;
        let missed = self
            .room
            .last_seq
            .max(self.timeline.newest())
            .saturating_sub(self.read);
        if !counts || self.room.last_seq == 0 {
            u64::from(self.unseen_count)
        } else {
            missed
        }
    }

    /// All that is there has been seen.
    pub fn mark_read(&mut self) {
        self.read = self.read.max(self.timeline.newest()).max(self.room.last_seq);
        self.unseen_count = 0;
    }

    /// Takes what the server says about the room.
    pub fn update(&mut self, room: Room) {
        let seq = self.room.last_seq.max(room.last_seq);
        self.room = room;
        self.room.last_seq = seq;
    }

    /// Takes who came, went or has another name; returns whether it was news.
    pub fn apply_presence(&mut self, key: u64, at: u64, person: Person, change: PresenceChange) -> bool {
        let place = self.place_of(&person.id);
        let old_name = place
            .ok()
            .and_then(|place| self.people.get(place))
            .map(|known| known.name.clone());
        match (change, place) {
            (PresenceChange::Went, Ok(place)) => drop(self.people.remove(place)),
            (PresenceChange::Went, Err(_)) => {}
            (PresenceChange::Came | PresenceChange::Renamed, Ok(place)) => {
                if let Some(known) = self.people.get_mut(place) {
                    known.clone_from(&person);
                }
            }
            (PresenceChange::Came | PresenceChange::Renamed, Err(place)) => {
                self.people.insert(place, person.clone());
            }
        }
        if change == PresenceChange::Went {
            self.typing_users.remove(&person.id);
        }
        let is_news = match change {
            PresenceChange::Came => old_name.is_none(),
            PresenceChange::Went => old_name.is_some(),
            PresenceChange::Renamed => old_name.as_ref().is_some_and(|old| *old != person.name),
        };
        if is_news {
            self.timeline
                .push_membership(key, at, person, change, old_name.unwrap_or_default());
        }
        is_news
    }

    /// Replaces the people of the room.
    pub fn set_people(&mut self, mut people: Vec<Person>) {
        people.sort_by(|a, b| a.id.cmp(&b.id));
        people.dedup_by(|a, b| a.id == b.id);
        self.people = people;
    }

    /// Place of a person among the people of the room, or where the person belongs.
    fn place_of(&self, id: &str) -> Result<usize, usize> {
        self.people.binary_search_by(|person| person.id.as_str().cmp(id))
    }

    /// Marks the first line after those that were read, if there are such lines.
    pub fn place_unread_marker(&mut self) {
        self.unread_marker = None;
        if self.read == 0 {
            return;
        }
        for item in self.timeline.items().iter().rev() {
            let unread = item.seq().is_none_or(|seq| seq > self.read);
            if !unread {
                break;
            }
            if item
                .message()
                .is_some_and(|message| !message.mine && message.seq.is_some())
            {
                self.unread_marker = Some(item.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, name: &str) -> Person {
        Person {
            id: id.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn apply_presence_reports_each_change_once() {
        let mut room = RoomState::unknown("r", RoomKind::Open);
        room.set_people(vec![person("2", "budi"), person("1", "Ayu"), person("2", "budi")]);
        assert!(room.apply_presence(1, 0, person("3", "Agus"), PresenceChange::Came));
        assert!(
            !room.apply_presence(2, 0, person("3", "Agus"), PresenceChange::Came),
            "is there already"
        );
        assert!(room.apply_presence(3, 0, person("1", "Citra"), PresenceChange::Renamed));
        assert!(room.apply_presence(4, 0, person("2", "budi"), PresenceChange::Went));
        assert!(
            !room.apply_presence(5, 0, person("2", "budi"), PresenceChange::Went),
            "has gone already"
        );
        let names: Vec<&str> = room.people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Citra", "Agus"]);
        assert_eq!(room.timeline.items().len(), 3);
    }

    #[test]
    fn rooms_that_were_never_entered_count_nothing_unless_direct() {
        let mut room = RoomState::unknown("r", RoomKind::Open);
        room.room.last_seq = 40;
        assert_eq!(room.unread(), 0);
        room.membership = Membership::Joined;
        room.read = 38;
        assert_eq!(room.unread(), 2);
        room.mark_read();
        assert_eq!(room.unread(), 0);
        let mut direct = RoomState::unknown("d", RoomKind::Direct);
        direct.room.last_seq = 3;
        assert_eq!(direct.unread(), 3);
    }
}
