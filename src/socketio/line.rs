//! Things that stand in line under rising numbers, some with a deadline. Acks and the outbox are such lines.

use std::collections::VecDeque;

use crate::socketio::Timestamp;

/// Line in the order of the numbers; both ends are quick.
#[derive(Debug)]
pub(crate) struct Line<T> {
    places: VecDeque<Place<T>>,
    /// Earliest deadline of them all.
    due: Option<Timestamp>,
}

#[derive(Debug)]
struct Place<T> {
    number: u64,
    due: Option<Timestamp>,
    thing: T,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            places: VecDeque::new(),
            due: None,
        }
    }
}

impl<T> Line<T> {
    /// Adds a thing under a number above all before it.
    pub(crate) fn push(&mut self, number: u64, due: Option<Timestamp>, thing: T) {
        self.due = [self.due, due].into_iter().flatten().min();
        self.places.push_back(Place { number, due, thing });
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let at = self.find(number)?;
        self.places.get_mut(at).map(|place| &mut place.thing)
    }

    pub(crate) fn take(&mut self, number: u64) -> Option<T> {
        self.take_at(self.find(number)?).map(|(_, thing)| thing)
    }

    pub(crate) fn take_first(&mut self) -> Option<(u64, T)> {
        self.take_at(0)
    }

    /// Takes the first whose deadline is the earliest, if that is over.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(u64, T)> {
        if self.due? > now {
            return None;
        }
        let at = self.places.iter().position(|place| place.due == self.due)?;
        self.take_at(at)
    }

    /// Earliest deadline.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        self.places.iter().map(|place| (place.number, &place.thing))
    }

    fn find(&self, number: u64) -> Option<usize> {
        self.places
            .binary_search_by_key(&number, |place| place.number)
            .ok()
    }

    fn take_at(&mut self, at: usize) -> Option<(u64, T)> {
        let place = self.places.remove(at)?;
        if place.due.is_some() && place.due == self.due {
            self.due = self.places.iter().filter_map(|place| place.due).min();
        }
        Some((place.number, place.thing))
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
