//! The client as a program sees it: one API in the browser and on tokio.
//!
//! [`Client`] is a connection, [`Socket`] a namespace on it. Both are cheap handles; when the last one is dropped the
//! connection closes. All rules are in the [machine](super::proto); here are the listeners, the futures and the order
//! in which the program hears of things. What the target has to give is in [`transport`](super::transport).

mod ack;
mod args;
mod dispatch;
mod driver;
mod emitter;
mod error;
mod event_stream;
mod events;
mod listeners;
mod manager;
mod message;
mod namespace;
mod options;
mod settings;
mod socket;
mod status;
mod subscription;

pub use ack::Answered;
pub use args::{Args, ArgsError, FromArg, Handler, IntoArgs, One, Rest};
pub use dispatch::Seen;
pub(crate) use driver::Connection;
pub use emitter::Emitter;
pub use error::{AckError, OpenError, SendError};
pub use event_stream::Messages;
pub use events::Lifecycle;
pub use manager::Client;
pub use message::{Message, Responder};
pub use namespace::EmitChange;
pub use options::Options;
pub(crate) use settings::Settings;
pub use socket::Socket;
pub use status::Status;
pub use subscription::Listening;
