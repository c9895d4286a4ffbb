//! One connection to a server, and the sharing of it.

use std::fmt;

use super::dispatch::Seen;
use super::driver::Connection;
use super::error::OpenError;
use super::listeners::{Kind, Thing};
use super::options::Options;
use super::settings::SharingKey;
use super::socket::Socket;
use super::subscription::Listening;
use crate::socketio::proto::{Address, Config, Latency, Stats, TransportKind, is_legal_namespace};
use crate::socketio::sync::{Lock, MaybeSend, Name, Shared, Weak};
use crate::socketio::transport::Platform;

/// Connection to a server, which any number of namespaces share. Cloning gives another handle to the same one.
///
/// ```no_run
/// use pesan::socketio::{Client, Options};
///
/// # fn main() -> Result<(), pesan::socketio::OpenError> {
/// let client = Client::open("https://chat.example", Options::new())?;
/// let lobby = client.socket("/")?;
/// let admin = client.socket("/admin")?; // over the same connection
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(super) connection: Shared<Connection>,
    home: Name,
}

#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
static KNOWN: Lock<Vec<Weak<Connection>>> = Lock::new(Vec::new());

#[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
thread_local! {
    static KNOWN: Lock<Vec<Weak<Connection>>> = const { Lock::new(Vec::new()) };
}

fn with_known<R>(change: impl FnOnce(&mut Vec<Weak<Connection>>) -> R) -> R {
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    return change(&mut KNOWN.lock());
    #[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
    KNOWN.with(|known| change(&mut known.lock()))
}

impl Client {
    /// Opens a connection, or shares one that this program has to the same server with the same settings. As in the
    /// official client it opens an own one when [`Options::force_new`] says so, or when the shared one has the URL's
    /// namespace already.
    ///
    /// Nothing is sent before a [`socket`](Self::socket) wants it.
    ///
    /// # Errors
    /// When the URL is no address or names an illegal namespace, or there is no runtime to live in.
    pub fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let mut options = options;
        let mut address = Address::resolve(url, Platform::location().as_deref())?;
        let platform = Platform::current()?;
        // The namespace is each client's own; the rest of the address counts.
        let home = address.take_namespace();
        let home = legal(home, options.config.limits.max_namespace_bytes)?;
        options.config.address = address;
        let key = SharingKey::of(&options);
        let sharable = !options.force_new && options.asker.is_none();
        if sharable && let Some(connection) = shared(&platform, &key, &home) {
            return Ok(Self { connection, home });
        }
        let connection = Connection::new(platform, options, &home);
        connection.claim(&home);
        if sharable {
            know(connection.downgrade());
        }
        Ok(Self { connection, home })
    }

    pub(super) fn of(connection: Shared<Connection>) -> Self {
        let home = Shared::clone(&connection.home);
        Self { connection, home }
    }

    /// Namespace that the URL's path names; `/` when it has none.
    #[must_use]
    pub fn home(&self) -> Socket {
        self.connected_socket(Shared::clone(&self.home))
    }

    /// The same, which does not connect before it is told to.
    #[cfg(feature = "leptos")]
    pub(crate) fn unconnected_home(&self) -> Socket {
        Socket::new(Shared::clone(&self.connection), Shared::clone(&self.home))
    }

    /// A namespace, which connects at once unless [`Options::auto_connect`] is off. Asking for it again gives the same
    /// one. The leading `/` may be left out.
    ///
    /// ```
    /// # use pesan::socketio::{Client, OpenError, Options};
    /// # fn ask(client: &Client) {
    /// let refused = client.socket("/a,b");
    /// assert_eq!(refused.err(), Some(OpenError::Namespace("/a,b".to_owned())));
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OpenError::Namespace`] when no packet can name it.
    pub fn socket(&self, namespace: &str) -> Result<Socket, OpenError> {
        let name = if namespace.starts_with('/') {
            namespace.to_owned()
        } else {
            format!("/{namespace}")
        };
        let max_bytes = self
            .connection
            .look(|state, _| state.machine.config_mut().limits.max_namespace_bytes);
        Ok(self.connected_socket(legal(name, max_bytes)?))
    }

    fn connected_socket(&self, name: Name) -> Socket {
        self.connection.claim(&name);
        let socket = Socket::new(Shared::clone(&self.connection), name);
        if self.connection.settings.auto_connect && !socket.active() {
            socket.connect();
        }
        socket
    }

    /// Disconnects every namespace, empties its queue, and removes every listener, for good: also those that keep the
    /// client alive through what they captured.
    pub fn close(&self) {
        let names: Vec<Name> = self.connection.look(|state, _| {
            let names = state.namespaces.iter().map(|known| Shared::clone(&known.name));
            names.collect()
        });
        for name in names {
            let socket = Socket::new(Shared::clone(&self.connection), name);
            socket.disconnect();
            socket.clear_queue();
        }
        let gone = self.connection.look(|state, _| {
            state.machine.config_mut().observe_frames = false;
            (std::mem::take(&mut state.namespaces), state.listeners.take())
        });
        drop(gone);
    }

    /// Calls a closure with each frame as it comes and goes, for an inspector.
    pub fn on_frame(&self, mut listener: impl FnMut(&Seen) + MaybeSend + 'static) -> Listening {
        let hear = move |thing: &mut Thing| {
            if let Thing::Frame(seen) = thing {
                listener(seen);
            }
            Ok(())
        };
        self.connection
            .look(|state, _| state.machine.config_mut().observe_frames = true);
        self.connection
            .listen(&Name::default(), Kind::Frames, "", false, Box::new(hear))
    }

    /// Counters since the client was made.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.connection.look(|state, _| state.machine.stats())
    }

    /// How long the server takes to answer; `None` before the first answer.
    #[must_use]
    pub fn latency(&self) -> Option<Latency> {
        self.connection.look(|state, _| state.machine.latency())
    }

    /// Transport that carries the connection, or is to.
    #[must_use]
    pub fn transport(&self) -> Option<TransportKind> {
        self.connection
            .look(|state, _| state.machine.transport().map(|(_, kind)| kind))
    }

    /// Turns reconnection on or off; off also ends a pause.
    pub fn set_reconnection(&self, on: bool) {
        self.connection.enter(|state, _| {
            state.unsettled = true;
            state.machine.set_reconnection(on);
        });
    }

    /// Changes settings; most count from the next connection on. The client waits for the closure, which must not use it.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        self.connection
            .look(|state, _| change(state.machine.config_mut()));
    }
}

fn legal(name: String, max_bytes: usize) -> Result<Name, OpenError> {
    if is_legal_namespace(&name, max_bytes) {
        Ok(Name::new(name))
    } else {
        Err(OpenError::Namespace(name))
    }
}

/// Live connection with the same settings that does not use the namespace yet.
fn shared(platform: &Platform, key: &SharingKey, namespace: &Name) -> Option<Shared<Connection>> {
    let mut place = 0;
    // One at a time: a connection whose last handle is dropped here calls the program.
    while let Some(known) = with_known(|known| known.get(place).cloned()) {
        if let Some(connection) = known.upgrade()
            && connection.settings.sharing_key == *key
            && connection.platform.is_same(platform)
            && connection.claim(namespace)
        {
            return Some(connection);
        }
        place += 1;
    }
    None
}

/// Takes a connection among those that may be shared, in the place of one that is gone if there is any.
fn know(connection: Weak<Connection>) {
    with_known(
        |known| match known.iter_mut().find(|known| known.strong_count() == 0) {
            Some(gone) => *gone = connection,
            None => known.push(connection),
        },
    );
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.connection.settings.origin)
            .finish_non_exhaustive()
    }
}
