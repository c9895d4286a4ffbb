//! Queue keyed by increasing id; entries may have a deadline. Pending acks and the send buffer are such queues.
//!
//! Keys and deadlines are stored apart from the values, so that [`Order`] is compiled once for all value types.

use super::time::{Timestamp, earliest};

/// Values in the order of their keys, with fast access to both ends.
#[derive(Debug)]
pub(crate) struct DeadlineQueue<T> {
    order: Order,
    /// Indexed by [`Entry::slot`]; `None` in free slots.
    slots: Vec<Option<T>>,
}

impl<T> Default for DeadlineQueue<T> {
    fn default() -> Self {
        Self {
            order: Order::default(),
            slots: Vec::new(),
        }
    }
}

impl<T> DeadlineQueue<T> {
    /// Adds a value under a key that is greater than all previous ones.
    pub(crate) fn push(&mut self, key: u64, due: Option<Timestamp>, value: T) {
        let slot = self.order.push(key, due);
        match self.slots.get_mut(slot) {
            Some(free) => *free = Some(value),
            None => self.slots.push(Some(value)),
        }
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let entry = self.order.find(key)?;
        self.slots.get_mut(entry.slot)?.as_mut()
    }

    pub(crate) fn first_mut(&mut self) -> Option<&mut T> {
        self.get_mut(self.order.first()?)
    }

    pub(crate) fn take(&mut self, key: u64) -> Option<T> {
        let slot = self.order.remove(key)?;
        self.slots.get_mut(slot)?.take()
    }

    pub(crate) fn take_first(&mut self) -> Option<(u64, T)> {
        let key = self.order.first()?;
        Some((key, self.take(key)?))
    }

    /// Removes the first entry with the earliest deadline, if that has passed.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<(u64, T)> {
        let key = self.order.first_due(now)?;
        Some((key, self.take(key)?))
    }

    /// Earliest deadline.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.order.due
    }

    pub(crate) fn len(&self) -> usize {
        self.order.entries.len() - self.order.removed
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &T)> {
        let present = self.order.remaining().iter().filter(|entry| entry.is_present);
        present.filter_map(|entry| Some((entry.key, self.slots.get(entry.slot)?.as_ref()?)))
    }
}

/// Keys and deadlines, and the slot of each value.
#[derive(Debug, Default)]
struct Order {
    /// In the order of the keys.
    entries: Vec<Entry>,
    /// Number of removed entries that are still in `entries`.
    removed: usize,
    /// Index of the first entry that is present; all before it are removed.
    start: usize,
    free_slots: Vec<usize>,
    /// Earliest deadline.
    due: Option<Timestamp>,
    /// Deadline of the last entry that was added with one.
    last_due: Option<Timestamp>,
    /// Whether any deadline is earlier than that of an entry before it. Usually none is, since all entries have the
    /// same time limit; then the first entry with a deadline has the earliest one.
    mixed: bool,
}

#[derive(Debug)]
struct Entry {
    key: u64,
    due: Option<Timestamp>,
    slot: usize,
    is_present: bool,
}

impl Order {
    /// Adds a key; returns the slot for its value.
    fn push(&mut self, key: u64, due: Option<Timestamp>) -> usize {
        self.due = earliest(self.due, due);
        if due.is_some() {
            self.mixed |= due < self.last_due;
            self.last_due = due;
        }
        // Without a free slot, all slots are in use: there are as many as entries that are present.
        let slot = self.free_slots.pop().unwrap_or(self.entries.len() - self.removed);
        self.entries.push(Entry {
            key,
            due,
            slot,
            is_present: true,
        });
        slot
    }

    fn find(&mut self, key: u64) -> Option<&mut Entry> {
        let index = self.entries.binary_search_by_key(&key, |entry| entry.key);
        self.entries.get_mut(index.ok()?).filter(|entry| entry.is_present)
    }

    fn first(&self) -> Option<u64> {
        Some(self.entries.get(self.start)?.key)
    }

    fn first_due(&self, now: Timestamp) -> Option<u64> {
        if self.due? > now {
            return None;
        }
        let entry = self.remaining().iter().find(|entry| entry.due == self.due)?;
        Some(entry.key)
    }

    /// Entries from the first one that is present.
    fn remaining(&self) -> &[Entry] {
        self.entries.get(self.start..).unwrap_or_default()
    }

    fn earliest_due(&self) -> Option<Timestamp> {
        let mut due = None;
        for entry in self.remaining() {
            due = earliest(due, entry.due);
            if !self.mixed && due.is_some() {
                break;
            }
        }
        due
    }

    /// Removes a key; returns the slot of its value.
    fn remove(&mut self, key: u64) -> Option<usize> {
        let entry = self.find(key)?;
        entry.is_present = false;
        let (slot, due) = (entry.slot, entry.due.take());
        self.free_slots.push(slot);
        self.removed += 1;
        while self
            .entries
            .get(self.start)
            .is_some_and(|entry| !entry.is_present)
        {
            self.start += 1;
        }
        if self.removed * 2 > self.entries.len() {
            self.entries.retain(|entry| entry.is_present);
            self.removed = 0;
            self.start = 0;
            if self.entries.is_empty() {
                self.last_due = None;
                self.mixed = false;
            }
        }
        if due.is_some() && due == self.due {
            self.due = self.earliest_due();
        }
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn queue(dues: &[(u64, Option<u64>)]) -> DeadlineQueue<u64> {
        let mut queue = DeadlineQueue::default();
        for (key, due) in dues {
            queue.push(*key, due.map(at), key * 10);
        }
        queue
    }

    #[test]
    fn queue_value_anywhere_is_found_by_key() {
        let mut queue = queue(&[(1, None), (4, None), (9, None)]);
        assert_eq!(queue.get_mut(4), Some(&mut 40));
        assert_eq!(queue.take(5), None);
        assert_eq!(queue.take(4), Some(40));
        assert_eq!(queue.take(4), None);
        assert_eq!(queue.take_first(), Some((1, 10)));
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn queue_after_random_removals_stays_in_order() {
        let dues: Vec<_> = (0..100).map(|key| (key, None)).collect();
        let mut queue = queue(&dues);
        for key in (0..100).filter(|key| key % 3 != 0) {
            assert_eq!(queue.take(key), Some(key * 10));
        }
        assert_eq!((queue.len(), queue.take_first()), (34, Some((0, 0))));
        queue.push(200, None, 2000);
        assert_eq!(queue.iter().map(|(key, _)| key).next_back(), Some(200));
        let remaining: Vec<u64> = std::iter::from_fn(|| queue.take_first().map(|(key, _)| key)).collect();
        assert_eq!(
            (remaining.len(), remaining.first(), remaining.is_sorted()),
            (34, Some(&3), true)
        );
        assert_eq!(queue.take_first(), None);
    }

    #[test]
    fn queue_due_is_the_earliest_deadline() {
        let mut queue = queue(&[
            (1, Some(30)),
            (2, None),
            (3, Some(10)),
            (4, Some(10)),
            (5, Some(20)),
        ]);
        assert_eq!(queue.take_due(at(9)), None);
        assert_eq!(queue.take_due(at(10)), Some((3, 30)));
        assert_eq!(queue.due(), Some(at(10)));
        assert_eq!(queue.take_due(at(99)), Some((4, 40)));
        assert_eq!(queue.take(5), Some(50));
        assert_eq!(queue.due(), Some(at(30)));
        assert_eq!(queue.take_due(at(99)), Some((1, 10)));
        assert_eq!(queue.due(), None);
        assert_eq!(queue.take_due(at(99)), None);
        queue.push(6, Some(at(50)), 60);
        queue.push(7, Some(at(60)), 70);
        queue.push(8, Some(at(60)), 80);
        assert_eq!(queue.take(6), Some(60));
        assert_eq!(queue.due(), Some(at(60)));
        queue.push(9, Some(at(40)), 90);
        assert_eq!(queue.take_due(at(60)), Some((9, 90)));
        assert_eq!(queue.take_due(at(60)), Some((7, 70)));
        assert_eq!(queue.due(), Some(at(60)));
    }
}
