//! What connects the nodes of one service.
//!
//! An adapter only carries bytes; what they mean is [`cluster`](super::cluster)'s business. Without one a server is on
//! its own.

mod redis;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use redis::{Redis, RedisConfig, RedisError};

/// What an adapter hands to the server, from a task of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Other nodes can be reached (again).
    Up,
    /// Other nodes cannot be reached, and why.
    Down(String),
    /// A message of another node, or an own one that comes back.
    Message(Vec<u8>),
    /// A message of the shared log, of any node, in the log's order.
    Appended {
        /// Place in the log; each is greater than those before it.
        id: (u64, u64),
        /// What was appended.
        message: Vec<u8>,
        /// Whether it was there before this node came.
        old: bool,
    },
    /// Some of the log was removed before this node had read it.
    Missed,
}

/// Where arrivals go.
pub type Inbox = Arc<dyn Fn(Arrival) + Send + Sync>;

/// Whether the other nodes can be reached.
///
/// ```
/// use pesan_server::socketio::{Health, Io};
/// assert_eq!(Io::default().health(), Health::Alone);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// There are none.
    Alone,
    /// They can.
    Up,
    /// They cannot; this node goes on by itself.
    Down,
}

/// Carries messages between nodes. No call waits: what cannot be carried now is refused with `false`.
pub trait Adapter: fmt::Debug + Send + Sync + 'static {
    /// Begins to carry, inside a tokio runtime.
    fn start(&self, node: &str, inbox: Inbox);

    /// Sends to all nodes, or to one.
    fn publish(&self, to: Option<&str>, message: Vec<u8>) -> bool;

    /// Appends to the log that all nodes read in the same order.
    fn append(&self, message: Vec<u8>) -> bool;

    /// Keeps a value for all nodes.
    fn save(&self, key: &str, value: Vec<u8>, keep: Duration) -> bool;

    /// Takes a value away: one taker gets it.
    fn take(&self, key: &str) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

    /// Whether other nodes can be reached.
    fn health(&self) -> Health;
}
