//! What a socket listens to. Lists are copied on change, so that handlers run without any lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pesan::socketio::value::Value;

use super::ack::Ack;
use super::handler::{Called, Failure, Incoming};
use super::socket::Socket;

/// Names one listener, for `off`.
///
/// ```
/// use pesan_server::socketio::Socket;
///
/// fn listen(socket: &Socket) {
///     let listener = socket.on("pesan", |_: Socket, text: String| println!("{text}"));
///     socket.off(listener);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerId(u64);

pub(super) type Call = dyn Fn(Socket, Vec<Value>, Ack) -> Called<Result<(), Failure>> + Send + Sync;
pub(super) type AnyCall = dyn Fn(&Socket, &str, &[Value]) + Send + Sync;
/// Catch-all listener.
pub(super) type AnyListener = (ListenerId, Arc<AnyCall>);
pub(super) type PacketCall = dyn Fn(Socket, Incoming) -> Called<Result<Incoming, String>> + Send + Sync;

/// One listener of one event.
pub(super) struct Listener {
    id: ListenerId,
    event: Box<str>,
    once: bool,
    pub(super) call: Box<Call>,
}

/// All listeners of a socket.
#[derive(Default)]
pub(super) struct Listeners {
    events: Mutex<Arc<Vec<Arc<Listener>>>>,
    any: Mutex<Arc<Vec<AnyListener>>>,
    any_outgoing: Mutex<Arc<Vec<AnyListener>>>,
    packets: Mutex<Arc<Vec<Arc<PacketCall>>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next_id() -> ListenerId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    ListenerId(NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Listeners {
    pub(super) fn add(&self, event: &str, once: bool, call: Box<Call>) -> ListenerId {
        let listener = Listener {
            id: next_id(),
            event: event.into(),
            once,
            call,
        };
        let id = listener.id;
        Arc::make_mut(&mut *lock(&self.events)).push(Arc::new(listener));
        id
    }

    pub(super) fn add_any(&self, outgoing: bool, first: bool, call: Arc<AnyCall>) -> ListenerId {
        let id = next_id();
        let list = if outgoing { &self.any_outgoing } else { &self.any };
        let mut list = lock(list);
        let list = Arc::make_mut(&mut *list);
        let place = if first { 0 } else { list.len() };
        list.insert(place, (id, call));
        id
    }

    pub(super) fn add_packet(&self, call: Arc<PacketCall>) {
        Arc::make_mut(&mut *lock(&self.packets)).push(call);
    }

    /// Takes one listener of any kind away; says whether it was there.
    pub(super) fn remove(&self, id: ListenerId) -> bool {
        retain(&self.events, |listener| listener.id != id)
            || retain(&self.any, |(known, _)| *known != id)
            || retain(&self.any_outgoing, |(known, _)| *known != id)
    }

    /// Takes all listeners of an event away.
    pub(super) fn remove_all(&self, event: &str) {
        retain(&self.events, |listener| &*listener.event != event);
    }

    /// All listeners, to be filtered by [`Listener::wants`]: no list is made for an event.
    pub(super) fn events(&self) -> Arc<Vec<Arc<Listener>>> {
        lock(&self.events).clone()
    }

    pub(super) fn any(&self) -> Arc<Vec<AnyListener>> {
        lock(&self.any).clone()
    }

    pub(super) fn any_outgoing(&self) -> Arc<Vec<AnyListener>> {
        lock(&self.any_outgoing).clone()
    }

    pub(super) fn packets(&self) -> Arc<Vec<Arc<PacketCall>>> {
        lock(&self.packets).clone()
    }

    /// How many listeners an event has.
    pub(super) fn count(&self, event: &str) -> usize {
        self.events()
            .iter()
            .filter(|listener| listener.wants(event))
            .count()
    }

    /// Forgets everything, which breaks the circle of a listener that holds its socket.
    pub(super) fn clear(&self) {
        let gone = (
            std::mem::take(&mut *lock(&self.events)),
            std::mem::take(&mut *lock(&self.any)),
            std::mem::take(&mut *lock(&self.any_outgoing)),
            std::mem::take(&mut *lock(&self.packets)),
        );
        // Dropping them is the program's code: not under a lock.
        drop(gone);
    }
}

/// Keeps what `keep` says; says whether anything went. What goes is dropped after the lock.
fn retain<T: Clone>(list: &Mutex<Arc<Vec<T>>>, keep: impl Fn(&T) -> bool) -> bool {
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

impl Listener {
    pub(super) fn wants(&self, event: &str) -> bool {
        *self.event == *event
    }

    /// Whether it may be called now; one that is to be called once goes from the list first.
    pub(super) fn claim(&self, list: &Listeners) -> bool {
        !self.once || retain(&list.events, |listener| listener.id != self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(list: &Listeners, event: &str, once: bool) -> ListenerId {
        list.add(event, once, Box::new(|_, _, _| Called::Done(Ok(()))))
    }

    #[test]
    fn a_listener_for_one_time_is_claimed_once() {
        let list = Listeners::default();
        add(&list, "a", true);
        let snapshot = list.events();
        assert!(snapshot.iter().all(|listener| listener.claim(&list)));
        assert!(!snapshot.iter().any(|listener| listener.claim(&list)));
        assert_eq!(list.count("a"), 0);
    }

    #[test]
    fn listeners_go_by_id_and_by_name() {
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
