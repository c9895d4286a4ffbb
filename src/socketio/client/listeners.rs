//! Listeners of a connection.
//!
//! Listeners are looked up under the connection's lock and called after it is released, so that they may emit, and add or
//! remove listeners. All kinds are in one list, as [`ErasedListener`]s.

use std::collections::{HashMap, VecDeque};

use super::error::ListenerError;
use super::events::{EmitChange, FrameEvent, Lifecycle};
use super::message::Message;
use super::status::Status;
use crate::socketio::sync::{BoxFuture, Lock, MaybeSend, Name, Shared};

/// Event for a listener.
pub(super) enum ListenerEvent {
    Message(Message),
    Lifecycle(Lifecycle),
    Status(Status),
    Emit(EmitChange),
    Frame(FrameEvent),
}

/// Future of an async listener.
pub(super) type ListenerFuture = BoxFuture<Result<(), ListenerError>>;

/// Result of calling a listener; the future of an async one is to be run by the caller.
pub(super) type CallResult = Result<Option<ListenerFuture>, ListenerError>;

/// Closure of the program, with its parameter types erased.
pub(super) trait ErasedListener: MaybeSend {
    /// Calls the closure, which may take the event's content.
    fn call(&mut self, event: &mut ListenerEvent) -> CallResult;
}

impl<F: FnMut(&mut ListenerEvent) -> CallResult + MaybeSend> ErasedListener for F {
    fn call(&mut self, event: &mut ListenerEvent) -> CallResult {
        self(event)
    }
}

/// Identifies a listener, to remove it.
///
/// ```no_run
/// # use pesan::socketio::Socket;
/// # fn listen(socket: &Socket) {
/// let listener = socket.on("pesan", |text: String| println!("{text}"));
/// socket.off(listener);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

/// What a listener receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListenerKind {
    /// Events of one name.
    Named,
    /// Every received event.
    Any,
    /// Every sent event.
    AnyOutgoing,
    Lifecycle,
    Status,
    Emits,
    Frames,
}

/// Registered listener, shared with calls in progress.
pub(super) struct Listener {
    pub(super) id: ListenerId,
    pub(super) namespace: Name,
    pub(super) kind: ListenerKind,
    /// Name of the events; empty for the other kinds.
    name: String,
    once: bool,
    listener: Lock<Box<dyn ErasedListener>>,
}

impl Listener {
    /// Calls the closure. Events are delivered one at a time, so that it is never called while it runs.
    ///
    /// # Errors
    /// When the arguments do not fit, or the closure returned an error.
    pub(super) fn call(&self, event: &mut ListenerEvent) -> CallResult {
        match self.listener.try_lock() {
            Some(mut listener) => listener.call(event),
            None => Ok(None),
        }
    }

    fn matches(&self, namespace: &str, kind: ListenerKind, name: &str) -> bool {
        self.kind == kind && *self.namespace == *namespace && self.name == name
    }
}

/// Listeners to call, or to drop, after the lock is released.
pub(super) type Matched = Vec<Shared<Listener>>;

/// All listeners of a connection, in order of registration.
#[derive(Default)]
pub(super) struct Listeners {
    all: Matched,
    last_id: u64,
}

impl Listeners {
    /// Adds a listener and returns its id.
    pub(super) fn add(
        &mut self,
        namespace: &Name,
        kind: ListenerKind,
        name: &str,
        once: bool,
        listener: Box<dyn ErasedListener>,
    ) -> ListenerId {
        self.last_id += 1;
        let id = ListenerId(self.last_id);
        self.all.push(Shared::new(Listener {
            id,
            namespace: Shared::clone(namespace),
            kind,
            name: name.to_owned(),
            once,
            listener: Lock::new(listener),
        }));
        id
    }

    /// Removes a listener. The caller must drop it without holding a lock.
    pub(super) fn remove(&mut self, id: ListenerId) -> Option<Shared<Listener>> {
        let place = self.all.iter().position(|listener| listener.id == id)?;
        Some(self.all.remove(place))
    }

    /// Removes all listeners of one name.
    pub(super) fn clear(&mut self, namespace: &str, name: &str) -> Matched {
        let mut removed = Vec::new();
        self.collect(&mut removed, namespace, ListenerKind::Named, name);
        self.all
            .retain(|listener| !listener.matches(namespace, ListenerKind::Named, name));
        removed
    }

    /// Removes all listeners.
    pub(super) fn take(&mut self) -> Matched {
        std::mem::take(&mut self.all)
    }

    pub(super) fn any(&self, kind: ListenerKind) -> bool {
        self.all.iter().any(|listener| listener.kind == kind)
    }

    /// Collects the listeners to call, and removes those registered with `once`.
    pub(super) fn collect(&mut self, matched: &mut Matched, namespace: &str, kind: ListenerKind, name: &str) {
        let mut place = 0;
        while let Some(listener) = self.all.get(place) {
            let matches = listener.matches(namespace, kind, name);
            if matches && listener.once {
                matched.push(self.all.remove(place));
                continue;
            }
            if matches {
                matched.push(Shared::clone(listener));
            }
            place += 1;
        }
    }
}

/// Calls of async listeners that run or wait: one at a time for each listener, in order.
#[derive(Default)]
pub(super) struct AsyncCalls {
    queues: HashMap<ListenerId, CallQueue>,
    waiting: usize,
}

#[derive(Default)]
pub(super) struct CallQueue {
    futures: VecDeque<ListenerFuture>,
    /// Task that runs the futures; cancelled when dropped.
    task: Option<Box<dyn MaybeSend>>,
}

impl AsyncCalls {
    /// Adds a call; returns whether a task has to be started that runs the calls of this listener.
    pub(super) fn push(&mut self, id: ListenerId, future: ListenerFuture) -> bool {
        let is_first = !self.queues.contains_key(&id);
        self.queues.entry(id).or_default().futures.push_back(future);
        self.waiting += 1;
        is_first
    }

    /// Keeps the task that runs the calls of a listener, unless it has ended already.
    pub(super) fn keep_task(&mut self, id: ListenerId, task: Box<dyn MaybeSend>) {
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.task = Some(task);
        }
    }

    /// Next call to run; after the last one the queue, to be dropped without the lock.
    pub(super) fn next(&mut self, id: ListenerId) -> Result<ListenerFuture, Option<CallQueue>> {
        match self
            .queues
            .get_mut(&id)
            .and_then(|queue| queue.futures.pop_front())
        {
            Some(future) => {
                self.waiting -= 1;
                Ok(future)
            }
            None => Err(self.queues.remove(&id)),
        }
    }

    /// Number of calls that wait for an earlier one.
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }
}

/// Runs code of the program. Natively a panic is caught here after the panic hook has reported it, so that it affects no
/// other listener.
pub(super) fn catch_panic(run: impl FnOnce()) {
    #[cfg(not(target_arch = "wasm32"))]
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)));
    #[cfg(target_arch = "wasm32")]
    run();
}

/// Runs a future of the program; `None` if it panicked.
#[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
pub(super) async fn catch_panic_in<T>(future: BoxFuture<T>) -> Option<T> {
    Some(future.await)
}

/// Runs a future of the program; `None` if it panicked.
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
pub(super) async fn catch_panic_in<T>(future: BoxFuture<T>) -> Option<T> {
    use futures_util::FutureExt;
    std::panic::AssertUnwindSafe(future).catch_unwind().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::client::handler::erase;
    use crate::socketio::codec::Value;
    use crate::socketio::codec::args::ArgsError;
    use crate::socketio::sync::Weak;

    fn message(args: Vec<Value>) -> ListenerEvent {
        ListenerEvent::Message(Message {
            name: "a".to_owned(),
            args,
            ack: None,
        })
    }

    fn matched(listeners: &mut Listeners) -> Matched {
        let mut matched = Vec::new();
        listeners.collect(&mut matched, "/", ListenerKind::Named, "a");
        matched
    }

    fn deliver(listeners: &mut Listeners, args: &[Value]) {
        for listener in matched(listeners) {
            let called = listener.call(&mut message(args.to_vec()));
            assert!(matches!(called, Ok(None)), "the arguments fit");
        }
    }

    fn add(
        listeners: &mut Listeners,
        name: &str,
        once: bool,
        listener: Box<dyn ErasedListener>,
    ) -> ListenerId {
        listeners.add(
            &Name::new("/".to_owned()),
            ListenerKind::Named,
            name,
            once,
            listener,
        )
    }

    type Log = Shared<Lock<Vec<String>>>;

    fn log() -> (Log, impl Fn(&str) -> Box<dyn ErasedListener>) {
        let log: Log = Shared::new(Lock::new(Vec::new()));
        let written = Shared::clone(&log);
        let listener = move |name: &str| {
            let (log, name) = (Shared::clone(&written), name.to_owned());
            let listener =
                move |arg: Option<String>| log.lock().push(name.clone() + &arg.unwrap_or_default());
            erase(&Weak::new(), &Name::default(), listener)
        };
        (log, listener)
    }

    #[test]
    fn listeners_are_called_in_order_of_registration() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        add(&mut listeners, "a", false, listener("1"));
        add(&mut listeners, "a", false, listener("2"));
        add(&mut listeners, "b", false, listener("3"));
        listeners.add(
            &Name::new("/x".to_owned()),
            ListenerKind::Named,
            "a",
            false,
            listener("4"),
        );
        deliver(&mut listeners, &[Value::from("x")]);
        assert_eq!(*log.lock(), ["1x", "2x"]);
    }

    #[test]
    fn listener_once_is_called_once() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        add(&mut listeners, "a", true, listener("1"));
        deliver(&mut listeners, &[]);
        deliver(&mut listeners, &[]);
        assert_eq!(*log.lock(), ["1"]);
        assert!(matched(&mut listeners).is_empty());
    }

    #[test]
    fn listener_removed_during_dispatch_is_still_called() {
        let (log, listener) = log();
        let mut listeners = Listeners::default();
        let id = add(&mut listeners, "a", false, listener("1"));
        let walk = matched(&mut listeners);
        assert!(listeners.remove(id).is_some());
        assert_eq!(walk.len(), 1);
        deliver(&mut listeners, &[]);
        assert!(log.lock().is_empty());
    }

    #[test]
    fn off_removes_all_listeners_of_one_name() {
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
    fn listener_argument_mismatch_is_reported() {
        let unreachable = |_: String, _: u8| -> () { unreachable!("the second argument is no number") };
        let mut listener = erase(&Weak::new(), &Name::default(), unreachable);
        let called = listener.call(&mut message(vec!["x".into(), "y".into()]));
        let Err(ListenerError::Args { event, error }) = called else {
            panic!("the arguments do not fit");
        };
        assert_eq!(event, "a");
        assert!(matches!(error, ArgsError::Argument { index: 1, .. }), "{error}");
    }
}
