//! The running server: the page's files, Socket.IO, the chat, and when all of it stops.

mod engine_config;
pub mod router;
mod shutdown;
mod shutdown_timer;

use std::sync::Arc;

use anyhow::Context;
use axum::Router;

use crate::auth::{AuthError, Authenticator};
use crate::chat::Chat;
use crate::config::{Config, SocketLimits, Store};
use crate::engineio::Engine;
use crate::http::assets::Assets;
use crate::http::health::Readiness;
use crate::http::security_headers::Policy;
use crate::http::serve::{ConnectionLimit, Tls};
use crate::socketio::{Io, IoConfig, Redis, RedisConfig};
pub use shutdown::signals;
pub use shutdown_timer::ShutdownTimer;

/// The running server; cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    /// Files of the page.
    pub assets: Assets,
    /// What the page may do.
    pub policy: Policy,
    /// Socket.IO requests.
    pub engine: Engine,
    /// The chat.
    pub chat: Chat,
    /// Whether new connections are welcome.
    pub readiness: Arc<Readiness>,
    /// When it stops.
    pub stop: ShutdownTimer,
    /// Limit of HTTP connections.
    pub connections: Arc<ConnectionLimit>,
    /// Certificate of the public address, where it has one.
    pub tls: Option<Tls>,
    /// What it was built from.
    pub config: Arc<Config>,
    /// Whether `/metrics` has an address of its own.
    pub metrics_elsewhere: bool,
}

impl AppState {
    /// Builds the server from its configuration: reads the page and the secrets, opens the history.
    ///
    /// # Errors
    /// When something that the configuration names is not there or does not work.
    pub async fn new(config: &Config) -> anyhow::Result<Self> {
        let servers = config.page.servers();
        let assets = Assets::load(&config.page.assets, &servers)?;
        let access = load_authenticator(config)?;
        let io = io(&config.store)?;
        let page = assets.clone();
        let chat = Chat::start(io.clone(), &config.store, config.chat, access, move || {
            page.build()
        })
        .await?;
        let stop = ShutdownTimer::default();
        let closing = stop.clone();
        chat.on_closing(move |within| match within {
            Some(time) => closing.within(time),
            None => closing.cancel(),
        });
        let engine = io.engine(engine_config::engine_config(config)).clone();
        Ok(Self {
            assets,
            policy: Policy {
                servers,
                secure: config.listen.tls_cert.is_some(),
            },
            engine,
            chat,
            readiness: Arc::default(),
            stop,
            connections: Arc::new(connection_limit(&config.sockets)),
            tls: None,
            config: Arc::new(config.clone()),
            metrics_elsewhere: config.listen.admin_listen.is_some(),
        })
    }

    /// Reads tokens and secrets as they are now.
    fn load_authenticator(&self) -> Result<Authenticator, AuthError> {
        load_authenticator(&self.config)
    }

    /// Why the server should get no new connections, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if self.readiness.is_draining() {
            return Some("going down".to_owned());
        }
        if let Some(error) = self.chat.trouble() {
            return Some(format!("messages cannot be stored: {error}"));
        }
        let (sessions, max_sessions) = self.sessions();
        if sessions >= max_sessions {
            return Some(format!("full: {sessions} sessions of at most {max_sessions}"));
        }
        self.connections.is_full().then(|| {
            let (open, max) = (self.connections.open(), self.connections.max());
            format!("full: {open} HTTP connections of at most {max}")
        })
    }

    /// Engine.IO sessions on this machine, and how many there may be.
    #[must_use]
    pub fn sessions(&self) -> (usize, usize) {
        (self.engine.sessions(), self.engine.config().limits.max_sessions)
    }

    /// Sets the gauges that are only looked at when someone asks.
    pub fn record_metrics(&self) {
        self.chat.record_metrics();
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        let open = u32::try_from(self.connections.open()).unwrap_or(u32::MAX);
        metrics::gauge!("http_connections").set(f64::from(open));
        metrics::gauge!("pesan_ready").set(flag(self.trouble().is_none()));
        metrics::gauge!("pesan_store_failed").set(flag(self.chat.trouble().is_some()));
        metrics::gauge!("pesan_build_info", "version" => env!("CARGO_PKG_VERSION"), "page" => self.assets.build()).set(1.0);
    }
}

fn load_authenticator(config: &Config) -> Result<Authenticator, AuthError> {
    let secret = std::env::var("PESAN_SECRET").ok();
    Authenticator::load(&config.access, secret, config.chat.name_chars)
}

/// Limit of HTTP connections.
fn connection_limit(sockets: &SocketLimits) -> ConnectionLimit {
    let max_per_address = match sockets.max_per_address {
        0 => sockets.max_connections,
        // a page opens several for its files
        max => max.max(16),
    };
    ConnectionLimit::new(sockets.max_connections, max_per_address)
}

/// The Socket.IO server: alone, or with others on the same Redis.
fn io(store: &Store) -> anyhow::Result<Io> {
    let Some(url) = &store.redis else {
        return Ok(Io::default());
    };
    let adapter = Redis::new(RedisConfig {
        url: url.clone(),
        prefix: store.redis_prefix.clone(),
        ..RedisConfig::default()
    })
    .context("--redis")?;
    Ok(Io::with_adapter(IoConfig::default(), adapter))
}

/// Everything that the public address serves.
pub fn app(state: &AppState) -> Router {
    router::router(state)
}
