//! The client as a program sees it: one API in the browser and on tokio.
//!
//! [`Client`] is a connection, [`Socket`] a namespace on it. Both are cheap handles; when the last one is dropped the
//! connection closes. All rules are in the [machine](super::client); here are the listeners, the futures and the order
//! in which the program hears of things. What the target has to give is in `platform`.

mod args;
mod client;
mod connection;
mod emitter;
mod error;
mod lifecycle;
mod listeners;
mod listening;
mod message;
mod namespace;
mod options;
mod platform;
mod polling;
mod port;
mod settings;
mod shared;
mod socket;
mod status;
mod stream;
mod tell;
mod waiter;

pub use args::{Args, ArgsError, FromArg, Handler, IntoArgs, One, Rest};
pub use client::Client;
pub use emitter::Emitter;
pub use error::{AckError, OpenError, SendError};
pub use lifecycle::Lifecycle;
pub use listening::Listening;
pub use message::{Message, Responder};
pub use namespace::EmitChange;
pub use options::Options;
pub(crate) use platform::Wakeup;
pub(crate) use polling::{Http, Polling, Response};
pub(crate) use port::{Port, Report};
pub(crate) use settings::Settings;
#[cfg(feature = "leptos")]
pub(crate) use shared::Lock;
pub use shared::MaybeSend;
#[cfg(all(feature = "leptos", target_arch = "wasm32"))]
pub(crate) use shared::Weak;
pub(crate) use shared::{BoxFuture, Callback, Shared};
pub use socket::Socket;
pub use status::Status;
pub use stream::Messages;
pub use tell::Seen;
pub use waiter::Answered;
