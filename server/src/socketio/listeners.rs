//! Listeners of a socket, and what calling a handler returns. Lists are copied on change, so that handlers run without a
//! lock.
//!
//! Generic over the types of the socket and the ack, which [`super::handles`] fills in.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pesan::socketio::value::Value;

/// Boxed future of a handler.
pub(super) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Result of a handler, or the future of an async one.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "holds a future")]
pub enum MaybeFuture<T> {
    /// Handler is done.
    Ready(T),
    /// Handler is async.
    Future(BoxFuture<T>),
}

/// Why a handler failed.
#[doc(hidden)]
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// Arguments do not fit the handler.
    #[error("{0}")]
    Arguments(String),
    /// Handler returned an error.
    #[error("{0}")]
    Failed(String),
}

/// Event before it reaches the handlers, for packet middleware.
///
/// ```
/// use pesan_server::socketio::{IncomingEvent, Socket};
///
/// fn guard(socket: &Socket) {
///     socket.use_packet(|_: Socket, event: IncomingEvent| match event.name.as_str() {
///         "admin" => Err("unauthorized event"),
///         _ => Ok(event),
///     });
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IncomingEvent {
    /// Name of the event.
    pub name: String,
    /// Arguments of the event.
    pub args: Vec<Value>,
}

/// Identifies one listener, for `off`.
///
/// ```
/// use pesan_server::socketio::Socket;
///
/// fn listen(socket: &Socket) {
///     let subscription = socket.on("pesan", |_: Socket, text: String| println!("{text}"));
///     socket.off(subscription);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

impl ListenerId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Listener of an event.
pub(super) type EventCall<S, A> =
    dyn Fn(S, Vec<Value>, A) -> MaybeFuture<Result<(), HandlerError>> + Send + Sync;
/// Catch-all listener: called with the name and arguments of each event.
pub(super) type AnyCall<S> = dyn Fn(&S, &str, &[Value]) + Send + Sync;
/// Packet middleware.
pub(super) type PacketCall<S> =
    dyn Fn(S, IncomingEvent) -> MaybeFuture<Result<IncomingEvent, String>> + Send + Sync;

type AnyListener<S> = (ListenerId, Arc<AnyCall<S>>);

/// Events that a catch-all listener is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Incoming,
    Outgoing,
}

/// Position of a new catch-all listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    First,
    Last,
}

/// One listener of one event.
pub(super) struct Listener<S, A> {
    id: ListenerId,
    event: Box<str>,
    once: bool,
    pub(super) call: Box<EventCall<S, A>>,
}

/// List that is copied on change.
type SharedList<T> = Mutex<Arc<Vec<T>>>;

/// All listeners of a socket.
pub(super) struct Listeners<S, A> {
    events: SharedList<Arc<Listener<S, A>>>,
    any: SharedList<AnyListener<S>>,
    any_outgoing: SharedList<AnyListener<S>>,
    packets: SharedList<Arc<PacketCall<S>>>,
}

impl<S, A> Default for Listeners<S, A> {
    fn default() -> Self {
        Self {
            events: Mutex::default(),
            any: Mutex::default(),
            any_outgoing: Mutex::default(),
            packets: Mutex::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S, A> Listeners<S, A> {
    pub(super) fn add(&self, event: &str, once: bool, call: Box<EventCall<S, A>>) -> ListenerId {
        let listener = Listener {
            id: ListenerId::next(),
            event: event.into(),
            once,
            call,
        };
        let id = listener.id;
        Arc::make_mut(&mut *lock(&self.events)).push(Arc::new(listener));
        id
    }

    pub(super) fn add_any(
        &self,
        direction: Direction,
        position: Position,
        call: Arc<AnyCall<S>>,
    ) -> ListenerId {
        let id = ListenerId::next();
        let list = match direction {
            Direction::Incoming => &self.any,
            Direction::Outgoing => &self.any_outgoing,
        };
        let mut guard = lock(list);
        let list = Arc::make_mut(&mut *guard);
        match position {
            Position::First => list.insert(0, (id, call)),
            Position::Last => list.push((id, call)),
        }
        id
    }

    pub(super) fn add_packet(&self, call: Arc<PacketCall<S>>) {
        Arc::make_mut(&mut *lock(&self.packets)).push(call);
    }

    /// Removes one listener of any kind; returns whether it was there.
    pub(super) fn remove(&self, id: ListenerId) -> bool {
        retain(&self.events, |listener| listener.id != id)
            || retain(&self.any, |(known, _)| *known != id)
            || retain(&self.any_outgoing, |(known, _)| *known != id)
    }

    /// Removes all listeners of an event.
    pub(super) fn remove_all(&self, event: &str) {
        retain(&self.events, |listener| &*listener.event != event);
    }

    /// All listeners, to be filtered by [`Listener::listens_to`], so that no list is allocated for an event.
    pub(super) fn events(&self) -> Arc<Vec<Arc<Listener<S, A>>>> {
        lock(&self.events).clone()
    }

    /// Catch-all listeners of incoming events.
    pub(super) fn any(&self) -> Arc<Vec<AnyListener<S>>> {
        lock(&self.any).clone()
    }

    /// Catch-all listeners of outgoing events.
    pub(super) fn any_outgoing(&self) -> Arc<Vec<AnyListener<S>>> {
        lock(&self.any_outgoing).clone()
    }

    /// Packet middleware.
    pub(super) fn packets(&self) -> Arc<Vec<Arc<PacketCall<S>>>> {
        lock(&self.packets).clone()
    }

    /// Number of listeners of an event.
    pub(super) fn count(&self, event: &str) -> usize {
        self.events()
            .iter()
            .filter(|listener| listener.listens_to(event))
            .count()
    }

    /// Removes everything, which breaks the reference cycle of a listener that holds its socket.
    pub(super) fn clear(&self) {
        let removed = (
            std::mem::take(&mut *lock(&self.events)),
            std::mem::take(&mut *lock(&self.any)),
            std::mem::take(&mut *lock(&self.any_outgoing)),
            std::mem::take(&mut *lock(&self.packets)),
        );
        // Dropping closures runs user code, which must not run under a lock.
        drop(removed);
    }
}

/// Removes the items for which `keep` is false; returns whether there were any. They are dropped after the lock.
fn retain<T: Clone>(list: &SharedList<T>, keep: impl Fn(&T) -> bool) -> bool {
    let mut guard = lock(list);
    if guard.iter().all(&keep) {
        return false;
    }
    let kept = guard.iter().filter(|item| keep(item)).cloned().collect();
    let old = std::mem::replace(&mut *guard, Arc::new(kept));
    drop(guard);
    drop(old);
    true
}

impl<S, A> Listener<S, A> {
    pub(super) fn listens_to(&self, event: &str) -> bool {
        *self.event == *event
    }

    /// Whether the listener may be called now. A `once` listener is removed from the list first.
    pub(super) fn claim(&self, list: &Listeners<S, A>) -> bool {
        !self.once || retain(&list.events, |listener| listener.id != self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(list: &Listeners<(), ()>, event: &str, once: bool) -> ListenerId {
        list.add(event, once, Box::new(|(), _, ()| MaybeFuture::Ready(Ok(()))))
    }

    #[test]
    fn listener_added_with_once_is_claimed_once() {
        let list = Listeners::default();
        add(&list, "a", true);
        let snapshot = list.events();
        assert!(snapshot.iter().all(|listener| listener.claim(&list)));
        assert!(!snapshot.iter().any(|listener| listener.claim(&list)));
        assert_eq!(list.count("a"), 0);
    }

    #[test]
    fn listeners_are_removed_by_id_and_by_event_name() {
        let list = Listeners::default();
        let first = add(&list, "a", false);
        add(&list, "a", false);
        add(&list, "b", false);
        assert!(list.remove(first));
        assert!(!list.remove(first));
        assert_eq!((list.count("a"), list.count("b")), (1, 1));
        list.remove_all("a");
        assert_eq!((list.count("a"), list.count("b")), (0, 1));
    }
}
