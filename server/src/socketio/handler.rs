//! Handler traits: the closures and functions, plain and async, that `on`, `on_connection` and the middlewares take.

use std::future::Future;

use pesan::socketio::value::{Value, from_value};
use pesan::socketio::{Event, NoAck};
use serde::de::DeserializeOwned;

use super::args::{first, from_args};
use super::error::ConnectError;
use super::handles::{AckSender, Socket};
use super::listeners::{HandlerError, IncomingEvent, MaybeFuture};

/// Return type of a handler: `()`, or a `Result` whose error is reported to the `error` hook.
///
/// ```
/// use pesan_server::socketio::{EmitError, Socket};
///
/// fn greet(socket: Socket, name: String) -> Result<(), EmitError> {
///     socket.emit("greeting", format!("Halo {name}"))
/// }
/// ```
pub trait HandlerOutput: Send + 'static {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), String>;
}

impl HandlerOutput for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: std::fmt::Display + Send + 'static> HandlerOutput for Result<(), E> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

fn failed(result: Result<(), String>) -> Result<(), HandlerError> {
    result.map_err(HandlerError::Failed)
}

/// Handler of an event: `Fn(Socket, T)` or `Fn(Socket, T, AckSender)`, plain or returning a future.
///
/// `T` is a tuple for all arguments, [`Args`](super::Args) for the raw list, `()` for none, and any other type that
/// serde can read for the first argument. Parameters need their types written out.
///
/// ```
/// use pesan_server::socketio::{AckSender, Args, Socket};
///
/// fn listen(socket: &Socket) {
///     socket.on("text", |_: Socket, text: String| println!("{text}"));
///     socket.on("move", |_: Socket, (x, y): (i32, i32)| println!("{x} {y}"));
///     socket.on("question", |_: Socket, args: Args, ack: AckSender| ack.send(args));
///     socket.on("slow", async |socket: Socket, text: String| socket.emit("later", text));
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle an event",
    note = "a handler is `Fn(Socket, T)` or `Fn(Socket, T, AckSender)` with the types written out, where `T` implements serde's `Deserialize`",
    note = "it returns `()` or a `Result<(), _>`, or a `Send` future of one; a closure that captures and is async is written `move |…| async move {{ … }}`"
)]
pub trait Handler<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket, args: Vec<Value>, ack: AckSender)
    -> MaybeFuture<Result<(), HandlerError>>;
}

macro_rules! arguments {
    ($values:expr) => {
        match from_args($values) {
            Ok(args) => args,
            Err(error) => return MaybeFuture::Ready(Err(HandlerError::Arguments(error.to_string()))),
        }
    };
}

impl<F, T, R> Handler<(F, T, R)> for F
where
    F: Fn(Socket, T) -> R + Send + Sync + 'static,
    T: DeserializeOwned + 'static,
    R: HandlerOutput,
{
    fn call(
        &self,
        socket: Socket,
        values: Vec<Value>,
        _: AckSender,
    ) -> MaybeFuture<Result<(), HandlerError>> {
        let args = arguments!(values);
        MaybeFuture::Ready(failed(self(socket, args).into_result()))
    }
}

impl<F, T, R> Handler<(F, T, AckSender, R)> for F
where
    F: Fn(Socket, T, AckSender) -> R + Send + Sync + 'static,
    T: DeserializeOwned + 'static,
    R: HandlerOutput,
{
    fn call(
        &self,
        socket: Socket,
        values: Vec<Value>,
        ack: AckSender,
    ) -> MaybeFuture<Result<(), HandlerError>> {
        let args = arguments!(values);
        MaybeFuture::Ready(failed(self(socket, args, ack).into_result()))
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
    R: Future<Output: HandlerOutput> + Send + 'static,
{
    fn call(
        &self,
        socket: Socket,
        values: Vec<Value>,
        _: AckSender,
    ) -> MaybeFuture<Result<(), HandlerError>> {
        let args = arguments!(values);
        let future = self(socket, args);
        MaybeFuture::Future(Box::pin(async { failed(future.await.into_result()) }))
    }
}

impl<F, T, R> Handler<(Async, F, T, AckSender, R)> for F
where
    F: Fn(Socket, T, AckSender) -> R + Send + Sync + 'static,
    T: DeserializeOwned + 'static,
    R: Future<Output: HandlerOutput> + Send + 'static,
{
    fn call(
        &self,
        socket: Socket,
        values: Vec<Value>,
        ack: AckSender,
    ) -> MaybeFuture<Result<(), HandlerError>> {
        let args = arguments!(values);
        let future = self(socket, args, ack);
        MaybeFuture::Future(Box::pin(async { failed(future.await.into_result()) }))
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
        match from_value(first($values)) {
            Ok(event) => event,
            Err(error) => return MaybeFuture::Ready(Err(HandlerError::Arguments(error.to_string()))),
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

/// Handler of a new socket: `Fn(Socket)`, plain or returning a future.
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
    note = "it is `Fn(Socket)` with the type written out, and returns `()` or a `Result<(), _>`, or a `Send` future of one"
)]
pub trait ConnectHandler<M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), HandlerError>>;
}

impl<F, R> ConnectHandler<(F, R)> for F
where
    F: Fn(Socket) -> R + Send + Sync + 'static,
    R: HandlerOutput,
{
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), HandlerError>> {
        MaybeFuture::Ready(failed(self(socket).into_result()))
    }
}

impl<F, R> ConnectHandler<(Async, F, R)> for F
where
    F: Fn(Socket) -> R + Send + Sync + 'static,
    R: Future<Output: HandlerOutput> + Send + 'static,
{
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), HandlerError>> {
        let future = self(socket);
        MaybeFuture::Future(Box::pin(async { failed(future.await.into_result()) }))
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
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), ConnectError>>;
}

impl<F, E> Middleware<(F, E)> for F
where
    F: Fn(Socket) -> Result<(), E> + Send + Sync + 'static,
    E: Into<ConnectError>,
{
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), ConnectError>> {
        MaybeFuture::Ready(self(socket).map_err(Into::into))
    }
}

impl<F, E, R> Middleware<(Async, F, E, R)> for F
where
    F: Fn(Socket) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<ConnectError>,
{
    fn call(&self, socket: Socket) -> MaybeFuture<Result<(), ConnectError>> {
        let future = self(socket);
        MaybeFuture::Future(Box::pin(async { future.await.map_err(Into::into) }))
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
