//! Events bound to a Rust type: one type says the name, the arguments and the answer, for both ends.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Event whose name, argument and answer the compiler checks.
///
/// The type itself is the event's one argument. Declare it once in a crate that both ends use:
///
/// ```
/// use pesan::socketio::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Add {
///     left: i32,
///     right: i32,
/// }
///
/// impl Event for Add {
///     const NAME: &'static str = "add";
///     type Ack = i32;
/// }
/// ```
pub trait Event: Serialize + DeserializeOwned {
    /// Name on the wire.
    const NAME: &'static str;
    /// What the receiver answers; [`NoAck`] when it does not.
    type Ack: Serialize + DeserializeOwned;
}

/// Answer of events that have none; no value of it exists.
///
/// ```
/// use pesan::socketio::{Event, NoAck};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Typing {
///     room: String,
/// }
///
/// impl Event for Typing {
///     const NAME: &'static str = "typing";
///     type Ack = NoAck;
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NoAck {}
