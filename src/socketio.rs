//! Socket.IO 4 for Rust: codecs, the client without I/O, and its drivers.

pub mod client;
pub mod engine;
mod event;
mod frame;
mod limits;
#[cfg(feature = "msgpack")]
pub mod msgpack;
pub mod packet;
mod parser;
mod time;
pub mod value;

pub use event::{Event, NoAck};
pub use frame::Frame;
pub use limits::Limits;
pub use packet::{DecodeError, Decoded, Decoder, Packet};
pub use parser::Parser;
pub use time::Timestamp;
pub use value::{Value, from_value, to_value};
