//! What a program may give to `on`, `on_connection` and `use`: closures and functions, plain and async.

use std::future::Future;
use std::pin::Pin;

use pesan::socketio::value::{Value, from_value};
use pesan::socketio::{Event, NoAck};
use serde::de::DeserializeOwned;

use super::ack::Ack;
use super::args::{first, from_args};
use super::error::ConnectError;
use super::socket::Socket;

/// Boxed future of a handler.
pub(super) type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What calling a handler led to.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "holds a future")]
pub enum Called<T> {
    /// It is done.
    Done(T),
    /// It goes on.
    Later(Later<T>),
}

/// Why an event was not handled.
#[doc(hidden)]
#[derive(Debug)]
pub enum Failure {
    /// Arguments do not fit.
    Arguments(String),
    /// Handler returned an error.
    Handler(String),
}

/// What a handler may return: nothing, or a `Result` whose error is reported by the `error` hook.
///
/// ```
/// use pesan_server::socketio::{EmitError, Socket};
///
/// fn greet(socket: Socket, name: String) -> Result<(), EmitError> {
///     socket.emit("greeting", format!("Halo {name}"))
/// }
/// ```
pub trait Outcome: Send + 'static {
    #[doc(hidden)]
    fn outcome(self) -> Result<(), String>;
}

impl Outcome for () {
    fn outcome(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: std::fmt::Display + Send + 'static> Outcome for Result<(), E> {
    fn outcome(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

fn failed(result: Result<(), String>) -> Result<(), Failure> {
    result.map_err(Failure::Handler)
}

/// Handler of an event: `Fn(Socket, T)` or `Fn(Socket, T, Ack)`, plain or returning a future.
///
/// `T` is a tuple for all arguments, [`Args`](super::Args) for the raw list, `()` for none, and any other type that
/// serde can read for the first argument. Parameters need their types written out.
///
/// ```
/// use pesan_server::socketio::{Ack, Args, Socket};
///
/// fn listen(socket: &Socket) {
///     socket.on("text", |_: Socket, text: String| println!("{text}"));
///     socket.on("move", |_: Socket, (x, y): (i32, i32)| println!("{x} {y}"));
///     socket.on("question", |_: Socket, args: Args, ack: Ack| ack.send(args));
///     socket.on("slow", async |socket: Socket, text: String| socket.emit("later", text));
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle an event",
    note = "a handler is `Fn(Socket, T)` or `Fn(Socket, T, Ack)` with the types written out, where `T` implements serde's `Deserialize`",
    note = "it returns `()` or a `Result<(), _>`, or a `Send` future of one; a closure that captures and is async is written `move |…| async move {{ … }}`"
)]
pub trait Handler<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket, args: Vec<Value>, ack: Ack) -> Called<Result<(), Failure>>;
}

macro_rules! arguments {
    ($values:expr) => {
        match from_args($values) {
            Ok(args) => args,
            Err(error) => return Called::Done(Err(Failure::Arguments(error.to_string()))),
        }
    };
}

impl<F, T, R> Handler<(F, T, R)> for F
where
    F: Fn(Socket, T) -> R + Send + Sync + 'static,
    T: DeserializeOwned + 'static,
    R: Outcome,
{
    fn call(&self, socket: Socket, values: Vec<Value>, _: Ack) -> Called<Result<(), Failure>> {
        let args = arguments!(values);
        Called::Done(failed(self(socket, args).outcome()))
    }
}

impl<F, T, R> Handler<(F, T, Ack, R)> for F
where
    F: Fn(Socket, T, Ack) -> R + Send + Sync + 'static,
    T: DeserializeOwned + 'static,
    R: Outcome,
{
    fn call(&self, socket: Socket, values: Vec<Value>, ack: Ack) -> Called<Result<(), Failure>> {
        let args = arguments!(values);
        Called::Done(failed(self(socket, args, ack).outcome()))
    }
}

/// Marks handlers that return a future.
#[doc(hidden)]
#[derive(Debug)]
pub enum Async {}

impl<F, T, R> Handler<(Async, F, T, R)> for F
where
    F: Fn(Socket, T) -> R + Send + Sync + 'static,
    T: DeserializeOwned + 'static,
    R: Future<Output: Outcome> + Send + 'static,
{
    fn call(&self, socket: Socket, values: Vec<Value>, _: Ack) -> Called<Result<(), Failure>> {
        let args = arguments!(values);
        let future = self(socket, args);
        Called::Later(Box::pin(async { failed(future.await.outcome()) }))
    }
}

impl<F, T, R> Handler<(Async, F, T, Ack, R)> for F
where
    F: Fn(Socket, T, Ack) -> R + Send + Sync + 'static,
    T: DeserializeOwned + 'static,
    R: Future<Output: Outcome> + Send + 'static,
{
    fn call(&self, socket: Socket, values: Vec<Value>, ack: Ack) -> Called<Result<(), Failure>> {
        let args = arguments!(values);
        let future = self(socket, args, ack);
        Called::Later(Box::pin(async { failed(future.await.outcome()) }))
    }
}

/// Handler of a typed event: `Fn(Socket, E) -> E::Ack`, or `-> ()` where the event has no answer; plain or async.
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
    fn call(&self, socket: Socket, args: Vec<Value>, ack: Ack) -> Called<Result<(), Failure>>;
}

macro_rules! payload {
    ($values:expr) => {
        match from_value(first($values)) {
            Ok(event) => event,
            Err(error) => return Called::Done(Err(Failure::Arguments(error.to_string()))),
        }
    };
}

fn answer<T: serde::Serialize>(ack: Ack, value: &T) -> Result<(), Failure> {
    ack.send_one(value)
        .map_err(|error| Failure::Handler(error.to_string()))
}

impl<F, E> EventHandler<E, (F, E)> for F
where
    F: Fn(Socket, E) -> E::Ack + Send + Sync + 'static,
    E: Event,
{
    fn call(&self, socket: Socket, args: Vec<Value>, ack: Ack) -> Called<Result<(), Failure>> {
        let event = payload!(args);
        Called::Done(answer(ack, &self(socket, event)))
    }
}

impl<F, E> EventHandler<E, (F, E, NoAck)> for F
where
    F: Fn(Socket, E) + Send + Sync + 'static,
    E: Event<Ack = NoAck>,
{
    fn call(&self, socket: Socket, args: Vec<Value>, _: Ack) -> Called<Result<(), Failure>> {
        let event = payload!(args);
        self(socket, event);
        Called::Done(Ok(()))
    }
}

impl<F, E, R> EventHandler<E, (Async, F, E, R)> for F
where
    F: Fn(Socket, E) -> R + Send + Sync + 'static,
    E: Event,
    R: Future<Output = E::Ack> + Send + 'static,
{
    fn call(&self, socket: Socket, args: Vec<Value>, ack: Ack) -> Called<Result<(), Failure>> {
        let event = payload!(args);
        let future = self(socket, event);
        Called::Later(Box::pin(async move { answer(ack, &future.await) }))
    }
}

impl<F, E, R> EventHandler<E, (Async, F, E, R, NoAck)> for F
where
    F: Fn(Socket, E) -> R + Send + Sync + 'static,
    E: Event<Ack = NoAck>,
    R: Future<Output = ()> + Send + 'static,
{
    fn call(&self, socket: Socket, args: Vec<Value>, _: Ack) -> Called<Result<(), Failure>> {
        let event = payload!(args);
        let future = self(socket, event);
        Called::Later(Box::pin(async move {
            future.await;
            Ok(())
        }))
    }
}

/// Handler of a new socket: `Fn(Socket)`, plain or returning a future.
///
/// Events of the socket wait until it is done.
///
/// ```
/// use pesan_server::socketio::{Io, Socket};
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket| socket.emit("welcome_message", "Welcome to the WebSocket server!"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle a connection",
    note = "it is `Fn(Socket)` with the type written out, and returns `()` or a `Result<(), _>`, or a `Send` future of one"
)]
pub trait ConnectHandler<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket) -> Called<Result<(), Failure>>;
}

impl<F, R> ConnectHandler<(F, R)> for F
where
    F: Fn(Socket) -> R + Send + Sync + 'static,
    R: Outcome,
{
    fn call(&self, socket: Socket) -> Called<Result<(), Failure>> {
        Called::Done(failed(self(socket).outcome()))
    }
}

impl<F, R> ConnectHandler<(Async, F, R)> for F
where
    F: Fn(Socket) -> R + Send + Sync + 'static,
    R: Future<Output: Outcome> + Send + 'static,
{
    fn call(&self, socket: Socket) -> Called<Result<(), Failure>> {
        let future = self(socket);
        Called::Later(Box::pin(async { failed(future.await.outcome()) }))
    }
}

/// Middleware of a namespace: `Fn(Socket) -> Result<(), E>`, plain or returning a future, where `E` becomes a
/// [`ConnectError`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no middleware",
    note = "it is `Fn(Socket) -> Result<(), E>` with the type written out, where `E` is `ConnectError`, `String` or `&'static str`; or returns a `Send` future of that"
)]
pub trait Middleware<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket) -> Called<Result<(), ConnectError>>;
}

impl<F, E> Middleware<(F, E)> for F
where
    F: Fn(Socket) -> Result<(), E> + Send + Sync + 'static,
    E: Into<ConnectError>,
{
    fn call(&self, socket: Socket) -> Called<Result<(), ConnectError>> {
        Called::Done(self(socket).map_err(Into::into))
    }
}

impl<F, E, R> Middleware<(Async, F, E, R)> for F
where
    F: Fn(Socket) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<ConnectError>,
{
    fn call(&self, socket: Socket) -> Called<Result<(), ConnectError>> {
        let future = self(socket);
        Called::Later(Box::pin(async { future.await.map_err(Into::into) }))
    }
}

/// Event on its way to the handlers, as packet middleware sees it.
///
/// ```
/// use pesan_server::socketio::{Incoming, Socket};
///
/// fn guard(socket: &Socket) {
///     socket.use_packet(|_: Socket, event: Incoming| match event.name.as_str() {
///         "admin" => Err("unauthorized event"),
///         _ => Ok(event),
///     });
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Name of the event.
    pub name: String,
    /// Arguments of the event.
    pub args: Vec<Value>,
}

/// Middleware of a socket's events: `Fn(Socket, Incoming) -> Result<Incoming, E>`, plain or returning a future.
///
/// It may change the event. An error keeps it from the handlers and is reported by the socket's `error` event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no packet middleware",
    note = "it is `Fn(Socket, Incoming) -> Result<Incoming, E>` with the types written out, or returns a `Send` future of that"
)]
pub trait PacketMiddleware<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket, event: Incoming) -> Called<Result<Incoming, String>>;
}

impl<F, E> PacketMiddleware<(F, E)> for F
where
    F: Fn(Socket, Incoming) -> Result<Incoming, E> + Send + Sync + 'static,
    E: std::fmt::Display,
{
    fn call(&self, socket: Socket, event: Incoming) -> Called<Result<Incoming, String>> {
        Called::Done(self(socket, event).map_err(|error| error.to_string()))
    }
}

impl<F, E, R> PacketMiddleware<(Async, F, E, R)> for F
where
    F: Fn(Socket, Incoming) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Incoming, E>> + Send + 'static,
    E: std::fmt::Display,
{
    fn call(&self, socket: Socket, event: Incoming) -> Called<Result<Incoming, String>> {
        let future = self(socket, event);
        Called::Later(Box::pin(async {
            future.await.map_err(|error| error.to_string())
        }))
    }
}
