//! One room as this page sees it.

use super::letters::by_name;
use super::timeline::Timeline;
use super::typing::Typists;
use crate::messages::{Change, Person, Quote, Room, RoomKind};

/// One room as this page sees it.
#[derive(Debug, Clone)]
pub struct RoomState {
    /// What the server says about it.
    pub room: Room,
    /// Its lines.
    pub timeline: Timeline,
    /// Who is there, by name.
    pub people: Vec<Person>,
    /// Who is typing.
    pub typists: Typists,
    /// How far this page is in it.
    pub membership: Membership,
    /// Messages after this order number are missing among the lines, and asked for.
    pub gap: Option<u64>,
    /// Whether older lines were asked for.
    pub loading: bool,
    /// Highest order number that was read.
    pub read: u64,
    /// Messages that came while nobody looked.
    pub fresh: u32,
    /// Key of the first line that came while nobody looked.
    pub divider: Option<u64>,
    /// Text that was begun and not sent.
    pub draft: String,
    /// Message that the begun text answers.
    pub answering: Option<Quote>,
}

/// How far this page is in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// Seen in the list alone.
    Outside,
    /// Wants in; asked for when there is a connection.
    Wanted,
    /// Asked for.
    Asked,
    /// Inside: its messages arrive.
    Inside,
}

impl RoomState {
    /// Room that the list has and that nobody entered yet.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self {
            room,
            timeline: Timeline::default(),
            people: Vec::new(),
            typists: Typists::default(),
            membership: Membership::Outside,
            gap: None,
            loading: false,
            read: 0,
            fresh: 0,
            divider: None,
            draft: String::new(),
            answering: None,
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
        let counts = self.membership != Membership::Outside || self.room.kind == RoomKind::Direct;
        let missed = self
            .room
            .last_seq
            .max(self.timeline.newest())
            .saturating_sub(self.read);
        if !counts || self.room.last_seq == 0 {
            u64::from(self.fresh)
        } else {
            missed
        }
    }

    /// All that is there has been seen.
    pub fn seen(&mut self) {
        self.read = self.read.max(self.timeline.newest()).max(self.room.last_seq);
        self.fresh = 0;
    }

    /// Takes what the server says about the room.
    pub fn update(&mut self, room: Room) {
        let seq = self.room.last_seq.max(room.last_seq);
        self.room = room;
        self.room.last_seq = seq;
    }

    /// Takes who came, went or has another name; returns whether it was news.
    pub fn moved(&mut self, key: u64, at: u64, person: Person, change: Change) -> bool {
        let known = self.people.iter().position(|other| other.id == person.id);
        let before = known
            .and_then(|place| self.people.get(place))
            .map(|other| other.name.clone());
        if let Some(place) = known {
            self.people.remove(place);
        }
        if change == Change::Went {
            self.typists.stopped(&person.id);
        } else {
            self.add_person(person.clone());
        }
        let news = match change {
            Change::Came => known.is_none(),
            Change::Went => known.is_some(),
            Change::Renamed => before.as_ref().is_some_and(|before| *before != person.name),
        };
        if news {
            self.timeline
                .push_move(key, at, person, change, before.unwrap_or_default());
        }
        news
    }

    /// Takes who is there.
    pub fn set_people(&mut self, people: Vec<Person>) {
        self.people.clear();
        for person in people {
            self.add_person(person);
        }
    }

    /// Adds someone at the name's place, once.
    fn add_person(&mut self, person: Person) {
        let order =
            |other: &Person| by_name(&other.name, &person.name).then_with(|| other.id.cmp(&person.id));
        if let Err(place) = self.people.binary_search_by(order) {
            self.people.insert(place, person);
        }
    }

    /// Marks the first line after those that were read, if there are such lines.
    pub fn divide(&mut self) {
        self.divider = None;
        if self.read == 0 {
            return;
        }
        for entry in self.timeline.entries().iter().rev() {
            let unread = entry.seq().is_none_or(|seq| seq > self.read);
            if !unread {
                break;
            }
            if entry.said().is_some_and(|said| !said.mine && said.seq.is_some()) {
                self.divider = Some(entry.key);
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
    fn people_stay_sorted_by_name_and_move_once() {
        let mut room = RoomState::unknown("r", RoomKind::Open);
        room.set_people(vec![person("2", "budi"), person("1", "Ayu"), person("2", "budi")]);
        assert!(room.moved(1, 0, person("3", "Agus"), Change::Came));
        assert!(
            !room.moved(2, 0, person("3", "Agus"), Change::Came),
            "is there already"
        );
        assert!(room.moved(3, 0, person("1", "Citra"), Change::Renamed));
        assert!(room.moved(4, 0, person("2", "budi"), Change::Went));
        assert!(
            !room.moved(5, 0, person("2", "budi"), Change::Went),
            "has gone already"
        );
        let names: Vec<&str> = room.people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Agus", "Citra"]);
        assert_eq!(room.timeline.entries().len(), 3);
    }

    #[test]
    fn rooms_that_were_never_entered_count_nothing_unless_direct() {
        let mut room = RoomState::unknown("r", RoomKind::Open);
        room.room.last_seq = 40;
        assert_eq!(room.unread(), 0);
        room.membership = Membership::Inside;
        room.read = 38;
        assert_eq!(room.unread(), 2);
        room.seen();
        assert_eq!(room.unread(), 0);
        let mut direct = RoomState::unknown("d", RoomKind::Direct);
        direct.room.last_seq = 3;
        assert_eq!(direct.unread(), 3);
    }
}
