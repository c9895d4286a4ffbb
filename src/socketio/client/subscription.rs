//! Right to hear something, which ends when it is dropped.

use std::fmt;

use super::driver::Connection;
use super::listeners::{Hear, Kind};
use crate::socketio::sync::{Name, Weak};

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
    id: u64,
}

impl Listening {
    /// Lets the listener listen for as long as the client lives.
    pub fn forget(mut self) {
        self.connection = Weak::new();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.unlisten(self.id);
        }
    }
}

impl Connection {
    /// Adds a listener.
    pub(super) fn listen(
        &self,
        namespace: &Name,
        kind: Kind,
        name: &str,
        once: bool,
        hear: Box<dyn Hear>,
    ) -> Listening {
        let id = self.look(|state, _| state.listeners.add(namespace, kind, name, once, hear));
        Listening {
            connection: self.downgrade(),
            id,
        }
    }

    /// Removes a listener; what it captured is dropped without the lock.
    fn unlisten(&self, id: u64) {
        let removed = self.look(|state, _| {
            let removed = state.listeners.remove(id)?;
            if removed.kind == Kind::Frames {
                state.machine.config_mut().observe_frames = state.listeners.any(Kind::Frames);
            }
            Some(removed)
        });
        drop(removed);
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
