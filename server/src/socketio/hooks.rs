//! Lifecycle hooks of a server: refused and reconnecting clients, and errors; with their log lines and metrics.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::meter::{Counter, Gauge};

use crate::log_limit::LogLimit;

/// Limits of log lines that clients can cause at any rate.
static REFUSED: LogLimit = LogLimit::new(100, Duration::from_secs(60));
static RETURNING: LogLimit = LogLimit::new(1000, Duration::from_secs(60));
static ERRORS: LogLimit = LogLimit::new(100, Duration::from_secs(60));

/// Handshake or CONNECT that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRefused {
    /// Message that the client got.
    pub message: String,
    /// Namespace of the CONNECT; `None` when the handshake itself was refused.
    pub namespace: Option<String>,
    /// Address of the client.
    pub address: Option<IpAddr>,
}

/// Client that reconnects with an earlier session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnecting {
    /// Namespace of the CONNECT.
    pub namespace: String,
    /// Address of the client.
    pub address: Option<IpAddr>,
}

/// Client that has reconnected after sending an earlier session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnected {
    /// Namespace of the socket.
    pub namespace: String,
    /// Id of the socket; the earlier one when it was recovered.
    pub socket: String,
    /// Whether the session was resumed; otherwise the socket is a new one.
    pub recovered: bool,
    /// Duration of the disconnection, if it is known.
    pub after: Option<Duration>,
    /// Number of missed events that were replayed.
    pub missed: usize,
}

/// Session that expired because its client did not reconnect in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectFailed {
    /// Namespace of the socket.
    pub namespace: String,
    /// Id of the socket.
    pub socket: String,
}

/// Any other error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReport {
    /// Kind of the error.
    pub kind: ErrorKind,
    /// Description.
    pub message: String,
    /// Namespace, if the error concerns one.
    pub namespace: Option<String>,
    /// Id of the socket, if the error concerns one.
    pub socket: Option<String>,
    /// Name of the event, if the error concerns one.
    pub event: Option<String>,
}

/// Kind of an [`ErrorReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Client sent an invalid or unexpected packet.
    Protocol,
    /// Arguments of an event do not fit the handler.
    Arguments,
    /// Handler returned an error.
    Handler,
    /// Handler panicked.
    Panic,
    /// Middleware refused an event.
    Middleware,
    /// Other nodes are unreachable.
    Adapter,
}

impl ErrorKind {
    /// Label in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Arguments => "arguments",
            Self::Handler => "handler",
            Self::Panic => "panic",
            Self::Middleware => "middleware",
            Self::Adapter => "adapter",
        }
    }
}

type Hook<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// List of hooks. They are called without holding its lock.
pub(super) struct HookList<T>(RwLock<Arc<Vec<Hook<T>>>>);

impl<T> Default for HookList<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> HookList<T> {
    pub(super) fn add(&self, hook: impl Fn(&T) + Send + Sync + 'static) {
        let mut hooks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut *hooks).push(Arc::new(hook));
    }

    pub(super) fn call(&self, what: &T) {
        let hooks = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        for hook in hooks.iter() {
            // A panic in a hook does not affect anything else.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(what))).is_err() {
                tracing::error!("panic in a lifecycle hook");
            }
        }
    }
}

/// All hooks of a server, with their log lines and counters.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) connect_error: HookList<ConnectRefused>,
    pub(super) reconnect_attempt: HookList<Reconnecting>,
    pub(super) reconnect: HookList<Reconnected>,
    pub(super) reconnect_error: HookList<ConnectRefused>,
    pub(super) reconnect_failed: HookList<ReconnectFailed>,
    pub(super) error: HookList<ErrorReport>,
}

impl Hooks {
    pub(super) fn connect_error(&self, what: &ConnectRefused) {
        if let Some(left_out) = REFUSED.ready() {
            tracing::info!(
                message = what.message,
                namespace = what.namespace,
                address = ?what.address,
                left_out,
                "connect_error"
            );
        }
        crate::meter::counter!("pesan_connect_errors_total").increment(1);
        self.connect_error.call(what);
    }

    pub(super) fn reconnect_attempt(&self, what: &Reconnecting) {
        if let Some(left_out) = RETURNING.ready() {
            tracing::info!(namespace = what.namespace, address = ?what.address, left_out, "reconnect_attempt");
        }
        self.reconnect_attempt.call(what);
    }

    pub(super) fn reconnect(&self, what: &Reconnected) {
        tracing::info!(
            socket = what.socket,
            namespace = what.namespace,
            recovered = what.recovered,
            missed = what.missed,
            after = ?what.after,
            "reconnect"
        );
        let outcome = if what.recovered { "recovered" } else { "fresh" };
        crate::meter::counter!("pesan_reconnects_total", "outcome" => outcome).increment(1);
        self.reconnect.call(what);
    }

    pub(super) fn reconnect_error(&self, what: &ConnectRefused) {
        if let Some(left_out) = REFUSED.ready() {
            tracing::info!(
                message = what.message,
                namespace = what.namespace,
                address = ?what.address,
                left_out,
                "reconnect_error"
            );
        }
        crate::meter::counter!("pesan_reconnects_total", "outcome" => "refused").increment(1);
        self.reconnect_error.call(what);
    }

    pub(super) fn reconnect_failed(&self, what: &ReconnectFailed) {
        tracing::info!(
            socket = what.socket,
            namespace = what.namespace,
            "reconnect_failed"
        );
        crate::meter::counter!("pesan_reconnects_total", "outcome" => "expired").increment(1);
        self.reconnect_failed.call(what);
    }

    pub(super) fn error(&self, what: &ErrorReport) {
        if let Some(left_out) = ERRORS.ready() {
            tracing::warn!(
                kind = what.kind.as_str(),
                message = what.message,
                namespace = what.namespace,
                socket = what.socket,
                event = what.event,
                left_out,
                "error"
            );
        }
        crate::meter::counter!("pesan_errors_total", "kind" => what.kind.as_str()).increment(1);
        self.error.call(what);
    }
}

/// Metrics of frequent operations of one namespace, looked up once.
pub(super) struct Meters {
    pub(super) events_in: Counter,
    pub(super) events_out: Counter,
    pub(super) acks_in: Counter,
    pub(super) sockets: Gauge,
}

impl Meters {
    /// Metrics with the name of a namespace as their label. Clients choose the names of dynamic namespaces, so these
    /// share one label, and the number of series stays bounded.
    pub(super) fn new(namespace: &str, dynamic: bool) -> Self {
        let label = if dynamic { "(dynamic)" } else { namespace }.to_owned();
        Self {
            events_in: crate::meter::counter!("pesan_events_in_total", "namespace" => label.clone()),
            events_out: crate::meter::counter!("pesan_events_out_total", "namespace" => label.clone()),
            acks_in: crate::meter::counter!("pesan_acks_in_total", "namespace" => label.clone()),
            sockets: crate::meter::gauge!("pesan_sockets", "namespace" => label),
        }
    }
}
