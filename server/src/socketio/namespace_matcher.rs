//! Namespaces that are made when a client asks for them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use pesan::socketio::value::Value;
use serde::Serialize;

use super::args::{Args, to_args};
use super::error::EmitError;
use super::handler::{ConnectHandler, Middleware};
use super::namespace::{Entrance, Namespace};

/// Which namespaces may be made: text in which `*` stands for any characters, or a function of name and `auth`.
pub trait Rule: Send + Sync + 'static {
    #[doc(hidden)]
    fn allows(&self, name: &str, auth: &Value) -> bool;

    /// Whether a name fits whoever asks; `None` where `auth` may decide.
    #[doc(hidden)]
    fn fits(&self, _: &str) -> Option<bool> {
        None
    }
}

impl Rule for &'static str {
    fn allows(&self, name: &str, _: &Value) -> bool {
        fits(self, name)
    }

    fn fits(&self, name: &str) -> Option<bool> {
        Some(fits(self, name))
    }
}

impl Rule for String {
    fn allows(&self, name: &str, _: &Value) -> bool {
        fits(self, name)
    }

    fn fits(&self, name: &str) -> Option<bool> {
        Some(fits(self, name))
    }
}

impl<F: Fn(&str, &Value) -> bool + Send + Sync + 'static> Rule for F {
    fn allows(&self, name: &str, auth: &Value) -> bool {
        self(name, auth)
    }
}

/// Whether `name` is `pattern` with something in the place of each `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut rest) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts = tail.split('*').collect::<Vec<_>>();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What [`Io::of_dynamic`](super::Io::of_dynamic) gives: handlers and middleware for all namespaces that fit a rule.
///
/// They count for every client that comes in after they were added, also where its namespace was made before, by
/// another client or by [`Io::of`](super::Io::of).
#[derive(Clone)]
pub struct Parent(Arc<Inner>);

struct Inner {
    rule: Box<dyn Rule>,
    entrance: Entrance,
    children: Mutex<Vec<Namespace>>,
}

impl fmt::Debug for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parent")
            .field("children", &self.children())
            .finish_non_exhaustive()
    }
}

impl Parent {
    pub(super) fn new(rule: impl Rule) -> Self {
        Self(Arc::new(Inner {
            rule: Box::new(rule),
            entrance: Entrance::default(),
            children: Mutex::default(),
        }))
    }

    pub(super) fn allows(&self, name: &str, auth: &Value) -> bool {
        self.0.rule.allows(name, auth)
    }

    /// Whether a name fits whoever asks; `None` where `auth` may decide.
    pub(super) fn fits(&self, name: &str) -> Option<bool> {
        self.0.rule.fits(name)
    }

    pub(super) fn entrance(&self) -> &Entrance {
        &self.0.entrance
    }

    /// Whether both are the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn adopt(&self, child: &Namespace) {
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        if !children.contains(child) {
            children.push(child.clone());
        }
    }

    pub(super) fn forget(&self, child: &Namespace) {
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|known| known != child);
    }

    /// Calls `handler` with each socket of its namespaces, before their own handlers.
    pub fn on_connection<M>(&self, handler: impl ConnectHandler<M>) {
        self.0.entrance.on_connection(handler);
    }

    /// Lets `middleware` decide who may come into its namespaces, before their own middleware.
    pub fn with_middleware<M>(&self, middleware: impl Middleware<M>) {
        self.0.entrance.with_middleware(middleware);
    }

    /// Official name of [`with_middleware`](Self::with_middleware), as far as Rust allows it.
    pub fn use_<M>(&self, middleware: impl Middleware<M>) {
        self.with_middleware(middleware);
    }

    /// Namespaces that were made.
    #[must_use]
    pub fn children(&self) -> Vec<Namespace> {
        self.0
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends an event to everyone in the namespaces that were made.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        let args = Args(to_args(&args)?);
        self.children()
            .iter()
            .try_for_each(|child| child.emit(event, &args))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(fits("/dynamic-*", "/dynamic-101"));
        assert!(fits("/a-*-b-*", "/a-1-b-2"));
        assert!(fits("*", "/anything"));
        assert!(!fits("/dynamic-*", "/static-101"));
        assert!(!fits("/a-*-b", "/a-1-c"));
        assert!(!fits("/exact", "/exact1"));
    }
}
