//! Codecs that both ends share: Engine.IO and Socket.IO packets, msgpack, and the values that events carry.
//!
//! Hand-written and pure: no I/O, no clock, and bounds on everything that a peer may send.

pub mod engine;
mod event;
mod frame;
mod limits;
#[cfg(feature = "msgpack")]
pub mod msgpack;
pub mod packet;
mod parser;
pub mod value;

pub use event::{Event, NoAck};
pub use frame::Frame;
pub use limits::Limits;
pub use packet::{DecodeError, Decoded, Decoder, Packet};
pub use parser::Parser;
pub use value::{Value, from_value, to_value};
