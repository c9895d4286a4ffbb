//! The client's public API, the same in the browser and on tokio.
//!
//! [`Manager`] is a connection, [`Socket`] a namespace on it. Both are cheap handles; when the last one is dropped the
//! connection closes. The rules are in [`proto`](super::proto); here are listeners, futures, and the order in which the
//! program receives events. Transports and the platform are in [`transport`](super::transport).

mod ack;
mod dispatch;
mod driver;
mod emitter;
mod error;
mod events;
mod handler;
mod listeners;
mod manager;
mod message;
mod options;
mod socket;
mod status;
mod subscription;

pub use ack::AckFuture;
pub use emitter::Emitter;
pub use error::{AckError, FlushError, ListenerError, OpenError, SendError};
pub use events::{EmitChange, FrameEvent, Lifecycle};
pub use handler::{EventContext, EventHandler, Handler};
pub use listeners::ListenerId;
pub use manager::Manager;
pub use message::{AckSender, Message};
pub use options::Options;
pub use socket::Socket;
pub use status::Status;
pub use subscription::{EventStream, Subscription};
