//! The running server on one page: state, routes, engine settings, reload and shutdown.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::HOST;
use tokio::time::{Instant, sleep};

use crate::auth::{AuthError, Authenticator};
use crate::chat::Chat;
use crate::config::{AllowedOrigin, Config, Origin, SocketLimits, Store, is_loopback};
use crate::engineio::{Cors, Engine, EngineConfig, EngineLimits, HandshakeRequest, Origins, Peer};
use crate::http::assets::Assets;
use crate::http::csp::Policy;
use crate::http::health::{self, Readiness};
use crate::http::security_headers;
use crate::http::serve::{ConnectionLimit, Tls};
use crate::shutdown::ShutdownTimer;
use crate::socketio::{Io, IoConfig, Redis, RedisConfig};

/// Time between two checks whether all connections have ended.
const LOOK: Duration = Duration::from_millis(10);

/// Time in which a polling client sends its next request; after it, the client counts as gone.
const NEXT_POLL: Duration = Duration::from_secs(2);

/// The running server; cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    /// Files of the page.
    pub assets: Assets,
    /// Content-Security-Policy of the page.
    pub policy: Policy,
    /// Engine.IO server that handles Socket.IO requests.
    pub engine: Engine,
    /// The chat.
    pub chat: Chat,
    /// Whether the server is shutting down.
    pub readiness: Arc<Readiness>,
    /// When the server stops.
    pub stop: ShutdownTimer,
    /// Limit of HTTP connections.
    pub connections: Arc<ConnectionLimit>,
    /// Certificate of the public address, where it has one.
    pub tls: Option<Tls>,
    /// Configuration that it was built from.
    pub config: Arc<Config>,
    /// Whether `/metrics` has an address of its own.
    pub has_admin_address: bool,
}

impl AppState {
    /// Builds the server from its configuration: reads the page and the secrets, opens the history.
    ///
    /// # Errors
    /// When the configuration names something that does not exist or does not work.
    pub async fn new(config: &Config) -> anyhow::Result<Self> {
        let servers = config.page.servers();
        let assets = Assets::load(&config.page.assets, &servers)?;
        let access = load_authenticator(config)?;
        let io = socketio_server(&config.store)?;
        let page = assets.clone();
        let chat = Chat::start(io.clone(), &config.store, config.chat, access, move || {
            page.build()
        })
        .await?;
        let stop = ShutdownTimer::default();
        let closing = stop.clone();
        chat.on_remote_shutdown(move |within| match within {
            Some(time) => closing.within(time),
            None => closing.cancel(),
        });
        let engine = io.engine(engine_config(config)).clone();
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
            has_admin_address: config.listen.admin_listen.is_some(),
        })
    }

    /// Reads the current tokens and secrets.
    fn load_authenticator(&self) -> Result<Authenticator, AuthError> {
        load_authenticator(&self.config)
    }

    /// Whether the server should receive new connections.
    ///
    /// # Errors
    /// Why it should not, as text.
    pub fn health(&self) -> Result<(), String> {
        if self.readiness.is_draining() {
            return Err("shutting down".to_owned());
        }
        if let Err(error) = self.chat.health() {
            return Err(format!("messages cannot be stored: {error}"));
        }
        let (sessions, max_sessions) = self.sessions();
        if sessions >= max_sessions {
            return Err(format!(
                "full: {sessions} sessions, the maximum is {max_sessions}"
            ));
        }
        if self.connections.is_full() {
            let (open, max) = (self.connections.open(), self.connections.max());
            return Err(format!("full: {open} HTTP connections, the maximum is {max}"));
        }
        Ok(())
    }

    /// Engine.IO sessions on this node, and their maximum.
    #[must_use]
    pub fn sessions(&self) -> (usize, usize) {
        (self.engine.sessions(), self.engine.config().limits.max_sessions)
    }

    /// Updates the gauges that are computed on demand.
    pub fn record_metrics(&self) {
        self.chat.record_metrics();
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        let open = u32::try_from(self.connections.open()).unwrap_or(u32::MAX);
        metrics::gauge!("http_connections").set(f64::from(open));
        metrics::gauge!("pesan_ready").set(flag(self.health().is_ok()));
        metrics::gauge!("pesan_store_failed").set(flag(self.chat.health().is_err()));
        metrics::gauge!("pesan_build_info", "version" => env!("CARGO_PKG_VERSION"), "page" => self.assets.build()).set(1.0);
    }

    /// Waits for the time of the shutdown, then shuts down: announces it, stores and acknowledges all queued messages,
    /// closes the sockets, and waits for connections to end, at most for `drain`.
    pub async fn stopped(self, drain: Duration) {
        self.stop.wait().await;
        tracing::info!("shutting down");
        self.readiness.drain();
        let deadline = Instant::now() + drain;
        let abandoned = Instant::now() + NEXT_POLL;
        self.chat.announce_shutdown(Duration::from_secs(1), "");
        self.chat.close_history().await;
        self.chat.io().close();
        while self.engine.sessions() > 0 && Instant::now() < deadline {
            if Instant::now() >= abandoned && self.engine.reachable_sessions() == 0 {
                break;
            }
            sleep(LOOK).await;
        }
        let left = self.engine.sessions();
        if left > 0 {
            tracing::warn!(left, "connections did not end in time and were closed");
        }
    }

    /// Reloads the page, the certificate, tokens and secrets. What cannot be read stays unchanged; clients whose secret is
    /// no longer valid are disconnected.
    ///
    /// # Errors
    /// What stays unchanged, and why.
    pub fn reload(&self) -> Result<String, String> {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        match self.assets.reload() {
            Ok(()) => {
                tracing::info!(build = self.assets.build(), "page reloaded");
                done.push("page".to_owned());
            }
            Err(error) => failed.push(format!("the page is unchanged: {error}")),
        }
        if let Some(tls) = &self.tls {
            match tls.reload() {
                Ok(()) => {
                    tracing::info!("certificate reloaded");
                    done.push("certificate".to_owned());
                }
                Err(error) => failed.push(format!("the certificate is unchanged: {error}")),
            }
        }
        match self.load_authenticator() {
            Ok(access) => {
                let revoked = self.chat.replace_authenticator(access);
                tracing::info!(revoked, "tokens and secrets reloaded");
                done.push(format!("tokens and secrets ({revoked} connections ended)"));
            }
            Err(error) => failed.push(format!("tokens and secrets are unchanged: {error}")),
        }
        for error in &failed {
            tracing::error!("{error}");
        }
        if failed.is_empty() {
            Ok(format!("reloaded: {}", done.join(", ")))
        } else {
            Err(failed.join("; "))
        }
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
        // a page opens several connections for its files
        max => max.max(16),
    };
    ConnectionLimit::new(sockets.max_connections, max_per_address)
}

/// Socket.IO server, with the Redis adapter if there are several nodes.
fn socketio_server(store: &Store) -> anyhow::Result<Io> {
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

/// Routes of the public address.
pub fn app(state: &AppState) -> Router {
    let mut routes = Router::new()
        // for load balancers
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    if !state.has_admin_address {
        // for Prometheus on this machine
        routes = routes.route("/metrics", get(local_metrics));
    }
    // Socket.IO
    let routes = routes.merge(state.engine.router());
    // people
    let routes = routes.fallback(page).with_state(state.clone());
    security_headers::layers(routes, state.policy.clone())
}

/// Routes of `--admin-listen`.
pub fn admin_router(state: &AppState) -> Router {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(state.clone());
    security_headers::layers(routes, Policy::default())
}

async fn healthz(State(state): State<AppState>) -> Response {
    health::liveness(&state.health())
}

async fn readyz(State(state): State<AppState>) -> Response {
    health::readiness(&state.health())
}

/// `/metrics` of the public address: for clients on this machine only, but not for requests that a local proxy forwards.
async fn local_metrics(State(state): State<AppState>, request: Request) -> Response {
    let headers = request.headers();
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .into_iter()
        .any(|name| headers.contains_key(name));
    let local = request
        .extensions()
        .get::<Peer>()
        .is_some_and(|peer| peer.address.ip().to_canonical().is_loopback());
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    if local && !forwarded && named.is_none_or(is_loopback) {
        metrics(State(state)).await
    } else {
        page(State(state), request).await
    }
}

async fn metrics(State(state): State<AppState>) -> Response {
    state.record_metrics();
    health::metrics_page()
}

async fn page(State(state): State<AppState>, request: Request) -> Response {
    state.assets.respond(&request).into_response()
}

/// Engine settings from the configuration.
fn engine_config(config: &Config) -> EngineConfig {
    let sockets = &config.sockets;
    let allowed = AllowedOrigins::new(&config.listen.origin);
    let mut limits = EngineLimits {
        max_sessions: sockets.max_connections,
        max_held_bytes: sockets.max_held_bytes,
        ..EngineLimits::default()
    };
    limits.max_sessions_per_address = match sockets.max_per_address {
        0 => sockets.max_connections,
        most => most,
    };
    EngineConfig {
        ping_interval: Duration::from_millis(sockets.ping_interval),
        ping_timeout: Duration::from_millis(sockets.ping_timeout),
        max_payload: sockets.max_payload,
        // scripts of other origins may read the responses; `allow_request` below decides whether they may connect
        cors: Some(Cors::default()),
        origins: Origins::Any,
        allow_request: Some(Arc::new(move |request: Arc<HandshakeRequest>| {
            let verdict = allowed.verdict(request.headers.get("origin"), request.headers.get("host"));
            Box::pin(std::future::ready(verdict))
        })),
        limits,
        ..EngineConfig::default()
    }
}

/// Origins whose pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
enum AllowedOrigins {
    /// The server's own host, and loopback addresses, for development.
    OwnAndLoopback,
    /// All origins.
    Any,
    /// The server's own host, and these origins.
    Listed(Vec<Origin>),
}

impl AllowedOrigins {
    fn new(origins: &[AllowedOrigin]) -> Self {
        if origins.is_empty() {
            return Self::OwnAndLoopback;
        }
        let listed = origins.iter().map(|origin| match origin {
            AllowedOrigin::Any => None,
            AllowedOrigin::Origin(origin) => Some(origin.clone()),
        });
        listed.collect::<Option<_>>().map_or(Self::Any, Self::Listed)
    }

    fn verdict(&self, origin: Option<&str>, host: Option<&str>) -> Result<(), String> {
        // only browsers send an Origin header, and only there can a foreign page cause the request
        let Some(origin) = origin else { return Ok(()) };
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let own = authority
            .zip(host)
            .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
        let allowed = own
            || match self {
                Self::Any => true,
                Self::OwnAndLoopback => authority.is_some_and(is_loopback),
                Self::Listed(list) => list.iter().any(|one| one.as_str().eq_ignore_ascii_case(origin)),
            };
        if allowed {
            Ok(())
        } else {
            Err("origin not allowed".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &[&str], origin: &str) -> bool {
        let list = list.iter().flat_map(|one| ["--origin", one]);
        let config = Config::from_args(list).expect("good origins");
        AllowedOrigins::new(&config.listen.origin)
            .verdict(Some(origin), Some("chat.example"))
            .is_ok()
    }

    #[test]
    fn origins_other_than_own_and_loopback_need_to_be_listed() {
        assert!(allows(&[], "https://chat.example"));
        assert!(allows(&[], "http://localhost:5173"));
        assert!(allows(&[], "http://[::1]:3000"));
        assert!(!allows(&[], "https://evil.example"));
        assert!(!allows(&[], "http://localhost.evil.example"));
        assert!(!allows(&[], "null"));
        assert!(allows(&["https://a.example/"], "https://a.example"));
        assert!(allows(&["https://A.example:443"], "https://a.example"));
        assert!(!allows(&["https://a.example"], "http://localhost:5173"));
        assert!(allows(&["*"], "null"));
        assert!(allows(
            &["https://a.example, https://b.example"],
            "https://b.example"
        ));
    }

    #[test]
    fn origin_missing_is_allowed() {
        assert!(AllowedOrigins::new(&[]).verdict(None, None).is_ok());
    }
}
