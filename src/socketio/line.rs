//! Things that stand in line under rising numbers, some with a deadline. Acks and the outbox are such lines.
//!
//! Numbers and deadlines are kept apart from the things, so that there is one [`Order`] for lines of all kinds.

use crate::socketio::Timestamp;
use crate::socketio::time::sooner;

/// Line in the order of the numbers; both ends are quick.
#[derive(Debug)]
pub(crate) struct Line<T> {
    order: Order,
    /// At the places of `order`; `None` where one has left.
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
        self.order.push(number, due);
        self.things.push(Some(thing));
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = self.order.find(number)?;
        self.things.get_mut(at)?.as_mut()
    }

    pub(crate) fn take(&mut self, number: u64) -> Option<T> {
        let at = self.order.find(number)?;
        self.take_at(at)
    }

    pub(crate) fn take_first(&mut self) -> Option<(u64, T)> {
        let (at, number) = self.order.first()?;
        self.take_at(at).map(|thing| (number, thing))
    }

    /// Takes the first whose deadline is the earliest, if that is over.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(u64, T)> {
        let (at, number) = self.order.first_due(now)?;
        self.take_at(at).map(|thing| (number, thing))
    }

    /// Earliest deadline.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.order.due
    }

    pub(crate) fn len(&self) -> usize {
        self.order.places.len() - self.order.left
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let both = self.order.places.iter().zip(&self.things);
        both.filter_map(|(place, thing)| Some((place.number, thing.as_ref()?)))
    }

    fn take_at(&mut self, at: usize) -> Option<T> {
        let thing = self.things.get_mut(at)?.take();
        if self.order.leave(at) {
            self.things.retain(Option::is_some);
        }
        thing
    }
}

/// Numbers in line, and when what stands there is due.
#[derive(Debug, Default)]
struct Order {
    places: Vec<Place>,
    /// How many of the places are empty.
    left: usize,
    /// All places before this one are empty.
    start: usize,
    /// Earliest deadline of them all.
    due: Option<Timestamp>,
}

#[derive(Debug)]
struct Place {
    number: u64,
    due: Option<Timestamp>,
    taken: bool,
}

impl Order {
    fn push(&mut self, number: u64, due: Option<Timestamp>) {
        self.due = sooner(self.due, due);
        self.places.push(Place {
            number,
            due,
            taken: true,
        });
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.places
            .binary_search_by_key(&number, |place| place.number)
            .ok()
    }

    fn first(&self) -> Option<(usize, u64)> {
        Some((self.start, self.places.get(self.start)?.number))
    }

    fn first_due(&self, now: Timestamp) -> Option<(usize, u64)> {
        if self.due? > now {
            return None;
        }
        let at = self.places.iter().position(|place| place.due == self.due)?;
        Some((at, self.places.get(at)?.number))
    }

    /// Empties a place; says whether all empty places are gone now, which they are when they are many.
    fn leave(&mut self, at: usize) -> bool {
        let Some(place) = self.places.get_mut(at) else {
            return false;
        };
        if !std::mem::take(&mut place.taken) {
            return false;
        }
        self.left += 1;
        let due = place.due.take();
        if due.is_some() && due == self.due {
            self.due = self.places.iter().fold(None, |due, place| sooner(due, place.due));
        }
        while self.places.get(self.start).is_some_and(|place| !place.taken) {
            self.start += 1;
        }
        let many = self.left * 2 > self.places.len();
        if many {
            self.places.retain(|place| place.taken);
            self.left = 0;
            self.start = 0;
        }
        many
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
        assert_eq!(line.iter().map(|(number, _)| number).last(), Some(200));
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
    }
}
