//! State of one room.

use super::timeline::Timeline;
use super::timeline_item::ChatMessage;
use super::typing::TypingUsers;
use crate::protocol::{Person, PresenceChange, Quote, Room, RoomKind};

/// State of one room.
#[derive(Debug, Clone)]
pub struct RoomState {
    /// Room as the server describes it.
    pub room: Room,
    /// Messages and notes.
    pub timeline: Timeline,
    /// Messages around an older one that the person wanted to see; shown in place of the timeline.
    pub excerpt: Option<Timeline>,
    /// Message to scroll to: its order number, and a number that changes with each wish.
    pub target: Option<(u64, u64)>,
    /// Message whose surroundings were requested, and the `before` of that request.
    pub jump: Option<(u64, u64)>,
    /// People in the room, ordered by id; of a crowd only some.
    pub people: Vec<Person>,
    /// How many people are in the room.
    pub people_count: u32,
    /// Who is typing.
    pub typing_users: TypingUsers,
    /// Whether the page has joined the room.
    pub membership: Membership,
    /// Messages after this order number are missing; they were requested.
    pub gap: Option<u64>,
    /// Whether older messages were requested.
    pub loading: bool,
    /// Highest order number that was read.
    pub read: u64,
    /// Messages that arrived while the end of the room was not on screen.
    pub unseen_count: u32,
    /// Key of the first unread row.
    pub unread_marker: Option<u64>,
    /// Draft of the composer.
    pub draft: String,
    /// Message that the draft replies to.
    pub reply_to: Option<Quote>,
    /// Key of an own message to reply to once the server has stored it.
    pub awaited_reply: Option<u64>,
}

/// Whether the page has joined a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Not joined; only listed.
    NotJoined,
    /// To be joined when connected.
    Pending,
    /// Join request sent.
    Joining,
    /// Joined: messages arrive.
    Joined,
}

impl RoomState {
    /// Room of the server's list, not joined.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self {
            room,
            timeline: Timeline::default(),
            excerpt: None,
            target: None,
            jump: None,
            people: Vec::new(),
            people_count: 0,
            typing_users: TypingUsers::default(),
            membership: Membership::NotJoined,
            gap: None,
            loading: false,
            read: 0,
            unseen_count: 0,
            unread_marker: None,
            draft: String::new(),
            reply_to: None,
            awaited_reply: None,
        }
    }

    /// Room of which only the id is known.
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

    /// Items that are shown.
    #[must_use]
    pub fn shown(&self) -> &Timeline {
        self.excerpt.as_ref().unwrap_or(&self.timeline)
    }

    /// Shows the newest messages again.
    pub fn close_excerpt(&mut self) {
        self.excerpt = None;
        self.target = None;
        self.jump = None;
    }

    /// Number of unread messages; 0 in a room that was never joined, unless it is a direct one.
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

    /// Marks all messages as read.
    pub fn mark_read(&mut self) {
        self.read = self.read.max(self.timeline.newest()).max(self.room.last_seq);
        self.unseen_count = 0;
    }

    /// Deletes the messages that match, also where they are quoted or shown as the newest one.
    pub fn delete(&mut self, matches: impl Fn(&ChatMessage) -> bool) {
        let mut deleted = self.timeline.delete(&matches);
        if let Some(excerpt) = &mut self.excerpt {
            deleted.extend(excerpt.delete(&matches));
            deleted.sort_unstable();
        }
        let is_deleted = |seq: u64| deleted.binary_search(&seq).is_ok();
        if self.reply_to.as_ref().is_some_and(|quote| is_deleted(quote.seq)) {
            self.reply_to = None;
        }
        if let Some(last) = &mut self.room.last
            && matches(&ChatMessage::from_message((**last).clone(), false))
        {
            last.delete();
        }
    }

    /// Takes over the server's description.
    pub fn update(&mut self, room: Room) {
        let seq = self.room.last_seq.max(room.last_seq);
        self.room = room;
        self.room.last_seq = seq;
    }

    /// Applies that a person joined, left or was renamed; returns the name before, when that changed anything.
    pub fn apply_presence(&mut self, person: &Person, change: PresenceChange) -> Option<String> {
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
                    known.clone_from(person);
                }
            }
            (PresenceChange::Came | PresenceChange::Renamed, Err(place)) => {
                self.people.insert(place, person.clone());
            }
        }
        self.count_people();
        if change == PresenceChange::Went {
            self.typing_users.remove(&person.id);
        }
        let is_news = match change {
            PresenceChange::Came => old_name.is_none(),
            PresenceChange::Went => old_name.is_some(),
            PresenceChange::Renamed => old_name.as_ref().is_some_and(|old| *old != person.name),
        };
        is_news.then(|| old_name.unwrap_or_default())
    }

    /// Replaces the people of the room.
    pub fn set_people(&mut self, mut people: Vec<Person>) {
        people.sort_by(|a, b| a.id.cmp(&b.id));
        people.dedup_by(|a, b| a.id == b.id);
        self.people = people;
        self.count_people();
    }

    /// Everyone is listed, until the server says that there are more.
    fn count_people(&mut self) {
        self.people_count = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
    }

    /// Place of a person among the people of the room, or where the person belongs.
    fn place_of(&self, id: &str) -> Result<usize, usize> {
        self.people.binary_search_by(|person| person.id.as_str().cmp(id))
    }

    /// Places the unread marker at the first unread message of someone else.
    pub fn place_unread_marker(&mut self) {
        self.unread_marker = None;
        // in a room that was never read everything is old, except what was written to this person
        if self.read == 0 && self.room.kind != RoomKind::Direct {
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
        for (person, change, old_name) in [
            (person("3", "Agus"), PresenceChange::Came, Some("")),
            (person("3", "Agus"), PresenceChange::Came, None),
            (person("1", "Citra"), PresenceChange::Renamed, Some("Ayu")),
            (person("2", "budi"), PresenceChange::Went, Some("budi")),
            (person("2", "budi"), PresenceChange::Went, None),
        ] {
            assert_eq!(room.apply_presence(&person, change).as_deref(), old_name);
        }
        let names: Vec<&str> = room.people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Citra", "Agus"]);
    }

    #[test]
    fn unread_of_room_never_joined_is_zero_unless_direct() {
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
