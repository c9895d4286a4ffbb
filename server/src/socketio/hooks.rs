//! Lifecycle hooks of a server: what went wrong, and who came back.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use metrics::{Counter, Gauge};

use crate::log::LogLimit;

/// Lines that clients can cause at will, each kind of them.
static REFUSED: LogLimit = LogLimit::new(100, Duration::from_secs(60));
static RETURNING: LogLimit = LogLimit::new(1000, Duration::from_secs(60));
static ERRORS: LogLimit = LogLimit::new(100, Duration::from_secs(60));

/// A handshake or a CONNECT was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRefused {
    /// Why, in the words that the client got.
    pub message: String,
    /// Namespace of the CONNECT; `None` when the handshake itself was refused.
    pub namespace: Option<String>,
    /// Address of the client.
    pub address: Option<IpAddr>,
}

/// A client brought an earlier session along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnecting {
    /// Namespace of the CONNECT.
    pub namespace: String,
    /// Address of the client.
    pub address: Option<IpAddr>,
}

/// A client that brought an earlier session along is connected again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnected {
    /// Namespace of the socket.
    pub namespace: String,
    /// Id of the socket; the earlier one when it was recovered.
    pub socket: String,
    /// Whether the session was taken up; otherwise the socket is a fresh one.
    pub recovered: bool,
    /// How long the client was away, where it is known.
    pub after: Option<Duration>,
    /// Events that it had missed and got.
    pub missed: usize,
}

/// A session whose client did not come back in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectFailed {
    /// Namespace of the socket.
    pub namespace: String,
    /// Id that the socket had.
    pub socket: String,
}

/// Anything else that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReport {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// What happened.
    pub message: String,
    /// Namespace, where one is concerned.
    pub namespace: Option<String>,
    /// Id of the socket, where one is concerned.
    pub socket: Option<String>,
    /// Name of the event, where one is concerned.
    pub event: Option<String>,
}

/// What kind of failure an [`ErrorReport`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Client sent what is no packet, or out of turn.
    Protocol,
    /// Arguments of an event do not fit the handler.
    Arguments,
    /// Handler returned an error.
    Handler,
    /// Handler panicked.
    Panic,
    /// Middleware refused an event.
    Middleware,
    /// Other nodes cannot be reached.
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

/// HookList of hooks that is read without holding the lock over the calls.
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
            // A hook that panics is as local as a handler that does.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(what))).is_err() {
                tracing::error!("a lifecycle hook panicked");
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
        metrics::counter!("pesan_connect_errors_total").increment(1);
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
        metrics::counter!("pesan_reconnects_total", "outcome" => outcome).increment(1);
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
        metrics::counter!("pesan_reconnects_total", "outcome" => "refused").increment(1);
        self.reconnect_error.call(what);
    }

    pub(super) fn reconnect_failed(&self, what: &ReconnectFailed) {
        tracing::info!(
            socket = what.socket,
            namespace = what.namespace,
            "reconnect_failed"
        );
        metrics::counter!("pesan_reconnects_total", "outcome" => "expired").increment(1);
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
        metrics::counter!("pesan_errors_total", "kind" => what.kind.as_str()).increment(1);
        self.error.call(what);
    }
}

/// Counters of the busy paths, looked up once.
pub(super) struct Meters {
    pub(super) events_in: Counter,
    pub(super) events_out: Counter,
    pub(super) acks_in: Counter,
    pub(super) sockets: Gauge,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            events_in: metrics::counter!("pesan_events_in_total"),
            events_out: metrics::counter!("pesan_events_out_total"),
            acks_in: metrics::counter!("pesan_acks_in_total"),
            sockets: metrics::gauge!("pesan_sockets"),
        }
    }
}
