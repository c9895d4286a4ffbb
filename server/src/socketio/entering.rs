//! A client on its way into a namespace: one that was made from a pattern stays meanwhile.

use std::sync::atomic::Ordering;

use super::namespace::Namespace;

/// Keeps a namespace for a client, from when it was found until the client is in or refused.
pub(super) struct Entering(Namespace);

impl Entering {
    /// Called with the lock on the list of namespaces, so that this one is not taken off it in between.
    pub(super) fn new(namespace: &Namespace) -> Self {
        namespace.entering().fetch_add(1, Ordering::AcqRel);
        Self(namespace.clone())
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.0
    }
}

impl Drop for Entering {
    fn drop(&mut self) {
        self.0.entering().fetch_sub(1, Ordering::AcqRel);
        self.0.go_if_unused();
    }
}
