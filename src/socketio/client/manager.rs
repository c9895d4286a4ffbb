//! Managers: connections to servers, and sharing them.

use std::fmt;

use super::driver::Driver;
use super::error::{FlushError, OpenError};
use super::events::FrameEvent;
use super::listeners::{ListenerEvent, ListenerId, ListenerKind};
use super::options::{Options, SharingKey};
use super::socket::Socket;
use crate::socketio::proto::{Address, Config, Latency, Stats, TransportKind, is_legal_namespace};
use crate::socketio::sync::{Lock, MaybeSend, Name, Shared, Weak};
use crate::socketio::transport::{NoRuntime, Platform, Transport};

/// Connection to a server, shared by any number of namespaces. Clones are handles to the same connection.
///
/// ```no_run
/// use pesan::socketio::{Manager, Options};
///
/// # fn main() -> Result<(), pesan::socketio::OpenError> {
/// let manager = Manager::open("https://chat.example", Options::new())?;
/// let lobby = manager.socket("/")?;
/// let admin = manager.socket("/admin")?; // over the same connection
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Manager {
    pub(super) driver: Shared<Driver>,
    home: Name,
}

#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
static REGISTRY: Lock<Vec<Weak<Driver>>> = Lock::new(Vec::new());

#[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
thread_local! {
    static REGISTRY: Lock<Vec<Weak<Driver>>> = const { Lock::new(Vec::new()) };
}

fn with_registry<R>(change: impl FnOnce(&mut Vec<Weak<Driver>>) -> R) -> R {
    #[cfg(all(feature = "native", not(target_arch = "wasm32")))]
    return change(&mut REGISTRY.lock());
    #[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
    REGISTRY.with(|registry| change(&mut registry.lock()))
}

impl Manager {
    /// Opens a connection, or shares an existing one with the same server and options. As in the official client, a
    /// separate connection is opened with [`Options::force_new`], or when the existing one already has the URL's
    /// namespace.
    ///
    /// Nothing is sent before a [`socket`](Self::socket) connects.
    ///
    /// # Errors
    /// When the URL is invalid or has an illegal namespace, or, natively, outside of a tokio runtime.
    pub fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        let mut options = options;
        let mut address = Address::resolve(url, Platform::location().as_deref())?;
        let platform = Platform::current().map_err(|NoRuntime| OpenError::NoRuntime)?;
        // Connections are shared regardless of the namespace in the URL.
        let home = address.take_namespace();
        let home = namespace_name(home, options.config.limits.max_namespace_bytes)?;
        options.config.address = address;
        let key = SharingKey::of(&options);
        let sharable = !options.force_new && options.auth_provider.is_none();
        if sharable && let Some(driver) = shared(&platform, &key, &home) {
            return Ok(Self { driver, home });
        }
        let driver = Driver::new(platform, options, &home);
        driver.register_namespace(&home);
        if sharable {
            register(driver.downgrade());
        }
        Ok(Self { driver, home })
    }

    pub(super) fn of(driver: Shared<Driver>) -> Self {
        let home = Shared::clone(&driver.home);
        Self { driver, home }
    }

    /// Socket of the namespace in the URL's path, `/` by default.
    #[must_use]
    pub fn home(&self) -> Socket {
        self.connected_socket(Shared::clone(&self.home))
    }

    /// The same socket, which does not connect automatically.
    #[cfg(feature = "leptos")]
    pub(crate) fn unconnected_home(&self) -> Socket {
        Socket::new(Shared::clone(&self.driver), Shared::clone(&self.home))
    }

    /// Socket of a namespace. Connects immediately unless [`Options::auto_connect`] is off. Further calls return the same
    /// socket. The leading `/` may be omitted.
    ///
    /// ```
    /// # use pesan::socketio::{Manager, OpenError, Options};
    /// # fn open(manager: &Manager) {
    /// let refused = manager.socket("/a,b");
    /// assert_eq!(refused.err(), Some(OpenError::Namespace("/a,b".to_owned())));
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OpenError::Namespace`] when no packet can carry it.
    pub fn socket(&self, namespace: &str) -> Result<Socket, OpenError> {
        let name = if namespace.starts_with('/') {
            namespace.to_owned()
        } else {
            format!("/{namespace}")
        };
        let max_bytes = self
            .driver
            .with_state(|state, _| state.connection.config_mut().limits.max_namespace_bytes);
        Ok(self.connected_socket(namespace_name(name, max_bytes)?))
    }

    fn connected_socket(&self, name: Name) -> Socket {
        self.driver.register_namespace(&name);
        let socket = Socket::new(Shared::clone(&self.driver), name);
        if self.driver.settings.auto_connect && !socket.active() {
            socket.connect();
        }
        socket
    }

    /// Waits until everything that was emitted is written, and acknowledged where an ack is expected; then disconnects all
    /// namespaces, removes all listeners, and waits until the connection has closed.
    ///
    /// # Errors
    /// When events are queued for a namespace that will not connect by itself; all is closed nevertheless, and they are
    /// lost.
    pub async fn close(&self) -> Result<(), FlushError> {
        let mut flushed = Ok(());
        for name in self.namespaces() {
            flushed = flushed.and(self.driver.flushed(&name).await);
        }
        let ended = self.driver.each_transport(Transport::ended);
        self.close_now();
        for ended in ended {
            ended.await;
        }
        flushed
    }

    fn namespaces(&self) -> Vec<Name> {
        self.driver.with_state(|state, _| {
            let names = state.namespaces.iter().map(|known| Shared::clone(&known.name));
            names.collect()
        })
    }

    /// Disconnects all namespaces, clears their queues, and removes all listeners, including those that keep the
    /// connection alive because they captured a handle. Waits for nothing.
    pub fn close_now(&self) {
        for name in self.namespaces() {
            let socket = Socket::new(Shared::clone(&self.driver), name);
            socket.disconnect();
            socket.clear_queue();
        }
        let removed = self.driver.with_state(|state, _| {
            state.connection.config_mut().observe_frames = false;
            (
                std::mem::take(&mut state.namespaces),
                std::mem::take(&mut state.async_calls),
                state.listeners.take(),
            )
        });
        drop(removed);
    }

    /// Calls a closure for each received or sent frame, for an inspector.
    pub fn on_frame(&self, mut listener: impl FnMut(&FrameEvent) + MaybeSend + 'static) -> ListenerId {
        let call = move |event: &mut ListenerEvent| {
            if let ListenerEvent::Frame(frame) = event {
                listener(frame);
            }
            Ok(None)
        };
        self.driver
            .with_state(|state, _| state.connection.config_mut().observe_frames = true);
        self.driver
            .listen(&Name::default(), ListenerKind::Frames, "", false, Box::new(call))
    }

    /// Removes a listener added by [`on_frame`](Self::on_frame); returns whether it was there.
    pub fn off(&self, listener: ListenerId) -> bool {
        self.driver.unlisten(listener)
    }

    /// Counters since the connection was created.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.driver.with_state(|state, _| state.connection.stats())
    }

    /// Round-trip times of acks; `None` before the first ack.
    #[must_use]
    pub fn latency(&self) -> Option<Latency> {
        self.driver.with_state(|state, _| state.connection.latency())
    }

    /// Transport that carries the connection, or is being opened.
    #[must_use]
    pub fn transport(&self) -> Option<TransportKind> {
        self.driver
            .with_state(|state, _| state.connection.transport().map(|(_, kind)| kind))
    }

    /// Turns reconnection on or off; off also cancels a pending attempt.
    pub fn set_reconnection(&self, on: bool) {
        self.driver.with_state_mut(|state, _| {
            state.status_dirty = true;
            state.connection.set_reconnection(on);
        });
    }

    /// Changes settings; most apply from the next connection. The closure must not use the manager or its sockets.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        self.driver
            .with_state(|state, _| change(state.connection.config_mut()));
    }
}

fn namespace_name(name: String, max_bytes: usize) -> Result<Name, OpenError> {
    if is_legal_namespace(&name, max_bytes) {
        Ok(Name::new(name))
    } else {
        Err(OpenError::Namespace(name))
    }
}

/// Existing connection with the same options that does not use the namespace yet.
fn shared(platform: &Platform, key: &SharingKey, namespace: &Name) -> Option<Shared<Driver>> {
    let mut index = 0;
    // One at a time without the lock: dropping the last handle of a connection calls the program.
    while let Some(known) = with_registry(|registry| registry.get(index).cloned()) {
        if let Some(driver) = known.upgrade()
            && driver.settings.sharing_key == *key
            && driver.platform.is_same(platform)
            && driver.register_namespace(namespace)
        {
            return Some(driver);
        }
        index += 1;
    }
    None
}

/// Adds a connection to those that may be shared, replacing a dropped one if there is any.
fn register(driver: Weak<Driver>) {
    with_registry(
        |registry| match registry.iter_mut().find(|known| known.strong_count() == 0) {
            Some(dropped) => *dropped = driver,
            None => registry.push(driver),
        },
    );
}

impl Socket {
    /// Opens or shares a connection and returns the socket of the namespace in the URL's path, like `io(url)` in
    /// JavaScript.
    ///
    /// # Errors
    /// See [`Manager::open`].
    pub fn open(url: &str, options: Options) -> Result<Self, OpenError> {
        Manager::open(url, options).map(|manager| manager.home())
    }

    /// Connection of the socket.
    #[must_use]
    pub fn manager(&self) -> Manager {
        Manager::of(Shared::clone(self.driver()))
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager")
            .field("server", &self.driver.settings.origin)
            .finish_non_exhaustive()
    }
}
