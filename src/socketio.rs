//! Socket.IO 4 for Rust: codecs, the client without I/O, and its drivers.

#[cfg(any(feature = "web", feature = "native"))]
#[cfg_attr(
    not(any(feature = "native", target_arch = "wasm32")),
    expect(dead_code, unused_imports, reason = "without a transport nobody calls back")
)]
mod client;
mod codec;
#[cfg(feature = "leptos")]
pub mod leptos;
pub mod proto;
#[cfg(any(feature = "web", feature = "native"))]
mod sync;
#[cfg(any(feature = "web", feature = "native"))]
#[cfg_attr(
    not(any(feature = "native", target_arch = "wasm32")),
    expect(dead_code, unused_imports, reason = "without a transport nobody calls back")
)]
mod transport;

#[cfg(any(feature = "web", feature = "native"))]
pub use client::{
    AckError, Answered, Args, ArgsError, Client, EmitChange, Emitter, FromArg, Handler, IntoArgs, Lifecycle,
    Listening, Message, Messages, One, OpenError, Options, Responder, Rest, Seen, SendError, Socket, Status,
};
#[cfg(feature = "msgpack")]
pub use codec::msgpack;
pub use codec::{
    DecodeError, Decoded, Decoder, Event, Frame, Limits, NoAck, Packet, Parser, Value, engine, from_value,
    packet, to_value, value,
};
pub use proto::Timestamp;
#[cfg(any(feature = "web", feature = "native"))]
pub use sync::MaybeSend;
