//! The client without I/O: no clock, no sockets, no randomness.
//!
//! A driver passes [`Connection`] what happened (`handle_*`), the program says what it wants (plain verbs). After each
//! call the driver drains [`Connection::poll_output`] to `None` and sets one timer to [`Connection::poll_timeout`].
//! Time is passed in as `now`, randomness as a seed. Packets and their formats are in [`packet`](super::packet) and
//! [`engine`](super::engine).

mod address;
mod backoff;
mod config;
mod connect;
mod connection;
mod deadline_queue;
mod emit;
mod error;
mod event;
mod flush;
mod framing;
mod namespace;
mod pending_acks;
mod post_body;
mod receive;
mod reconnect;
mod recovery;
mod rng;
mod send_buffer;
mod session;
mod state;
mod stats;
mod time;
mod transport;
mod transport_url;
mod upgrade;

pub use address::{Address, AddressError};
pub use backoff::Reconnection;
pub use config::{Auth, Config, Flush, SendBufferConfig, WhenFull};
pub use connection::Connection;
#[cfg(any(feature = "web", feature = "native"))]
pub(crate) use deadline_queue::DeadlineQueue;
#[cfg(any(feature = "web", feature = "native"))]
pub(crate) use emit::AckResult;
pub use emit::{Emit, Emitted};
pub use error::{ConnectError, ConnectionError, EmitError, Failure, SendAckError};
pub use event::{AckToken, AuthRequest, Direction, EmitId, EmitState, Event, Output, Reason};
#[cfg(any(
    all(feature = "native", not(target_arch = "wasm32")),
    all(feature = "web", target_arch = "wasm32")
))]
pub(crate) use framing::FrameKind;
#[cfg(any(feature = "web", feature = "native"))]
pub(crate) use namespace::is_legal as is_legal_namespace;
pub use post_body::PostQueue;
pub use send_buffer::QueuedEvent;
pub use session::{Session, SessionError, SessionEvent};
pub use state::Status;
pub use stats::{Latency, Stats};
pub use time::Timestamp;
pub use transport::{CloseInfo, TransportId, TransportKind};
