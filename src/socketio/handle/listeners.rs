//! Who listens to what, in one namespace.
//!
//! Listeners are found under the client's lock and called after it is released, so that they may emit, listen and
//! remove as they like. A list is copied only when it changes while somebody walks through it.

use std::collections::BTreeMap;

use super::args::{Args, ArgsError, Handler};
use super::message::Message;
use super::shared::{Lock, MaybeSend, Shared};

/// Closure of the program, its parameters forgotten.
trait Call: MaybeSend {
    fn call(&mut self, message: Message) -> Result<(), (String, ArgsError)>;
}

/// Closure and its parameters. The parameters are only a mark, and cross threads whatever they are.
struct Typed<H, P>(H, std::marker::PhantomData<fn(P)>);

impl<P, H: Handler<P>> Call for Typed<H, P> {
    fn call(&mut self, message: Message) -> Result<(), (String, ArgsError)> {
        let mut args = Args::new(message);
        self.0
            .handle(&mut args)
            .map_err(|error| (args.into_name(), error))
    }
}

/// One closure that listens, shared with whoever is just calling it.
#[derive(Clone)]
pub(crate) struct Listener(Shared<Lock<dyn Call>>);

impl Listener {
    pub(crate) fn new<P: 'static, H: Handler<P>>(handler: H) -> Self {
        Self(Shared::new(Lock::new(Typed(handler, std::marker::PhantomData))))
    }

    /// Calls the closure. Events are told one at a time, so it is never called while it runs.
    ///
    /// # Errors
    /// Name of the event, and the argument that does not fit.
    pub(crate) fn call(&self, message: Message) -> Result<(), (String, ArgsError)> {
        match self.0.try_lock() {
            Some(mut listener) => listener.call(message),
            None => Ok(()),
        }
    }
}

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    /// Events of this name.
    Named(&'a str),
    /// Every event that comes in.
    Any,
    /// Every event that goes out.
    AnyOutgoing,
}

#[derive(Clone)]
struct Entry {
    id: u64,
    once: bool,
    listener: Listener,
}

/// Entries in the order in which they were added; shared with a walk under way.
type List = Shared<Vec<Entry>>;

/// All listeners of a namespace.
#[derive(Default)]
pub(crate) struct Listeners {
    named: BTreeMap<String, List>,
    any: List,
    any_outgoing: List,
    last_id: u64,
}

impl Listeners {
    /// Adds a listener and gives it a number.
    pub(crate) fn add(&mut self, heard: Heard<'_>, once: bool, listener: Listener) -> u64 {
        self.last_id += 1;
        let entry = Entry {
            id: self.last_id,
            once,
            listener,
        };
        let list = match heard {
            Heard::Named(name) => self.named.entry(name.to_owned()).or_default(),
            Heard::Any => &mut self.any,
            Heard::AnyOutgoing => &mut self.any_outgoing,
        };
        Shared::make_mut(list).push(entry);
        self.last_id
    }

    /// Removes one listener by its number. What it captured is the caller's to drop, outside of any lock.
    pub(crate) fn remove(&mut self, heard: Heard<'_>, id: u64) -> Option<Listener> {
        let list = self.list(heard)?;
        let place = list.iter().position(|entry| entry.id == id)?;
        let removed = Shared::make_mut(list).remove(place);
        self.forget_if_empty(heard);
        Some(removed.listener)
    }

    /// Removes all listeners of one kind.
    pub(crate) fn clear(&mut self, heard: Heard<'_>) -> Called {
        let removed = self.list(heard).map(std::mem::take);
        self.forget_if_empty(heard);
        removed.map(Called).unwrap_or_default()
    }

    /// Those to call now. Whoever listened once is removed.
    pub(crate) fn called(&mut self, heard: Heard<'_>) -> Called {
        let Some(list) = self.list(heard) else {
            return Called(List::default());
        };
        let called = Called(Shared::clone(list));
        if called.0.iter().any(|entry| entry.once) {
            Shared::make_mut(list).retain(|entry| !entry.once);
            self.forget_if_empty(heard);
        }
        called
    }

    fn list(&mut self, heard: Heard<'_>) -> Option<&mut List> {
        match heard {
            Heard::Named(name) => self.named.get_mut(name),
            Heard::Any => Some(&mut self.any),
            Heard::AnyOutgoing => Some(&mut self.any_outgoing),
        }
    }

    fn forget_if_empty(&mut self, heard: Heard<'_>) {
        if let Heard::Named(name) = heard
            && self.named.get(name).is_some_and(|list| list.is_empty())
        {
            self.named.remove(name);
        }
    }
}

/// Listeners as they were when an event came.
#[derive(Clone, Default)]
pub(crate) struct Called(List);

impl Called {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Listener> {
        self.0.iter().map(|entry| &entry.listener)
    }
}

#[cfg(test)]
mod tests {
    use super::super::shared::{Lock, Shared};
    use super::*;
    use crate::socketio::Value;

    fn message(args: Vec<Value>) -> Message {
        Message {
            name: "a".to_owned(),
            args,
            responder: None,
        }
    }

    fn deliver(listeners: &mut Listeners, args: &[Value]) {
        for listener in listeners.called(Heard::Named("a")).iter() {
            listener.call(message(args.to_vec())).expect("the arguments fit");
        }
    }

    fn log() -> (Shared<Lock<Vec<String>>>, impl Fn(&str) -> Listener) {
        let log = Shared::new(Lock::new(Vec::new()));
        let written = Shared::clone(&log);
        let listener = move |name: &str| {
            let (log, name) = (Shared::clone(&written), name.to_owned());
            Listener::new(move |arg: Option<String>| log.lock().push(name.clone() + &arg.unwrap_or_default()))
        };
        (log, listener)
    }

    #[test]
    fn listeners_are_called_in_the_order_in_which_they_were_added() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        listeners.add(Heard::Named("a"), false, listener("1"));
        listeners.add(Heard::Named("a"), false, listener("2"));
        listeners.add(Heard::Named("b"), false, listener("3"));
        deliver(&mut listeners, &[Value::from("x")]);
        assert_eq!(*log.lock(), ["1x", "2x"]);
    }

    #[test]
    fn once_means_once() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        listeners.add(Heard::Named("a"), true, listener("1"));
        deliver(&mut listeners, &[]);
        deliver(&mut listeners, &[]);
        assert_eq!(*log.lock(), ["1"]);
        assert!(listeners.called(Heard::Named("a")).is_empty());
    }

    #[test]
    fn a_walk_under_way_keeps_its_listeners() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        let id = listeners.add(Heard::Named("a"), false, listener("1"));
        let called = listeners.called(Heard::Named("a"));
        listeners.remove(Heard::Named("a"), id);
        assert_eq!(called.iter().len(), 1);
        deliver(&mut listeners, &[]);
        assert!(log.lock().is_empty());
    }

    #[test]
    fn an_argument_that_does_not_fit_is_told_and_not_passed() {
        let listener = Listener::new(|_: String, _: u8| unreachable!("the second argument is no number"));
        let (event, error) = listener
            .call(message(vec!["x".into(), "y".into()]))
            .expect_err("does not fit");
        assert_eq!((event.as_str(), error.index), ("a", 1));
    }
}
