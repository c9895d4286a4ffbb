//! Things that stand in line under rising numbers, some with a deadline. Acks and the outbox are such lines.
//!
//! Numbers, deadlines and places are kept apart from the things, so that there is one [`Order`] for lines of all kinds.

use crate::socketio::Timestamp;
use crate::socketio::proto::time::sooner;

/// Line in the order of the numbers; both ends are quick.
#[derive(Debug)]
pub(crate) struct Line<T> {
    order: Order,
    /// Where `order` says; `None` where one has left.
    things: Vec<Option<T>>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            order: Order::default(),
            things: Vec::new(),
        }
    }
}

impl<T> Line<T> {
    /// Adds a thing under a number above all before it.
    pub(crate) fn push(&mut self, number: u64, due: Option<Timestamp>, thing: T) {
        let at = self.order.push(number, due);
        match self.things.get_mut(at) {
            Some(free) => *free = Some(thing),
            None => self.things.push(Some(thing)),
        }
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let entry = self.order.find(number)?;
        self.things.get_mut(entry.at)?.as_mut()
    }

    pub(crate) fn first_mut(&mut self) -> Option<&mut T> {
        self.get_mut(self.order.first()?)
    }

    pub(crate) fn take(&mut self, number: u64) -> Option<T> {
        let at = self.order.leave(number)?;
        self.things.get_mut(at)?.take()
    }

    pub(crate) fn take_first(&mut self) -> Option<(u64, T)> {
        let number = self.order.first()?;
        Some((number, self.take(number)?))
    }

    /// Takes the first whose deadline is the earliest, if that is over.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(u64, T)> {
        let number = self.order.first_due(now)?;
        Some((number, self.take(number)?))
    }

    /// Earliest deadline.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.order.due
    }

    pub(crate) fn len(&self) -> usize {
        self.order.entries.len() - self.order.left
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let waiting = self.order.rest().iter().filter(|entry| entry.waits);
        waiting.filter_map(|entry| Some((entry.number, self.things.get(entry.at)?.as_ref()?)))
    }
}

/// Who stands in line, and where what they stand for is.
#[derive(Debug, Default)]
struct Order {
    /// In the order of the numbers.
    entries: Vec<Entry>,
    /// How many of the entries have left.
    left: usize,
    /// All entries before this one have left.
    start: usize,
    /// Places that nobody has.
    free: Vec<usize>,
    /// Earliest deadline of them all.
    due: Option<Timestamp>,
    /// Deadline of the last who came with one.
    last_due: Option<Timestamp>,
    /// Whether someone's deadline is before that of one before it. Mostly nobody's is, since all wait as long; then
    /// the first who has one has the earliest.
    mixed: bool,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    due: Option<Timestamp>,
    at: usize,
    waits: bool,
}

impl Order {
    /// Adds a number; says at which place its thing is to be.
    fn push(&mut self, number: u64, due: Option<Timestamp>) -> usize {
        self.due = sooner(self.due, due);
        if due.is_some() {
            self.mixed |= due < self.last_due;
            self.last_due = due;
        }
        // Places that are taken or free are as many as ever waited together.
        let at = self.free.pop().unwrap_or(self.entries.len() - self.left);
        self.entries.push(Entry {
            number,
            due,
            at,
            waits: true,
        });
        at
    }

    fn find(&mut self, number: u64) -> Option<&mut Entry> {
        let place = self.entries.binary_search_by_key(&number, |entry| entry.number);
        self.entries.get_mut(place.ok()?).filter(|entry| entry.waits)
    }

    fn first(&self) -> Option<u64> {
        Some(self.entries.get(self.start)?.number)
    }

    fn first_due(&self, now: Timestamp) -> Option<u64> {
        if self.due? > now {
            return None;
        }
        let entry = self.rest().iter().find(|entry| entry.due == self.due)?;
        Some(entry.number)
    }

    /// Entries from the first who waits on.
    fn rest(&self) -> &[Entry] {
        self.entries.get(self.start..).unwrap_or_default()
    }

    fn earliest(&self) -> Option<Timestamp> {
        let mut earliest = None;
        for entry in self.rest() {
            earliest = sooner(earliest, entry.due);
            if !self.mixed && earliest.is_some() {
                break;
            }
        }
        earliest
    }

    /// Removes a number; says at which place its thing was.
    fn leave(&mut self, number: u64) -> Option<usize> {
        let entry = self.find(number)?;
        entry.waits = false;
        let (at, due) = (entry.at, entry.due.take());
        self.free.push(at);
        self.left += 1;
        while self.entries.get(self.start).is_some_and(|entry| !entry.waits) {
            self.start += 1;
        }
        if self.left * 2 > self.entries.len() {
            self.entries.retain(|entry| entry.waits);
            self.left = 0;
            self.start = 0;
            if self.entries.is_empty() {
                self.last_due = None;
                self.mixed = false;
            }
        }
        if due.is_some() && due == self.due {
            self.due = self.earliest();
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn line(dues: &[(u64, Option<u64>)]) -> Line<u64> {
        let mut line = Line::default();
        for (number, due) in dues {
            line.push(*number, due.map(at), number * 10);
        }
        line
    }

    #[test]
    fn things_are_found_by_their_number_wherever_they_stand() {
        let mut line = line(&[(1, None), (4, None), (9, None)]);
        assert_eq!(line.get_mut(4), Some(&mut 40));
        assert_eq!(line.take(5), None);
        assert_eq!(line.take(4), Some(40));
        assert_eq!(line.take(4), None);
        assert_eq!(line.take_first(), Some((1, 10)));
        assert_eq!(line.len(), 1);
    }

    #[test]
    fn a_line_that_empties_anywhere_stays_in_order() {
        let dues: Vec<_> = (0..100).map(|number| (number, None)).collect();
        let mut line = line(&dues);
        for number in (0..100).filter(|number| number % 3 != 0) {
            assert_eq!(line.take(number), Some(number * 10));
        }
        assert_eq!((line.len(), line.take_first()), (34, Some((0, 0))));
        line.push(200, None, 2000);
        assert_eq!(line.iter().map(|(number, _)| number).next_back(), Some(200));
        let left: Vec<u64> = std::iter::from_fn(|| line.take_first().map(|(number, _)| number)).collect();
        assert_eq!((left.len(), left.first(), left.is_sorted()), (34, Some(&3), true));
        assert_eq!(line.take_first(), None);
    }

    #[test]
    fn the_earliest_deadline_is_always_known() {
        let mut line = line(&[
            (1, Some(30)),
            (2, None),
            (3, Some(10)),
            (4, Some(10)),
            (5, Some(20)),
        ]);
        assert_eq!(line.take_due(at(9)), None);
        assert_eq!(line.take_due(at(10)), Some((3, 30)));
        assert_eq!(line.due(), Some(at(10)));
        assert_eq!(line.take_due(at(99)), Some((4, 40)));
        assert_eq!(line.take(5), Some(50));
        assert_eq!(line.due(), Some(at(30)));
        assert_eq!(line.take_due(at(99)), Some((1, 10)));
        assert_eq!(line.due(), None);
        assert_eq!(line.take_due(at(99)), None);
        line.push(6, Some(at(50)), 60);
        line.push(7, Some(at(60)), 70);
        line.push(8, Some(at(60)), 80);
        assert_eq!(line.take(6), Some(60));
        assert_eq!(line.due(), Some(at(60)));
        line.push(9, Some(at(40)), 90);
        assert_eq!(line.take_due(at(60)), Some((9, 90)));
        assert_eq!(line.take_due(at(60)), Some((7, 70)));
        assert_eq!(line.due(), Some(at(60)));
    }
}
