//! Codecs that both ends share: Engine.IO and Socket.IO packets, msgpack, and the values that events carry.
//!
//! Hand-written and pure: no I/O, no clock, and limits for everything that a peer may send.

pub(super) mod args;
pub mod engine;
mod frame;
mod limits;
#[cfg(feature = "msgpack")]
pub mod msgpack;
pub mod packet;
mod parser;
pub mod value;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use args::{Ack, ArgReader, Args, ArgsError, FromArg, HandlerOutput, Spread, to_args};
pub use frame::Frame;
pub use limits::Limits;
pub use packet::{DecodeError, Packet};
pub use parser::{Decoded, Decoder, Parser};
pub use value::{Value, from_value, to_value};

/// Event whose name, argument and ack are checked by the compiler.
///
/// The type is the event's only argument. Define it once, in a crate that both ends use:
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
    /// Type of the ack; [`NoAck`] if there is none.
    type Ack: Serialize + DeserializeOwned;
}

/// Ack type of events without an ack; it has no values.
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
