//! First in, first out, in two plain vectors: a fraction of the code that a ring buffer takes.

use std::vec;

/// Queue whose things leave in the order in which they came.
#[derive(Debug)]
pub(crate) struct Fifo<T> {
    /// What leaves next.
    leaving: vec::IntoIter<T>,
    /// What came since then.
    coming: Vec<T>,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Self {
            leaving: Vec::new().into_iter(),
            coming: Vec::new(),
        }
    }
}

impl<T> Fifo<T> {
    pub(crate) fn push(&mut self, thing: T) {
        self.coming.push(thing);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.first()?;
        self.leaving.next()
    }

    /// What leaves next.
    pub(crate) fn first(&mut self) -> Option<&T> {
        if self.leaving.as_slice().is_empty() {
            self.leaving = std::mem::take(&mut self.coming).into_iter();
        }
        self.leaving.as_slice().first()
    }

    pub(crate) fn len(&self) -> usize {
        self.leaving.len() + self.coming.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_leave_in_the_order_in_which_they_came() {
        let mut fifo = Fifo::default();
        assert_eq!(fifo.pop(), None);
        fifo.push(1);
        fifo.push(2);
        assert_eq!(fifo.pop(), Some(1));
        fifo.push(3);
        assert_eq!((fifo.len(), fifo.first()), (2, Some(&2)));
        assert_eq!([fifo.pop(), fifo.pop(), fifo.pop()], [Some(2), Some(3), None]);
        assert_eq!(fifo.len(), 0);
    }
}
