//! Adapters connect the nodes of one service.
//!
//! An adapter only transports bytes; [`cluster`](super::cluster) gives them meaning. A server without an adapter is the only
//! node.

#[cfg(feature = "redis")]
mod redis;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "redis")]
pub use redis::{Redis, RedisConfig, RedisError};

/// Event of an adapter, reported from a task of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdapterEvent {
    /// Other nodes are reachable (again).
    Up,
    /// Other nodes are unreachable, with the reason.
    Down(String),
    /// Message of a node, possibly of this one.
    Message(Vec<u8>),
    /// Entry of the shared log, of any node, in the order of the log.
    Appended {
        /// Offset in the log; increases with each entry.
        id: (u64, u64),
        /// Appended message.
        message: Vec<u8>,
        /// Whether it was appended before this node started.
        old: bool,
    },
    /// Entries of the log were removed before this node had read them.
    Missed,
}

/// Receives the events of an adapter.
pub trait AdapterSink: Send + Sync {
    /// Handles one event.
    fn on_event(&self, event: AdapterEvent);
}

/// Whether the other nodes are reachable.
///
/// ```
/// use pesan_server::socketio::{Health, Io};
/// assert_eq!(Io::default().health(), Health::Alone);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// There are no other nodes.
    Alone,
    /// They are reachable.
    Up,
    /// They are unreachable; this node continues on its own.
    Down,
}

/// Transports messages between nodes. Calls do not wait: they return `false` if the message cannot be sent now.
pub trait Adapter: fmt::Debug + Send + Sync + 'static {
    /// Starts the adapter, inside a tokio runtime.
    fn start(&self, node: &str, sink: Arc<dyn AdapterSink>);

    /// Sends a message to all nodes, or to one.
    fn publish(&self, to: Option<&str>, message: Vec<u8>) -> bool;

    /// Appends a message to the log that all nodes read in the same order.
    fn append(&self, message: Vec<u8>) -> bool;

    /// Saves a value for all nodes, for the duration `keep`.
    fn save(&self, key: &str, value: Vec<u8>, keep: Duration) -> bool;

    /// Takes a saved value out; of several concurrent calls, one gets it.
    fn take(&self, key: &str) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

    /// Whether other nodes are reachable.
    fn health(&self) -> Health;
}
