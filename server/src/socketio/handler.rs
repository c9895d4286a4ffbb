//! Handler traits: the closures and functions, plain and async, that `on`, `on_connection` and the middlewares take.

use std::future::Future;

use pesan::socketio::value::Value;
use pesan::socketio::{ArgReader, ArgsError, Event, FromArg, HandlerOutput, NoAck, Spread};

use super::error::ConnectError;
use super::extract::{EventContext, ExtractError, FromSocket};
use super::handles::{AckSender, Socket};
use super::listeners::{HandlerError, IncomingEvent, MaybeFuture};

/// Marks handlers that return their result.
#[doc(hidden)]
#[derive(Debug)]
pub enum Plain {}

/// Marks handlers that return a future.
#[doc(hidden)]
#[derive(Debug)]
pub enum Async {}

/// Handler of an event: a closure or function with up to eight parameters, plain or async.
///
/// Each parameter is a type that serde can deserialize, which reads one argument of the event; [`Args`](super::Args), which
/// takes all remaining ones; [`Socket`]; [`AckSender`]; or an [extractor](FromSocket) such as
/// [`State`](super::State). Parameters need their types written out. A returned value is sent as the ack; see
/// [`HandlerOutput`].
///
/// ```
/// use pesan_server::socketio::{Ack, AckSender, Args, Socket};
///
/// fn listen(socket: &Socket) {
///     socket.on("text", |text: String| println!("{text}"));
///     socket.on("move", |x: i32, y: i32| println!("{x} {y}"));
///     socket.on("add", |a: i32, b: i32| Ack(a + b));
///     socket.on("question", |args: Args, ack: AckSender| ack.send(args));
///     socket.on("slow", async |socket: Socket, text: String| socket.emit("later", text));
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle an event",
    note = "a handler is a closure with up to eight parameters whose types are written out, for example `|socket: Socket, text: String|`",
    note = "each parameter implements serde's `Deserialize`, or is `Socket`, `AckSender`, `Args` or an extractor such as `State`",
    note = "it returns `()`, `Ack(value)` or a `Result` of these, or a `Send` future of one; a closure that captures and is async is written `move |…| async move {{ … }}`"
)]
pub trait Handler<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket, args: Vec<Value>, ack: AckSender)
    -> MaybeFuture<Result<(), HandlerError>>;
}

/// Handler of an event from another node: a closure with up to eight parameters that serde can deserialize, which returns
/// the reply; see [`HandlerOutput`].
///
/// ```
/// let io = pesan_server::socketio::Io::default();
/// io.on_server_event("add", |a: i32, b: i32| a + b);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle an event of another node",
    note = "it is a closure with up to eight parameters whose types are written out and implement serde's `Deserialize`",
    note = "it returns `()`, `Ack(value)` or a `Result` of these"
)]
pub trait ServerEventHandler<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, args: Vec<Value>) -> Result<Vec<Value>, HandlerError>;
}

macro_rules! handlers {
    ($(($($Type:ident $parameter:ident)*))*) => {$(
        impl<F, R, $($Type,)*> Handler<(Plain, ($($Type,)*), R)> for F
        where
            F: Fn($($Type),*) -> R + Send + Sync + 'static,
            R: HandlerOutput,
            $($Type: FromArg<EventContext>,)*
        {
            fn call(
                &self,
                socket: Socket,
                args: Vec<Value>,
                ack: AckSender,
            ) -> MaybeFuture<Result<(), HandlerError>> {
                let mut event = EventContext { socket, ack };
                match Spread::from_arg(&mut ArgReader::new(args), &mut event) {
                    Ok(Spread(($($parameter,)*))) => {
                        MaybeFuture::Ready(send_output(event.ack, self($($parameter),*)))
                    }
                    Err(error) => MaybeFuture::Ready(Err(error.into())),
                }
            }
        }

        impl<F, R, $($Type,)*> Handler<(Async, ($($Type,)*), R)> for F
        where
            F: Fn($($Type),*) -> R + Send + Sync + 'static,
            R: Future<Output: HandlerOutput> + Send + 'static,
            $($Type: FromArg<EventContext>,)*
        {
            fn call(
                &self,
                socket: Socket,
                args: Vec<Value>,
                ack: AckSender,
            ) -> MaybeFuture<Result<(), HandlerError>> {
                let mut event = EventContext { socket, ack };
                match Spread::from_arg(&mut ArgReader::new(args), &mut event) {
                    Ok(Spread(($($parameter,)*))) => {
                        let future = self($($parameter),*);
                        MaybeFuture::Future(Box::pin(async move { send_output(event.ack, future.await) }))
                    }
                    Err(error) => MaybeFuture::Ready(Err(error.into())),
                }
            }
        }

        impl<F, R, $($Type,)*> ServerEventHandler<(($($Type,)*), R)> for F
        where
            F: Fn($($Type),*) -> R + Send + Sync + 'static,
            R: HandlerOutput,
            $($Type: FromArg<()>,)*
        {
            fn call(&self, args: Vec<Value>) -> Result<Vec<Value>, HandlerError> {
                let Spread(($($parameter,)*)) = Spread::from_arg(&mut ArgReader::new(args), &mut ())?;
                let output = self($($parameter),*).into_ack();
                Ok(output.map_err(HandlerError::Failed)?.unwrap_or_default())
            }
        }
    )*};
}
handlers! {
    ()
    (A a)
    (A a B b)
    (A a B b C c)
    (A a B b C c D d)
    (A a B b C c D d E e)
    (A a B b C c D d E e G g)
    (A a B b C c D d E e G g H h)
    (A a B b C c D d E e G g H h I i)
}

fn send_output(ack: AckSender, output: impl HandlerOutput) -> Result<(), HandlerError> {
    match output.into_ack().map_err(HandlerError::Failed)? {
        Some(args) => ack
            .send_values(args)
            .map_err(|error| HandlerError::Failed(error.to_string())),
        None => Ok(()),
    }
}

impl From<ArgsError> for HandlerError {
    fn from(error: ArgsError) -> Self {
        Self::Arguments(error.to_string())
    }
}

/// Handler of a typed event: `Fn(Socket, E) -> E::Ack`, or `-> ()` if the event has no ack; plain or async.
///
/// ```
/// use pesan::socketio::Event;
/// use pesan_server::socketio::Socket;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Add { left: i32, right: i32 }
///
/// impl Event for Add {
///     const NAME: &'static str = "add";
///     type Ack = i32;
/// }
///
/// fn listen(socket: &Socket) {
///     socket.on_event::<Add, _>(|_: Socket, add: Add| add.left + add.right);
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle this typed event",
    note = "it is `Fn(Socket, E) -> E::Ack`, or `-> ()` where `E::Ack` is `NoAck`; or returns a `Send` future of that"
)]
pub trait EventHandler<E: Event, M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket, args: Vec<Value>, ack: AckSender)
    -> MaybeFuture<Result<(), HandlerError>>;
}

macro_rules! payload {
    ($values:expr) => {
        match ArgReader::new($values).next() {
            Ok(event) => event,
            Err(error) => return MaybeFuture::Ready(Err(error.into())),
        }
    };
}

fn send_ack<T: serde::Serialize>(ack: AckSender, value: &T) -> Result<(), HandlerError> {
    ack.send_one(value)
        .map_err(|error| HandlerError::Failed(error.to_string()))
}

impl<F, E> EventHandler<E, (F, E)> for F
where
    F: Fn(Socket, E) -> E::Ack + Send + Sync + 'static,
    E: Event,
{
    fn call(
        &self,
        socket: Socket,
        args: Vec<Value>,
        ack: AckSender,
    ) -> MaybeFuture<Result<(), HandlerError>> {
        let event = payload!(args);
        MaybeFuture::Ready(send_ack(ack, &self(socket, event)))
    }
}

impl<F, E> EventHandler<E, (F, E, NoAck)> for F
where
    F: Fn(Socket, E) + Send + Sync + 'static,
    E: Event<Ack = NoAck>,
{
    fn call(&self, socket: Socket, args: Vec<Value>, _: AckSender) -> MaybeFuture<Result<(), HandlerError>> {
        let event = payload!(args);
        self(socket, event);
        MaybeFuture::Ready(Ok(()))
    }
}

impl<F, E, R> EventHandler<E, (Async, F, E, R)> for F
where
    F: Fn(Socket, E) -> R + Send + Sync + 'static,
    E: Event,
    R: Future<Output = E::Ack> + Send + 'static,
{
    fn call(
        &self,
        socket: Socket,
        args: Vec<Value>,
        ack: AckSender,
    ) -> MaybeFuture<Result<(), HandlerError>> {
        let event = payload!(args);
        let future = self(socket, event);
        MaybeFuture::Future(Box::pin(async move { send_ack(ack, &future.await) }))
    }
}

impl<F, E, R> EventHandler<E, (Async, F, E, R, NoAck)> for F
where
    F: Fn(Socket, E) -> R + Send + Sync + 'static,
    E: Event<Ack = NoAck>,
    R: Future<Output = ()> + Send + 'static,
{
    fn call(&self, socket: Socket, args: Vec<Value>, _: AckSender) -> MaybeFuture<Result<(), HandlerError>> {
        let event = payload!(args);
        let future = self(socket, event);
        MaybeFuture::Future(Box::pin(async move {
            future.await;
            Ok(())
        }))
    }
}

/// Handler of a new socket: a closure or function, plain or async, whose parameters are [`Socket`] or another
/// [extractor](FromSocket).
///
/// Events of the socket wait until it has returned.
///
/// ```
/// use pesan_server::socketio::{Io, Socket};
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket| socket.emit("welcome_message", "Welcome to the WebSocket server!"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle a connection",
    note = "it is a closure with up to four parameters whose types are written out: `Socket`, or another type that implements `FromSocket`",
    note = "it returns `()` or a `Result<(), _>`, or a `Send` future of one"
)]
pub trait ConnectHandler<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), HandlerError>>;
}

/// Middleware of a namespace: a closure or function, plain or async, whose parameters are [`Socket`] or another
/// [extractor](FromSocket). It accepts the client by returning `()` or `Ok(())`, and refuses it by an error that becomes a
/// [`ConnectError`].
///
/// ```
/// use pesan_server::socketio::{Auth, ConnectError, Io, Socket};
///
/// #[derive(serde::Deserialize)]
/// struct Login { token: String }
///
/// let io = Io::default();
/// io.with_middleware(|socket: Socket| println!("{} connects", socket.id()));
/// io.with_middleware(|Auth(login): Auth<Login>| match login.token.as_str() {
///     "secret" => Ok(()),
///     _ => Err(ConnectError::new("wrong token")),
/// });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no middleware",
    note = "it is a closure with up to four parameters whose types are written out: `Socket`, or another type that implements `FromSocket`",
    note = "it returns `()`, or `Result<(), E>` where `E` is `ConnectError`, `String` or `&'static str`; or a `Send` future of one"
)]
pub trait Middleware<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), ConnectError>>;
}

/// Return type of a [`Middleware`]: `()`, or a `Result` whose error becomes a [`ConnectError`].
pub trait MiddlewareOutput {
    /// Whether the client is accepted.
    ///
    /// # Errors
    /// When it is refused.
    fn into_result(self) -> Result<(), ConnectError>;
}

impl MiddlewareOutput for () {
    fn into_result(self) -> Result<(), ConnectError> {
        Ok(())
    }
}

impl<E: Into<ConnectError>> MiddlewareOutput for Result<(), E> {
    fn into_result(self) -> Result<(), ConnectError> {
        self.map_err(Into::into)
    }
}

/// Return type of a [`ConnectHandler`]: `()`, or a `Result` whose error is reported.
pub trait ConnectOutput {
    /// Outcome of the handler.
    ///
    /// # Errors
    /// When the handler failed; the text is reported.
    fn into_result(self) -> Result<(), String>;
}

impl ConnectOutput for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: std::fmt::Display> ConnectOutput for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// Implements a handler of a socket, whose parameters are extractors, for plain and async closures.
macro_rules! socket_handlers {
    ($Handler:ident, $Output:ident, $Error:ident; $(($($Type:ident $parameter:ident)*))*) => {$(
        impl<F, R, $($Type,)*> $Handler<(Plain, ($($Type,)*), R)> for F
        where
            F: Fn($($Type),*) -> R + Send + Sync + 'static,
            R: $Output,
            $($Type: FromSocket,)*
        {
            fn call(&self, socket: Socket) -> MaybeFuture<Result<(), $Error>> {
                MaybeFuture::Ready(match FromSocket::from_socket(&socket) {
                    Ok(($($parameter,)*)) => self($($parameter),*).into_result().map_err($Error::from),
                    Err(error) => Err(error.into()),
                })
            }
        }

        impl<F, R, $($Type,)*> $Handler<(Async, ($($Type,)*), R)> for F
        where
            F: Fn($($Type),*) -> R + Send + Sync + 'static,
            R: Future<Output: $Output> + Send + 'static,
            $($Type: FromSocket,)*
        {
            fn call(&self, socket: Socket) -> MaybeFuture<Result<(), $Error>> {
                match FromSocket::from_socket(&socket) {
                    Ok(($($parameter,)*)) => {
                        let future = self($($parameter),*);
                        MaybeFuture::Future(Box::pin(async {
                            future.await.into_result().map_err($Error::from)
                        }))
                    }
                    Err(error) => MaybeFuture::Ready(Err(error.into())),
                }
            }
        }
    )*};
}
socket_handlers! { ConnectHandler, ConnectOutput, HandlerError; () (A a) (A a B b) (A a B b C c) (A a B b C c D d) }
socket_handlers! { Middleware, MiddlewareOutput, ConnectError; () (A a) (A a B b) (A a B b C c) (A a B b C c D d) }

impl From<String> for HandlerError {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<ExtractError> for HandlerError {
    fn from(error: ExtractError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Middleware of a socket's events: `Fn(Socket, IncomingEvent) -> Result<IncomingEvent, E>`, plain or returning a future.
///
/// It may change the event. After an error the event is not handled; the error is reported by the socket's `error` event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no packet middleware",
    note = "it is `Fn(Socket, IncomingEvent) -> Result<IncomingEvent, E>` with the types written out, or returns a `Send` future of that"
)]
pub trait PacketMiddleware<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket, event: IncomingEvent) -> MaybeFuture<Result<IncomingEvent, String>>;
}

impl<F, E> PacketMiddleware<(F, E)> for F
where
    F: Fn(Socket, IncomingEvent) -> Result<IncomingEvent, E> + Send + Sync + 'static,
    E: std::fmt::Display,
{
    fn call(&self, socket: Socket, event: IncomingEvent) -> MaybeFuture<Result<IncomingEvent, String>> {
        MaybeFuture::Ready(self(socket, event).map_err(|error| error.to_string()))
    }
}

impl<F, E, R> PacketMiddleware<(Async, F, E, R)> for F
where
    F: Fn(Socket, IncomingEvent) -> R + Send + Sync + 'static,
    R: Future<Output = Result<IncomingEvent, E>> + Send + 'static,
    E: std::fmt::Display,
{
    fn call(&self, socket: Socket, event: IncomingEvent) -> MaybeFuture<Result<IncomingEvent, String>> {
        let future = self(socket, event);
        MaybeFuture::Future(Box::pin(async {
            future.await.map_err(|error| error.to_string())
        }))
    }
}
