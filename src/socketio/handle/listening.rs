//! Right to hear something, which ends when it is dropped.

use std::fmt;

use super::connection::{Connection, State};
use super::listeners::Heard;
use super::shared::Weak;

/// Keeps a listener listening. Dropping it removes the listener; [`forget`](Self::forget) leaves it for as long as the
/// client lives.
///
/// ```no_run
/// # use pesan::socketio::Socket;
/// # fn listen(socket: &Socket) {
/// let first = socket.on("pesan", |text: String| println!("{text}"));
/// socket.on("pesan", |text: String| println!("{}", text.len())).forget();
/// drop(first); // only the second one listens now
/// # }
/// ```
#[must_use = "dropping it removes the listener; call `forget` to keep it for as long as the client lives"]
pub struct Listening {
    connection: Weak<Connection>,
    namespace: String,
    what: What,
    id: u64,
}

/// What is heard.
pub(super) enum What {
    Named(String),
    Any,
    AnyOutgoing,
    Lifecycle,
    Status,
    Emits,
    Frames,
}

impl Listening {
    pub(super) fn new(connection: Weak<Connection>, namespace: &str, what: What, id: u64) -> Self {
        Self {
            connection,
            namespace: namespace.to_owned(),
            what,
            id,
        }
    }

    /// Lets the listener listen for as long as the client lives.
    pub fn forget(mut self) {
        self.connection = Weak::new();
    }
}

impl State {
    /// Takes a listener out; what it captured is dropped by the caller, without the lock.
    fn unlisten(&mut self, namespace: &str, what: &What, id: u64) -> Removed {
        if let What::Frames = what {
            let removed = self.inspectors.remove(id).map(boxed);
            let observed = self.inspectors.is_empty();
            self.machine.config_mut().observe_frames = !observed;
            return removed;
        }
        let known = self.namespaces.get_mut(namespace)?;
        match what {
            What::Named(name) => known.listeners.remove(Heard::Named(name), id).map(boxed),
            What::Any => known.listeners.remove(Heard::Any, id).map(boxed),
            What::AnyOutgoing => known.listeners.remove(Heard::AnyOutgoing, id).map(boxed),
            What::Lifecycle => known.lifecycle.remove(id).map(boxed),
            What::Status => known.statuses.remove(id).map(boxed),
            What::Emits => known.emits.remove(id).map(boxed),
            What::Frames => None,
        }
    }
}

/// Closure on its way out.
type Removed = Option<Box<dyn std::any::Any>>;

fn boxed<T: 'static>(listener: T) -> Box<dyn std::any::Any> {
    Box::new(listener)
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.upgrade() {
            let removed = connection.look(|state, _| state.unlisten(&self.namespace, &self.what, self.id));
            drop(removed);
        }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
