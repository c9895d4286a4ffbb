//! The server: its namespaces, hooks and engine.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use pesan::socketio::Parser;
use pesan::socketio::packet::ROOT;
use pesan::socketio::value::Value;
use tokio::net::ToSocketAddrs;
use tokio::sync::watch;

use super::adapter::{Adapter, Health};
use super::client::Client;
use super::cluster::Cluster;
use super::config::IoConfig;
use super::entering::Entering;
use super::error::NamespaceError;
use super::hooks::{
    ConnectRefused, ErrorReport, Hooks, List, Meters, ReconnectFailed, Reconnected, Reconnecting,
};
use super::namespace::Namespace;
use super::parent::{Parent, Rule};
use super::reason::DisconnectReason;
use super::session::Session;
use crate::engineio::{Connection, Cors, Engine, EngineConfig, HandshakeRequest, Protocol};
use crate::http::serve::{ServeConfig, bind, serve};

/// A Socket.IO server; cheap to clone and usable from any thread.
///
/// It is also its root namespace: everything that a [`Namespace`] can do, it does for `/`.
///
/// ```
/// use pesan_server::socketio::{Io, Socket};
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket| {
///     println!("A user connected");
///     socket.on("message", |socket: Socket, message: String| socket.io().emit("message", message));
///     socket.on("disconnect", |_: Socket, ()| println!("User disconnected"));
/// });
/// ```
#[derive(Clone)]
pub struct Io {
    server: Arc<Server>,
    root: Namespace,
}

/// What all namespaces share.
pub(super) struct Server {
    pub(super) config: IoConfig,
    pub(super) hooks: Hooks,
    pub(super) meters: Meters,
    pub(super) cluster: Option<Cluster>,
    namespaces: RwLock<HashMap<Arc<str>, Namespace>>,
    parents: RwLock<Vec<Parent>>,
    new_namespace: List<Namespace>,
    root: OnceLock<Namespace>,
    engine: OnceLock<Engine>,
    /// Whether the server is closed; [`Io::listen`] waits for it.
    closed: watch::Sender<bool>,
}

impl Server {
    pub(super) fn engine(&self) -> Option<&Engine> {
        self.engine.get()
    }

    pub(super) fn known(&self, name: &str) -> Option<Namespace> {
        self.namespaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// The same for a client that wants to come in.
    fn enter(&self, name: &str) -> Option<Entering> {
        self.namespaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(Entering::new)
    }

    pub(super) fn all(&self) -> Vec<Namespace> {
        self.namespaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Drops a namespace that was made from a pattern and is not used any more.
    pub(super) fn forget(&self, namespace: &Namespace) {
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        if namespaces
            .get(namespace.name())
            .is_some_and(|known| known == namespace && known.is_unused())
        {
            namespaces.remove(namespace.name());
        } else {
            return;
        }
        drop(namespaces);
        for parent in self.parents.read().unwrap_or_else(PoisonError::into_inner).iter() {
            parent.forget(namespace);
        }
    }
}

impl Default for Io {
    fn default() -> Self {
        Self::new(IoConfig::default())
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("config", &self.server.config)
            .finish_non_exhaustive()
    }
}

impl Deref for Io {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.root
    }
}

impl Io {
    /// Server with these options.
    #[must_use]
    pub fn new(config: IoConfig) -> Self {
        Self::build(config, None)
    }

    /// Server that is one of several nodes.
    ///
    /// Broadcasts, operations on many sockets and connection state recovery then reach across all of them. Clients of a
    /// node must come back to it while they poll: the load balancer needs sticky sessions, as officially. Without the
    /// adapter's service each node goes on by itself.
    ///
    /// ```
    /// use pesan_server::socketio::{Io, IoConfig, Redis, RedisConfig};
    ///
    /// let redis = Redis::new(RedisConfig { url: "redis://127.0.0.1:6379".into(), ..RedisConfig::default() })?;
    /// let io = Io::with_adapter(IoConfig::default(), redis);
    /// # drop(io);
    /// # Ok::<(), pesan_server::socketio::RedisError>(())
    /// ```
    #[must_use]
    pub fn with_adapter(config: IoConfig, adapter: impl Adapter) -> Self {
        Self::build(config, Some(Cluster::new(adapter)))
    }

    /// Whether the other nodes can be reached.
    #[must_use]
    pub fn health(&self) -> Health {
        self.server
            .cluster
            .as_ref()
            .map_or(Health::Alone, Cluster::health)
    }

    /// How many other nodes were heard of lately.
    #[must_use]
    pub fn other_nodes(&self) -> usize {
        self.server
            .cluster
            .as_ref()
            .map_or(0, |cluster| cluster.peers().len())
    }

    fn build(config: IoConfig, cluster: Option<Cluster>) -> Self {
        let server = Arc::new(Server {
            config,
            hooks: Hooks::default(),
            meters: Meters::default(),
            cluster,
            namespaces: RwLock::default(),
            parents: RwLock::default(),
            new_namespace: List::default(),
            root: OnceLock::new(),
            engine: OnceLock::new(),
            closed: watch::Sender::new(false),
        });
        let root = Namespace::new(&server, ROOT, None, false);
        let mut namespaces = server.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        namespaces.insert(ROOT.into(), root.clone());
        drop(namespaces);
        let root = server.root.get_or_init(|| root).clone();
        Self { server, root }
    }

    pub(super) fn of_server(server: &Arc<Server>) -> Self {
        let root = server
            .root
            .get()
            .expect("`new` set it before anyone saw the server")
            .clone();
        Self {
            server: server.clone(),
            root,
        }
    }

    /// The root namespace.
    #[must_use]
    pub fn root(&self) -> &Namespace {
        &self.root
    }

    /// Namespace of this name, made if need be.
    ///
    /// One that fits a pattern of [`of_dynamic`](Self::of_dynamic) belongs to it: its clients pass the pattern's
    /// middleware and get its handlers.
    ///
    /// # Errors
    /// [`NamespaceError`] when no client could ask for this name.
    pub fn of(&self, name: &str) -> Result<Namespace, NamespaceError> {
        let name = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("/{name}")
        };
        if let Some(known) = self.known(&name) {
            return Ok(known);
        }
        let config = self.config();
        if config.parser == Parser::Default && name.contains(',') {
            return Err(NamespaceError::Comma(name));
        }
        let limit = config.limits.max_namespace_bytes;
        if name.len() > limit {
            let bytes = name.len();
            return Err(NamespaceError::TooLong { bytes, limit });
        }
        let parent = self
            .parents()
            .into_iter()
            .find(|parent| parent.fits(&name) == Some(true));
        Ok(self.make(&name, parent, false).namespace().clone())
    }

    /// Namespaces that are made when a client asks for a name that fits `rule`: text in which `*` stands for any
    /// characters, or a function of name and `auth`, which is asked for each client.
    ///
    /// A namespace of [`of`](Self::of) that has neither handlers nor middleware of its own when its first client comes
    /// belongs to the first rule that it fits. Where a function refuses that client, it is refused: the function may look
    /// at `auth`.
    ///
    /// ```
    /// use pesan::socketio::Value;
    /// use pesan_server::socketio::{Io, Socket};
    ///
    /// let io = Io::default();
    /// let workspaces = io.of_dynamic("/workspace-*");
    /// workspaces.on_connection(|socket: Socket| println!("{}", socket.nsp().name()));
    /// io.of_dynamic(|name: &str, auth: &Value| name.starts_with("/team/") && auth.get("token").is_some());
    /// ```
    pub fn of_dynamic(&self, rule: impl Rule) -> Parent {
        let parent = Parent::new(rule);
        let mut parents = self
            .server
            .parents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        parents.push(parent.clone());
        parent
    }

    /// Calls `hook` with each namespace that is made, by name or from a pattern.
    pub fn on_new_namespace(&self, hook: impl Fn(&Namespace) + Send + Sync + 'static) {
        self.server.new_namespace.add(hook);
    }

    /// All namespaces there are.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        self.server.all()
    }

    /// Engine that serves this server, made at the first call; later ones give the same.
    ///
    /// With an adapter it must be called in a tokio runtime. Refused handshakes are told to [`on_connect_error`](Self::on_connect_error).
    #[must_use]
    pub fn engine(&self, config: EngineConfig) -> &Engine {
        self.server.engine.get_or_init(|| {
            if let Some(cluster) = &self.server.cluster {
                cluster.start(&self.server);
            }
            Engine::new(self.with_hook(config), self.clone())
        })
    }

    fn with_hook(&self, mut config: EngineConfig) -> EngineConfig {
        let (io, next) = (self.clone(), config.on_connection_error.take());
        config.on_connection_error = Some(Arc::new(move |request, error| {
            io.hooks().connect_error(&ConnectRefused {
                message: error.message.clone(),
                namespace: None,
                address: Some(request.address.ip()),
            });
            if let Some(next) = &next {
                next(request, error);
            }
        }));
        config
    }

    /// Serves nothing but this server on an address, until it is [closed](Self::close); afterwards it may listen again.
    /// Pages of any origin may connect.
    ///
    /// For more, such as routes of your own, a certificate or an end, give the [`engine`](Self::engine)'s router to
    /// [`http::serve`](crate::http::serve::serve).
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let io = pesan_server::socketio::Io::default();
    /// io.listen("127.0.0.1:3000").await
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the address is none, or cannot be listened on; or the server was closed and has an adapter, which has left the
    /// other nodes.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> std::io::Result<()> {
        let address = tokio::net::lookup_host(address).await?.next();
        let address = address.ok_or_else(|| std::io::Error::other("a name without an address"))?;
        let listener = bind(address)?;
        self.reopen()?;
        let mut closed = self.server.closed.subscribe();
        let config = EngineConfig {
            cors: Some(Cors::default()),
            ..EngineConfig::default()
        };
        let app = self.engine(config).router();
        let stop = async move {
            // The sender lives as long as `self`.
            drop(closed.wait_for(|closed| *closed).await);
        };
        serve(listener, app, ServeConfig::default(), stop).await;
        Ok(())
    }

    /// Takes clients again after [`close`](Self::close).
    fn reopen(&self) -> std::io::Result<()> {
        if !self.server.is_closed() {
            return Ok(());
        }
        if self.server.cluster.is_some() {
            return Err(std::io::Error::other(
                "a server with an adapter cannot listen again after it was closed",
            ));
        }
        if let Some(engine) = self.server.engine() {
            engine.reopen();
        }
        self.server.closed.send_replace(false);
        Ok(())
    }

    /// Options.
    #[must_use]
    pub fn config(&self) -> &IoConfig {
        &self.server.config
    }

    /// Largest message that the transport takes.
    pub(super) fn max_payload(&self) -> usize {
        self.server
            .engine()
            .map_or(0, |engine| engine.config().max_payload)
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.server.hooks
    }

    /// Ends everything: sockets hear `server shutting down`, then their connections are closed, and [`listen`](Self::listen)
    /// returns. Middleware and connection handlers stay for a next `listen`.
    pub fn close(&self) {
        self.server.closed.send_replace(true);
        let namespaces = self.namespaces();
        for socket in namespaces.iter().flat_map(Namespace::sockets) {
            socket.close(DisconnectReason::ServerShuttingDown);
        }
        if let Some(cluster) = &self.server.cluster {
            cluster.leave();
        }
        if let Some(engine) = self.server.engine() {
            engine.close();
        }
    }

    fn known(&self, name: &str) -> Option<Namespace> {
        self.server.known(name)
    }

    /// Patterns and functions; a copy, as they are the program's code and not called under the lock.
    fn parents(&self) -> Vec<Parent> {
        self.server
            .parents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn make(&self, name: &str, parent: Option<Parent>, dynamic: bool) -> Entering {
        let mut namespaces = self
            .server
            .namespaces
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = namespaces.get(name) {
            return Entering::new(known);
        }
        let namespace = Namespace::new(&self.server, name, parent, dynamic);
        namespaces.insert(name.into(), namespace.clone());
        let entering = Entering::new(&namespace);
        drop(namespaces);
        if let Some(parent) = namespace.parent() {
            parent.adopt(&namespace);
        }
        self.server.new_namespace.call(&namespace);
        entering
    }

    /// Namespace that a client asked for, made if a pattern says so.
    pub(super) fn find(&self, name: &str, auth: &Value) -> Option<Entering> {
        if self.server.is_closed() {
            return None;
        }
        let known = match self.server.enter(name) {
            Some(known) if !known.namespace().is_bare() => {
                let parent = known.namespace().parent().cloned();
                return parent
                    .is_none_or(|parent| parent.allows(name, auth))
                    .then_some(known);
            }
            known => known,
        };
        let parents = self.parents();
        let parent = parents.iter().find(|parent| parent.allows(name, auth));
        if let Some(known) = known {
            let Some(parent) = parent else {
                // a function may have looked at `auth`: nobody comes in past it
                let is_open = parents.iter().all(|parent| parent.fits(name).is_some());
                return is_open.then_some(known);
            };
            return belongs(known, parent, auth);
        }
        let parent = parent?;
        let dynamic = self
            .namespaces()
            .iter()
            .filter(|namespace| namespace.is_dynamic())
            .count();
        if dynamic >= self.config().limits.max_dynamic_namespaces {
            tracing::warn!(name, "too many namespaces were made from patterns");
            return None;
        }
        belongs(self.make(name, Some(parent.clone()), true), parent, auth)
    }
}

/// Lets a client into a namespace as one of `parent`; where another has been faster, as that one says.
fn belongs(entering: Entering, parent: &Parent, auth: &Value) -> Option<Entering> {
    let namespace = entering.namespace();
    let owner = namespace.belong_to(parent);
    owner.adopt(namespace);
    let is_same = owner.is(parent);
    (is_same || owner.allows(namespace.name(), auth)).then_some(entering)
}

/// Lifecycle hooks. Each is called for the whole server, after a line in the log.
impl Io {
    /// A handshake or a CONNECT was refused.
    pub fn on_connect_error(&self, hook: impl Fn(&ConnectRefused) + Send + Sync + 'static) {
        self.server.hooks.connect_error.add(hook);
    }

    /// A client came back with an earlier session. Needs connection state recovery, as the next three do.
    pub fn on_reconnect_attempt(&self, hook: impl Fn(&Reconnecting) + Send + Sync + 'static) {
        self.server.hooks.reconnect_attempt.add(hook);
    }

    /// It is connected again, with the earlier session or a fresh one.
    pub fn on_reconnect(&self, hook: impl Fn(&Reconnected) + Send + Sync + 'static) {
        self.server.hooks.reconnect.add(hook);
    }

    /// It was refused.
    pub fn on_reconnect_error(&self, hook: impl Fn(&ConnectRefused) + Send + Sync + 'static) {
        self.server.hooks.reconnect_error.add(hook);
    }

    /// A client did not come back in time.
    pub fn on_reconnect_failed(&self, hook: impl Fn(&ReconnectFailed) + Send + Sync + 'static) {
        self.server.hooks.reconnect_failed.add(hook);
    }

    /// Anything else went wrong: a client broke the protocol, arguments do not fit a handler, a handler failed.
    pub fn on_error(&self, hook: impl Fn(&ErrorReport) + Send + Sync + 'static) {
        self.server.hooks.error.add(hook);
    }
}

impl Protocol for Io {
    type Session = Session;

    fn open(&self, connection: Connection, handshake: Arc<HandshakeRequest>) -> Session {
        Session::new(self.clone(), Client::new(connection, handshake))
    }
}
