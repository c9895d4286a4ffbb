//! Closures that hear one kind of thing: statuses, lifecycle, frames, states of messages.

use super::shared::{Lock, MaybeSend, Shared};

/// Closure of the program.
pub(crate) trait Observe<T>: MaybeSend {
    fn observe(&mut self, thing: &T);
}

impl<T, F: FnMut(&T) + MaybeSend> Observe<T> for F {
    fn observe(&mut self, thing: &T) {
        self(thing);
    }
}

type Observer<T> = Shared<Lock<dyn Observe<T>>>;

/// Observers in the order in which they were added.
pub(crate) struct Observers<T>(Shared<Vec<(u64, Observer<T>)>>);

impl<T> Default for Observers<T> {
    fn default() -> Self {
        Self(Shared::default())
    }
}

impl<T> Clone for Observers<T> {
    fn clone(&self) -> Self {
        Self(Shared::clone(&self.0))
    }
}

impl<T> Observers<T> {
    /// Adds a closure under a number that the caller keeps unique.
    pub(crate) fn add(&mut self, id: u64, observer: impl FnMut(&T) + MaybeSend + 'static) {
        Shared::make_mut(&mut self.0).push((id, Shared::new(Lock::new(observer))));
    }

    /// Removes a closure, which the caller drops outside of any lock.
    pub(crate) fn remove(&mut self, id: u64) -> Option<Shared<Lock<dyn Observe<T>>>> {
        let place = self.0.iter().position(|(known, _)| *known == id)?;
        Some(Shared::make_mut(&mut self.0).remove(place).1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls them all; call it on a clone, without any lock.
    pub(crate) fn tell(&self, thing: &T) {
        for (_, observer) in self.0.iter() {
            super::tell::guarded(|| {
                if let Some(mut observer) = observer.try_lock() {
                    observer.observe(thing);
                }
            });
        }
    }
}
