//! Who listens to what on a connection.
//!
//! Listeners are found under the client's lock and called after it is released, so that they may emit, listen and
//! remove as they like. All kinds stand in one list, which knows a closure only as [`Hear`].

use super::args::{Args, ArgsError, Handler};
use super::dispatch::Seen;
use super::events::Lifecycle;
use super::message::Message;
use super::namespace::EmitChange;
use super::status::Status;
use crate::socketio::sync::{Lock, MaybeSend, Name, Shared};

/// One thing that a listener can hear.
pub(super) enum Thing {
    Message(Message),
    Lifecycle(Lifecycle),
    Status(Status),
    Emit(EmitChange),
    Frame(Seen),
}

/// Name of an event, and the argument that does not fit.
pub(super) type Unreadable = (String, ArgsError);

/// Closure of the program, its parameters forgotten.
pub(super) trait Hear: MaybeSend {
    /// Calls the closure, which may take what it hears.
    fn hear(&mut self, thing: &mut Thing) -> Result<(), Unreadable>;
}

impl<F: FnMut(&mut Thing) -> Result<(), Unreadable> + MaybeSend> Hear for F {
    fn hear(&mut self, thing: &mut Thing) -> Result<(), Unreadable> {
        self(thing)
    }
}

/// Closure with parameters, as one that hears messages.
pub(super) fn reader<P: 'static, H: Handler<P>>(mut handler: H) -> Box<dyn Hear> {
    Box::new(move |thing: &mut Thing| {
        let Thing::Message(message) = thing else {
            return Ok(());
        };
        let mut args = Args::new(std::mem::take(message));
        handler
            .handle(&mut args)
            .map_err(|error| (args.into_name(), error))
    })
}

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Events of one name.
    Named,
    /// Every event that comes in.
    Any,
    /// Every event that goes out.
    AnyOutgoing,
    Lifecycle,
    Status,
    Emits,
    Frames,
}

/// One closure that listens, shared with whoever is just calling it.
pub(super) struct Listener {
    id: u64,
    pub(super) namespace: Name,
    pub(super) kind: Kind,
    /// Name of the events; empty for the other kinds.
    name: String,
    once: bool,
    hear: Lock<Box<dyn Hear>>,
}

impl Listener {
    /// Calls the closure. Things are told one at a time, so it is never called while it runs.
    ///
    /// # Errors
    /// When it cannot read the event.
    pub(super) fn hear(&self, thing: &mut Thing) -> Result<(), Unreadable> {
        match self.hear.try_lock() {
            Some(mut hear) => hear.hear(thing),
            None => Ok(()),
        }
    }

    fn hears(&self, namespace: &str, kind: Kind, name: &str) -> bool {
        self.kind == kind && *self.namespace == *namespace && self.name == name
    }
}

/// Listeners that are called, or dropped, without the lock.
pub(super) type Called = Vec<Shared<Listener>>;

/// All listeners of a connection, in the order in which they were added.
#[derive(Default)]
pub(super) struct Listeners {
    all: Called,
    last_id: u64,
}

impl Listeners {
    /// Adds a listener and gives it a number.
    pub(super) fn add(
        &mut self,
        namespace: &Name,
        kind: Kind,
        name: &str,
        once: bool,
        hear: Box<dyn Hear>,
    ) -> u64 {
        self.last_id += 1;
        self.all.push(Shared::new(Listener {
            id: self.last_id,
            namespace: Shared::clone(namespace),
            kind,
            name: name.to_owned(),
            once,
            hear: Lock::new(hear),
        }));
        self.last_id
    }

    /// Removes one listener by its number. What it captured is the caller's to drop, outside of any lock.
    pub(super) fn remove(&mut self, id: u64) -> Option<Shared<Listener>> {
        let place = self.all.iter().position(|listener| listener.id == id)?;
        Some(self.all.remove(place))
    }

    /// Removes all listeners to one name.
    pub(super) fn clear(&mut self, namespace: &str, name: &str) -> Called {
        let mut removed = Vec::new();
        self.call(&mut removed, namespace, Kind::Named, name);
        self.all
            .retain(|listener| !listener.hears(namespace, Kind::Named, name));
        removed
    }

    /// Removes all listeners.
    pub(super) fn take(&mut self) -> Called {
        std::mem::take(&mut self.all)
    }

    pub(super) fn any(&self, kind: Kind) -> bool {
        self.all.iter().any(|listener| listener.kind == kind)
    }

    /// Adds those to call now. Whoever listened once is removed.
    pub(super) fn call(&mut self, called: &mut Called, namespace: &str, kind: Kind, name: &str) {
        let mut place = 0;
        while let Some(listener) = self.all.get(place) {
            let hears = listener.hears(namespace, kind, name);
            if hears && listener.once {
                called.push(self.all.remove(place));
                continue;
            }
            if hears {
                called.push(Shared::clone(listener));
            }
            place += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::Value;

    fn message(args: Vec<Value>) -> Thing {
        Thing::Message(Message {
            name: "a".to_owned(),
            args,
            responder: None,
        })
    }

    fn called(listeners: &mut Listeners) -> Called {
        let mut called = Vec::new();
        listeners.call(&mut called, "/", Kind::Named, "a");
        called
    }

    fn deliver(listeners: &mut Listeners, args: &[Value]) {
        for listener in called(listeners) {
            listener
                .hear(&mut message(args.to_vec()))
                .expect("the arguments fit");
        }
    }

    fn add(listeners: &mut Listeners, name: &str, once: bool, hear: Box<dyn Hear>) -> u64 {
        listeners.add(&Name::new("/".to_owned()), Kind::Named, name, once, hear)
    }

    type Log = Shared<Lock<Vec<String>>>;

    fn log() -> (Log, impl Fn(&str) -> Box<dyn Hear>) {
        let log: Log = Shared::new(Lock::new(Vec::new()));
        let written = Shared::clone(&log);
        let listener = move |name: &str| {
            let (log, name) = (Shared::clone(&written), name.to_owned());
            reader(move |arg: Option<String>| log.lock().push(name.clone() + &arg.unwrap_or_default()))
        };
        (log, listener)
    }

    #[test]
    fn listeners_are_called_in_the_order_in_which_they_were_added() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        add(&mut listeners, "a", false, listener("1"));
        add(&mut listeners, "a", false, listener("2"));
        add(&mut listeners, "b", false, listener("3"));
        listeners.add(
            &Name::new("/x".to_owned()),
            Kind::Named,
            "a",
            false,
            listener("4"),
        );
        deliver(&mut listeners, &[Value::from("x")]);
        assert_eq!(*log.lock(), ["1x", "2x"]);
    }

    #[test]
    fn once_means_once() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        add(&mut listeners, "a", true, listener("1"));
        deliver(&mut listeners, &[]);
        deliver(&mut listeners, &[]);
        assert_eq!(*log.lock(), ["1"]);
        assert!(called(&mut listeners).is_empty());
    }

    #[test]
    fn a_walk_under_way_keeps_its_listeners() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        let id = add(&mut listeners, "a", false, listener("1"));
        let walk = called(&mut listeners);
        assert!(listeners.remove(id).is_some());
        assert_eq!(walk.len(), 1);
        deliver(&mut listeners, &[]);
        assert!(log.lock().is_empty());
    }

    #[test]
    fn a_name_is_cleared_of_all_its_listeners_and_of_no_others() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        add(&mut listeners, "a", true, listener("1"));
        add(&mut listeners, "a", false, listener("2"));
        add(&mut listeners, "b", false, listener("3"));
        assert_eq!(listeners.clear("/", "a").len(), 2);
        deliver(&mut listeners, &[]);
        assert!(log.lock().is_empty());
        assert_eq!(listeners.take().len(), 1);
    }

    #[test]
    fn an_argument_that_does_not_fit_is_told_and_not_passed() {
        let mut listener = reader(|_: String, _: u8| unreachable!("the second argument is no number"));
        let (event, error) = listener
            .hear(&mut message(vec!["x".into(), "y".into()]))
            .expect_err("does not fit");
        assert_eq!((event.as_str(), error.index), ("a", 1));
    }
}
