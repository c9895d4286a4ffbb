//! The server: its namespaces, lifecycle hooks and engine.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use pesan::socketio::Parser;
use pesan::socketio::packet::ROOT;
use pesan::socketio::value::Value;
use tokio::net::ToSocketAddrs;
use tokio::sync::watch;

use super::adapter::{Adapter, Health};
use super::cluster::{Cluster, commands};
use super::config::IoConfig;
use super::connect::NamespaceGuard;
use super::data::Data;
use super::disconnect_reason::DisconnectReason;
use super::error::NamespaceError;
use super::handles::{Client, Io, Namespace, ParentNamespace, Server};
use super::hooks::{
    ConnectRefused, ErrorReport, HookList, Hooks, ReconnectFailed, Reconnected, Reconnecting,
};
use super::namespace_matcher::NamespaceMatcher;
use super::packet_handler::PacketHandler;
use crate::engineio::{Connection, Cors, Engine, EngineConfig, HandshakeRequest, Protocol};
use crate::http::serve::{ServeConfig, bind, serve};

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

    /// Returns the namespace for a client that connects to it.
    fn enter(&self, name: &str) -> Option<NamespaceGuard> {
        self.namespaces
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(NamespaceGuard::new)
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

    /// Removes a dynamic namespace, unless it is used again.
    pub(super) fn remove_namespace(&self, namespace: &Namespace) {
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

    /// Server that is one node of a cluster.
    ///
    /// Broadcasts, operations on many sockets and connection state recovery then work across all nodes. The load balancer
    /// needs sticky sessions, as for the official server, because polling clients must reach the same node. If the service
    /// of the adapter is unreachable, each node continues on its own.
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

    /// Adds a value that handlers take as [`State`](super::State); replaces an earlier one of the same type.
    #[must_use]
    pub fn with_state<T: Clone + Send + Sync + 'static>(self, state: T) -> Self {
        self.server.state.insert(state);
        self
    }

    /// Value added by [`with_state`](Self::with_state).
    #[must_use]
    pub fn state<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.server.state.get::<T>().map(|state| T::clone(&state))
    }

    /// Whether the other nodes are reachable.
    #[must_use]
    pub fn health(&self) -> Health {
        self.server
            .cluster
            .as_ref()
            .map_or(Health::Alone, Cluster::health)
    }

    /// Number of other nodes that are up.
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
            state: Data::default(),
            cluster,
            namespaces: RwLock::default(),
            parents: RwLock::default(),
            new_namespace: HookList::default(),
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
            .expect("`build` sets it before the server is shared")
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

    /// Returns the namespace of this name; creates it if it does not exist.
    ///
    /// A namespace that matches a pattern of [`of_dynamic`](Self::of_dynamic) has its middleware and handlers too.
    ///
    /// # Errors
    /// [`NamespaceError`] when no client could connect to this name.
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
            .find(|parent| parent.matches_name(&name) == Some(true));
        Ok(self.create(&name, parent, false).namespace().clone())
    }

    /// Namespaces that are created when a client connects to a name that matches: a pattern in which `*` stands for any
    /// characters, or a function of name and `auth`, which is called for each client.
    ///
    /// A namespace of [`of`](Self::of) that has neither handlers nor middleware of its own when its first client connects
    /// belongs to the first match. If a function does not match for that client, the client is refused.
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
    pub fn of_dynamic(&self, matcher: impl NamespaceMatcher) -> ParentNamespace {
        let parent = ParentNamespace::new(matcher);
        let mut parents = self
            .server
            .parents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        parents.push(parent.clone());
        parent
    }

    /// Calls `hook` with each namespace that is created, by name or from a pattern.
    pub fn on_new_namespace(&self, hook: impl Fn(&Namespace) + Send + Sync + 'static) {
        self.server.new_namespace.add(hook);
    }

    /// All namespaces.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        self.server.all()
    }

    /// Engine of this server, created by the first call; later calls return the same engine.
    ///
    /// With an adapter it must be called in a tokio runtime. Refused handshakes are reported to
    /// [`on_connect_error`](Self::on_connect_error).
    #[must_use]
    pub fn engine(&self, config: EngineConfig) -> &Engine {
        self.server.engine.get_or_init(|| {
            commands::start(&self.server);
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

    /// Serves only this server on an address, until it is [closed](Self::close); afterwards it may listen again.
    /// Pages of any origin may connect.
    ///
    /// For other routes, TLS or a graceful shutdown, pass the [`engine`](Self::engine), or an application around it, to
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
    /// When the address is invalid or cannot be listened on, or the server was closed and has an adapter, which has left
    /// the cluster.
    pub async fn listen(&self, address: impl ToSocketAddrs) -> std::io::Result<()> {
        let address = tokio::net::lookup_host(address).await?.next();
        let address = address.ok_or_else(|| std::io::Error::other("host name has no address"))?;
        let listener = bind(address)?;
        self.reopen()?;
        let mut closed = self.server.closed.subscribe();
        let config = EngineConfig {
            cors: Some(Cors::default()),
            ..EngineConfig::default()
        };
        let app = self.engine(config).clone();
        let stop = async move {
            // The sender lives as long as `self`.
            drop(closed.wait_for(|closed| *closed).await);
        };
        serve(listener, app, ServeConfig::default(), stop).await;
        Ok(())
    }

    /// Accepts clients again after [`close`](Self::close).
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

    /// Largest message that the transport accepts.
    pub(super) fn max_payload(&self) -> usize {
        self.server
            .engine()
            .map_or(0, |engine| engine.config().max_payload)
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.server.hooks
    }

    /// Closes the server: sockets are disconnected with `server shutting down`, their connections are closed, and
    /// [`listen`](Self::listen) returns. Middleware and connection handlers stay for a later `listen`.
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

    /// Copy of the list of parents, whose matchers must not be called under the lock.
    fn parents(&self) -> Vec<ParentNamespace> {
        self.server
            .parents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn create(&self, name: &str, parent: Option<ParentNamespace>, dynamic: bool) -> NamespaceGuard {
        let mut namespaces = self
            .server
            .namespaces
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = namespaces.get(name) {
            return NamespaceGuard::new(known);
        }
        let namespace = Namespace::new(&self.server, name, parent, dynamic);
        namespaces.insert(name.into(), namespace.clone());
        let guard = NamespaceGuard::new(&namespace);
        drop(namespaces);
        if let Some(parent) = namespace.parent() {
            parent.adopt(&namespace);
        }
        self.server.new_namespace.call(&namespace);
        guard
    }

    /// Finds the namespace that a client connects to, or creates it if a pattern matches.
    pub(super) fn find(&self, name: &str, auth: &Value) -> Option<NamespaceGuard> {
        if self.server.is_closed() {
            return None;
        }
        let known = match self.server.enter(name) {
            Some(known) if !known.namespace().is_unclaimed() => {
                let parent = known.namespace().parent().cloned();
                return parent
                    .is_none_or(|parent| parent.matches(name, auth))
                    .then_some(known);
            }
            known => known,
        };
        let parents = self.parents();
        let parent = parents.iter().find(|parent| parent.matches(name, auth));
        if let Some(known) = known {
            let Some(parent) = parent else {
                // A function may depend on `auth` and must not be bypassed.
                let is_open = parents.iter().all(|parent| parent.matches_name(name).is_some());
                return is_open.then_some(known);
            };
            return assign_parent(known, parent, auth);
        }
        let parent = parent?;
        let dynamic = self
            .namespaces()
            .iter()
            .filter(|namespace| namespace.is_dynamic())
            .count();
        if dynamic >= self.config().limits.max_dynamic_namespaces {
            tracing::warn!(name, "limit of dynamic namespaces reached");
            return None;
        }
        assign_parent(self.create(name, Some(parent.clone()), true), parent, auth)
    }
}

/// Makes the namespace a child of `parent`. If it has another parent already, that one has to match too.
fn assign_parent(guard: NamespaceGuard, parent: &ParentNamespace, auth: &Value) -> Option<NamespaceGuard> {
    let namespace = guard.namespace();
    let owner = namespace.adopt_by(parent);
    owner.adopt(namespace);
    let is_same = owner.is(parent);
    (is_same || owner.matches(namespace.name(), auth)).then_some(guard)
}

/// Lifecycle hooks. Each is called for the whole server, after the event was logged.
impl Io {
    /// Called when a handshake or a CONNECT is refused.
    pub fn on_connect_error(&self, hook: impl Fn(&ConnectRefused) + Send + Sync + 'static) {
        self.server.hooks.connect_error.add(hook);
    }

    /// Called when a client reconnects with an earlier session. Needs connection state recovery, like the next three.
    pub fn on_reconnect_attempt(&self, hook: impl Fn(&Reconnecting) + Send + Sync + 'static) {
        self.server.hooks.reconnect_attempt.add(hook);
    }

    /// Called when such a client is connected, with the earlier session or a new one.
    pub fn on_reconnect(&self, hook: impl Fn(&Reconnected) + Send + Sync + 'static) {
        self.server.hooks.reconnect.add(hook);
    }

    /// Called when such a client is refused.
    pub fn on_reconnect_error(&self, hook: impl Fn(&ConnectRefused) + Send + Sync + 'static) {
        self.server.hooks.reconnect_error.add(hook);
    }

    /// Called when a client did not reconnect in time.
    pub fn on_reconnect_failed(&self, hook: impl Fn(&ReconnectFailed) + Send + Sync + 'static) {
        self.server.hooks.reconnect_failed.add(hook);
    }

    /// Called for any other error: a protocol violation of a client, invalid arguments, a failed handler.
    pub fn on_error(&self, hook: impl Fn(&ErrorReport) + Send + Sync + 'static) {
        self.server.hooks.error.add(hook);
    }
}

impl Protocol for Io {
    type Session = PacketHandler;

    fn open(&self, connection: Connection, handshake: Arc<HandshakeRequest>) -> PacketHandler {
        PacketHandler::new(self.clone(), Client::new(connection, handshake))
    }
}
