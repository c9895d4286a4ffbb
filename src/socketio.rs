//! Socket.IO 4 for Rust: codecs, the client without I/O ([`proto`]), and clients for the browser and tokio.

#[cfg(any(feature = "web", feature = "native"))]
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
    expect(dead_code, reason = "the stub platform reports no events")
)]
mod transport;

#[cfg(any(feature = "web", feature = "native"))]
pub use client::{
    AckError, AckFuture, AckSender, EmitChange, Emitter, EventContext, EventHandler, EventStream, FlushError,
    FrameEvent, Handler, Lifecycle, ListenerError, ListenerId, Manager, Message, OpenError, Options,
    SendError, Socket, Status, Subscription,
};
#[cfg(feature = "msgpack")]
pub use codec::msgpack;
pub use codec::{
    Ack, ArgReader, Args, ArgsError, DecodeError, Decoded, Decoder, Event, Frame, FromArg, HandlerOutput,
    Limits, NoAck, Packet, Parser, Spread, Value, engine, from_value, packet, to_args, to_value, value,
};
pub use proto::Timestamp;
#[cfg(any(feature = "web", feature = "native"))]
pub use sync::MaybeSend;
