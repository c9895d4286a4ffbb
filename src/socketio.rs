//! Socket.IO 4 for Rust: codecs, the client without I/O, and its drivers.

pub mod client;
pub mod engine;
mod event;
mod frame;
#[cfg(any(feature = "web", feature = "native"))]
#[cfg_attr(
    not(any(feature = "native", target_arch = "wasm32")),
    expect(dead_code, unused_imports, reason = "without a transport nobody calls back")
)]
mod handle;
#[cfg(feature = "leptos")]
pub mod leptos;
mod limits;
mod line;
#[cfg(feature = "msgpack")]
pub mod msgpack;
#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
pub mod native;
pub mod packet;
mod parser;
mod time;
pub mod value;
#[cfg(all(feature = "web", target_arch = "wasm32"))]
pub mod web;

pub use event::{Event, NoAck};
pub use frame::Frame;
#[cfg(any(feature = "web", feature = "native"))]
pub use handle::{
    AckError, Answered, Args, ArgsError, Client, EmitChange, Emitter, FromArg, Handler, IntoArgs, Lifecycle,
    Listening, MaybeSend, Message, Messages, One, OpenError, Options, Responder, Rest, Seen, SendError,
    Socket, Status,
};
pub use limits::Limits;
pub use packet::{DecodeError, Decoded, Decoder, Packet};
pub use parser::Parser;
pub use time::Timestamp;
pub use value::{Value, from_value, to_value};
