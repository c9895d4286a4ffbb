//! Closures that listen to events, plain and async, and what their parameters may take besides arguments.

use std::future::Future;

use serde::Serialize;

use super::driver::Driver;
use super::error::ListenerError;
use super::listeners::{CallResult, ErasedListener, ListenerEvent};
use super::message::{AckSender, Message};
use crate::socketio::codec::args::{Ack, ArgReader, ArgsError, FromArg, HandlerOutput, Spread};
use crate::socketio::codec::{Event, NoAck, Value};
use crate::socketio::sync::{BoxFuture, MaybeSend, Name, Shared, Weak};

/// Event that a listener is called for, without its arguments: what [`Socket`](super::Socket), [`AckSender`] and
/// [`Message`] are taken from.
pub struct EventContext {
    pub(super) driver: Weak<Driver>,
    pub(super) namespace: Name,
    name: String,
    ack: Option<AckSender>,
}

impl std::fmt::Debug for EventContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventContext")
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl FromArg<EventContext> for AckSender {
    fn from_arg(_: &mut ArgReader, event: &mut EventContext) -> Result<Self, ArgsError> {
        Ok(event.ack.take().unwrap_or_else(Self::noop))
    }
}

impl FromArg<EventContext> for Message {
    fn from_arg(args: &mut ArgReader, event: &mut EventContext) -> Result<Self, ArgsError> {
        Ok(Self {
            name: std::mem::take(&mut event.name),
            args: args.rest(),
            ack: event.ack.take(),
        })
    }
}

/// Why a listener failed.
#[doc(hidden)]
#[derive(Debug)]
pub enum HandlerError {
    /// The arguments do not fit its parameters.
    Args(ArgsError),
    /// It returned an error, or its ack could not be sent.
    Failed(String),
}

impl From<ArgsError> for HandlerError {
    fn from(error: ArgsError) -> Self {
        Self::Args(error)
    }
}

impl HandlerError {
    fn of_event(self, event: String) -> ListenerError {
        match self {
            Self::Args(error) => ListenerError::Args { event, error },
            Self::Failed(message) => ListenerError::Failed { event, message },
        }
    }
}

/// Result of a listener, or the future of an async one.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "holds a future")]
pub enum Handled {
    /// The listener is done.
    Ready(Result<(), HandlerError>),
    /// The listener is async.
    Future(BoxFuture<Result<(), HandlerError>>),
}

/// Marks listeners that return their result.
#[doc(hidden)]
#[derive(Debug)]
pub enum Plain {}

/// Marks listeners that return a future.
#[doc(hidden)]
#[derive(Debug)]
pub enum Async {}

/// Closure that listens to an event, plain or async, with up to eight parameters.
///
/// Each parameter is a type that serde can deserialize, which reads one argument; [`Args`](crate::socketio::Args), which
/// takes all remaining ones; [`Socket`](super::Socket), the socket that received the event; [`AckSender`], which
/// acknowledges it; or [`Message`], the whole event. See [`FromArg`].
///
/// A returned value is sent as the ack; see [`HandlerOutput`]. A returned error, and an argument that does not fit, is
/// reported to [`Socket::on_error`](super::Socket::on_error). An async listener handles one event at a time, in order.
///
/// `M` only lets the compiler distinguish closures; leave it to inference.
///
/// ```no_run
/// # use pesan::socketio::{Handler, Socket};
/// // A function that takes listeners:
/// fn listen_twice<M: 'static>(socket: &Socket, first: impl Handler<M>, second: impl Handler<M>) {
///     socket.on("pesan", first);
///     socket.on("pesan", second);
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot listen to an event",
    note = "a listener is a closure with up to eight parameters whose types are written out, for example `|text: String|`",
    note = "each parameter implements serde's `Deserialize`, or is `Socket`, `Args`, `AckSender` or `Message`",
    note = "it returns `()`, `Ack(value)` or a `Result` of these, or a future of one, which natively must be `Send`"
)]
pub trait Handler<M>: MaybeSend + 'static {
    #[doc(hidden)]
    fn handle(&mut self, args: &mut ArgReader, event: &mut EventContext) -> Handled;
}

macro_rules! handlers {
    ($(($($Type:ident $parameter:ident)*))*) => {$(
        impl<Closure, R, $($Type,)*> Handler<(Plain, ($($Type,)*), R)> for Closure
        where
            Closure: FnMut($($Type),*) -> R + MaybeSend + 'static,
            R: HandlerOutput,
            $($Type: FromArg<EventContext>,)*
        {
            fn handle(&mut self, args: &mut ArgReader, event: &mut EventContext) -> Handled {
                Handled::Ready(match Spread::from_arg(args, event) {
                    Ok(Spread(($($parameter,)*))) => send_output(event.ack.take(), self($($parameter),*)),
                    Err(error) => Err(HandlerError::Args(error)),
                })
            }
        }

        impl<Closure, R, $($Type,)*> Handler<(Async, ($($Type,)*), R)> for Closure
        where
            Closure: FnMut($($Type),*) -> R + MaybeSend + 'static,
            R: Future<Output: HandlerOutput> + MaybeSend + 'static,
            $($Type: FromArg<EventContext>,)*
        {
            fn handle(&mut self, args: &mut ArgReader, event: &mut EventContext) -> Handled {
                match Spread::from_arg(args, event) {
                    Ok(Spread(($($parameter,)*))) => {
                        let (future, ack) = (self($($parameter),*), event.ack.take());
                        Handled::Future(Box::pin(async move { send_output(ack, future.await) }))
                    }
                    Err(error) => Handled::Ready(Err(HandlerError::Args(error))),
                }
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
    (A a B b C c D d E e F f)
    (A a B b C c D d E e F f G g)
    (A a B b C c D d E e F f G g H h)
}

fn send_output(ack: Option<AckSender>, output: impl HandlerOutput) -> Result<(), HandlerError> {
    match (output.into_ack().map_err(HandlerError::Failed)?, ack) {
        (Some(args), Some(ack)) => ack
            .send_values(args)
            .map_err(|error| HandlerError::Failed(error.to_string())),
        (None, _) | (_, None) => Ok(()),
    }
}

/// Closure that listens to a typed event: `FnMut(E) -> E::Ack`, or `FnMut(E)` if the event has no ack; plain or async.
///
/// ```no_run
/// # use pesan::socketio::{Event, Socket};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Add { left: i64, right: i64 }
/// # impl Event for Add { const NAME: &'static str = "add"; type Ack = i64; }
/// # fn listen(socket: &Socket) {
/// socket.on_event::<Add, _>(|add: Add| add.left + add.right);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot listen to this typed event",
    note = "it is `FnMut(E) -> E::Ack`, or `FnMut(E)` where `E::Ack` is `NoAck`; or returns a future of that"
)]
pub trait EventHandler<E: Event, M>: MaybeSend + 'static {
    #[doc(hidden)]
    fn handle(&mut self, event: E, ack: Option<AckSender>) -> Handled;
}

fn send_typed<T: Serialize>(ack: Option<AckSender>, value: T) -> Result<(), HandlerError> {
    send_output(ack, Ack((value,)))
}

impl<F, E> EventHandler<E, (Plain, E)> for F
where
    F: FnMut(E) -> E::Ack + MaybeSend + 'static,
    E: Event,
{
    fn handle(&mut self, event: E, ack: Option<AckSender>) -> Handled {
        Handled::Ready(send_typed(ack, self(event)))
    }
}

impl<F, E> EventHandler<E, (Plain, E, NoAck)> for F
where
    F: FnMut(E) + MaybeSend + 'static,
    E: Event<Ack = NoAck>,
{
    fn handle(&mut self, event: E, _: Option<AckSender>) -> Handled {
        self(event);
        Handled::Ready(Ok(()))
    }
}

impl<F, E, R> EventHandler<E, (Async, E, R)> for F
where
    F: FnMut(E) -> R + MaybeSend + 'static,
    E: Event,
    E::Ack: 'static,
    R: Future<Output = E::Ack> + MaybeSend + 'static,
{
    fn handle(&mut self, event: E, ack: Option<AckSender>) -> Handled {
        let future = self(event);
        Handled::Future(Box::pin(async move { send_typed(ack, future.await) }))
    }
}

impl<F, E, R> EventHandler<E, (Async, E, R, NoAck)> for F
where
    F: FnMut(E) -> R + MaybeSend + 'static,
    E: Event<Ack = NoAck>,
    R: Future<Output = ()> + MaybeSend + 'static,
{
    fn handle(&mut self, event: E, _: Option<AckSender>) -> Handled {
        let future = self(event);
        Handled::Future(Box::pin(async move {
            future.await;
            Ok(())
        }))
    }
}

/// Erases the type of a message listener.
pub(super) fn erase<M>(
    driver: &Weak<Driver>,
    namespace: &Name,
    mut handler: impl Handler<M>,
) -> Box<dyn ErasedListener> {
    erase_with(driver, namespace, move |args, event| handler.handle(args, event))
}

/// Erases the type of a typed event's listener.
pub(super) fn erase_typed<E: Event, M>(
    driver: &Weak<Driver>,
    namespace: &Name,
    mut handler: impl EventHandler<E, M>,
) -> Box<dyn ErasedListener> {
    erase_with(driver, namespace, move |args, context| match args.next() {
        Ok(event) => handler.handle(event, context.ack.take()),
        Err(error) => Handled::Ready(Err(HandlerError::Args(error))),
    })
}

fn erase_with(
    driver: &Weak<Driver>,
    namespace: &Name,
    mut handle: impl FnMut(&mut ArgReader, &mut EventContext) -> Handled + MaybeSend + 'static,
) -> Box<dyn ErasedListener> {
    let (driver, namespace) = (driver.clone(), Shared::clone(namespace));
    Box::new(move |event: &mut ListenerEvent| -> CallResult {
        let ListenerEvent::Message(message) = event else {
            return Ok(None);
        };
        let Message { name, args, ack } = std::mem::take(message);
        let mut context = EventContext {
            driver: driver.clone(),
            namespace: Shared::clone(&namespace),
            name,
            ack,
        };
        match handle(&mut ArgReader::new(args), &mut context) {
            Handled::Ready(Ok(())) => Ok(None),
            Handled::Ready(Err(error)) => Err(error.of_event(context.name)),
            Handled::Future(future) => Ok(Some(Box::pin(async move {
                future.await.map_err(|error| error.of_event(context.name))
            }))),
        }
    })
}

/// Reads the arguments of an ack.
pub(super) fn read_ack_args<T: FromArg<()>>(args: Vec<Value>) -> Result<T, ArgsError> {
    T::from_arg(&mut ArgReader::new(args), &mut ())
}
