//! Extractors: parameters of handlers and middlewares that are taken from the socket instead of the event's arguments.

use std::fmt;

use pesan::socketio::value::from_value;
use pesan::socketio::{ArgReader, ArgsError, FromArg};
use serde::de::DeserializeOwned;

use super::error::ConnectError;
use super::handles::{AckSender, Io, Socket};

/// Event that a handler is called for, without its arguments: what [`Socket`], [`AckSender`] and the extractors are taken
/// from.
#[derive(Debug)]
pub struct EventContext {
    pub(super) socket: Socket,
    pub(super) ack: AckSender,
}

impl EventContext {
    /// Socket that received the event.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl FromArg<EventContext> for AckSender {
    fn from_arg(_: &mut ArgReader, event: &mut EventContext) -> Result<Self, ArgsError> {
        Ok(std::mem::replace(&mut event.ack, Self::none()))
    }
}

/// Why an extractor has no value.
///
/// In a handler the error is reported; a middleware refuses the client with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractError(String);

impl ExtractError {
    /// Error with a text for the log and, in a middleware, for the client.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ExtractError {}

impl From<ExtractError> for ConnectError {
    fn from(error: ExtractError) -> Self {
        Self::new(error.0)
    }
}

/// Parameter of a handler, a connection handler or a middleware that is taken from the socket.
///
/// Implement it, and [`FromArg`] if event handlers shall take it too, for a type of your own:
///
/// ```
/// use pesan_server::socketio::{ExtractError, FromSocket, Io, Socket};
///
/// struct Language(String);
///
/// impl FromSocket for Language {
///     fn from_socket(socket: &Socket) -> Result<Self, ExtractError> {
///         let header = socket.handshake().headers.get("accept-language");
///         header.map(|text| Self(text.to_owned())).ok_or_else(|| ExtractError::new("no language"))
///     }
/// }
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket, Language(language): Language| println!("{} {language}", socket.id()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a socket",
    note = "use `Socket`, `Io`, `State`, `Auth` or a type of your own that implements `FromSocket`"
)]
pub trait FromSocket: Sized {
    /// Takes the value from the socket.
    ///
    /// # Errors
    /// When the socket does not have it.
    fn from_socket(socket: &Socket) -> Result<Self, ExtractError>;
}

impl FromSocket for Socket {
    fn from_socket(socket: &Self) -> Result<Self, ExtractError> {
        Ok(socket.clone())
    }
}

impl FromSocket for Io {
    fn from_socket(socket: &Socket) -> Result<Self, ExtractError> {
        Ok(socket.io())
    }
}

macro_rules! tuples {
    ($(($($item:ident)*))*) => {$(
        impl<$($item: FromSocket,)*> FromSocket for ($($item,)*) {
            fn from_socket(_socket: &Socket) -> Result<Self, ExtractError> {
                Ok(($($item::from_socket(_socket)?,)*))
            }
        }
    )*};
}
tuples! {
    () (A) (A B) (A B C) (A B C D)
}

/// State of the application, set by [`Io::with_state`]; cloned for each call.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use pesan_server::socketio::{Io, Socket, State};
///
/// let io = Io::default().with_state(Arc::new(AtomicU64::new(0)));
/// io.on_connection(|socket: Socket| {
///     socket.on("pesan", |State(count): State<Arc<AtomicU64>>, text: String| {
///         println!("message {}: {text}", count.fetch_add(1, Ordering::Relaxed));
///     });
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromSocket for State<T> {
    fn from_socket(socket: &Socket) -> Result<Self, ExtractError> {
        let state = socket.io().state::<T>();
        let state = state.ok_or_else(|| {
            let name = std::any::type_name::<T>();
            ExtractError(format!(
                "there is no state of type {name}; set it by `Io::with_state`"
            ))
        })?;
        Ok(Self(state))
    }
}

/// `auth` payload of the client, deserialized.
///
/// ```
/// use pesan_server::socketio::{Auth, Io, Socket};
///
/// #[derive(serde::Deserialize)]
/// struct Login { name: String }
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket, Auth(login): Auth<Login>| println!("{} is {}", socket.id(), login.name));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Auth<T>(pub T);

impl<T: DeserializeOwned> FromSocket for Auth<T> {
    fn from_socket(socket: &Socket) -> Result<Self, ExtractError> {
        let auth = from_value(socket.handshake().auth.clone());
        auth.map(Self)
            .map_err(|error| ExtractError(format!("auth: {error}")))
    }
}

/// Extension of the request that opened the connection, added by an outer layer; cloned for each call.
///
/// ```
/// use pesan_server::socketio::{Extension, Io, Socket};
///
/// #[derive(Clone)]
/// struct User { name: String }
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket, Extension(user): Extension<User>| println!("{} is {}", socket.id(), user.name));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extension<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromSocket for Extension<T> {
    fn from_socket(socket: &Socket) -> Result<Self, ExtractError> {
        let extension = socket.handshake().extensions.get::<T>().cloned();
        extension.map(Self).ok_or_else(|| {
            let name = std::any::type_name::<T>();
            ExtractError(format!(
                "the request has no extension of type {name}; a layer has to add it"
            ))
        })
    }
}

macro_rules! from_arg {
    ($([$($item:ident: $($bound:tt)+)?] $kind:ty;)*) => {$(
        impl$(<$item: $($bound)+>)? FromArg<EventContext> for $kind {
            fn from_arg(_: &mut ArgReader, event: &mut EventContext) -> Result<Self, ArgsError> {
                Self::from_socket(event.socket()).map_err(|error| ArgsError::Unavailable(error.0))
            }
        }
    )*};
}
from_arg! {
    [] Socket;
    [] Io;
    [T: Clone + Send + Sync + 'static] State<T>;
    [T: Clone + Send + Sync + 'static] Extension<T>;
    [T: DeserializeOwned] Auth<T>;
}
