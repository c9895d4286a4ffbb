//! Closures that listen to events, and what their parameters may take besides arguments.

use super::message::{AckSender, Message};
use crate::socketio::codec::Value;
use crate::socketio::codec::args::{ArgReader, ArgsError, FromArg, Spread};
use crate::socketio::sync::MaybeSend;

/// Event that a listener is called for, without its arguments: what [`AckSender`] and [`Message`] are taken from.
#[derive(Debug)]
pub struct EventContext {
    name: String,
    ack: Option<AckSender>,
}

impl EventContext {
    /// Splits a received event into its arguments and the rest.
    pub(super) fn split(message: Message) -> (ArgReader, Self) {
        let Message { name, args, ack } = message;
        (ArgReader::new(args), Self { name, ack })
    }

    /// Name of the event, unless a parameter took it.
    pub(super) fn into_name(self) -> String {
        self.name
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

/// Closure that listens to an event, with up to eight parameters.
///
/// Each parameter is a type that serde can deserialize, which reads one argument; [`Args`](crate::socketio::Args), which
/// takes all remaining ones; [`AckSender`], which acknowledges the event; or [`Message`], the whole event. See [`FromArg`].
///
/// `Parameters` only lets the compiler distinguish closures; leave it to inference.
///
/// ```no_run
/// # use pesan::socketio::{Handler, Socket};
/// // A function that takes listeners:
/// fn listen_twice<P: 'static>(socket: &Socket, first: impl Handler<P>, second: impl Handler<P>) {
///     socket.on("pesan", first).forget();
///     socket.on("pesan", second).forget();
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot listen to an event",
    note = "a listener is a closure with up to eight parameters whose types are written out, for example `|text: String|`",
    note = "each parameter implements serde's `Deserialize`, or is `Args`, `AckSender` or `Message`"
)]
pub trait Handler<Parameters>: MaybeSend + 'static {
    /// Reads the parameters, then calls the closure.
    ///
    /// # Errors
    /// When an argument does not fit; then the closure is not called.
    fn handle(&mut self, args: &mut ArgReader, event: &mut EventContext) -> Result<(), ArgsError>;
}

macro_rules! handlers {
    ($(($($Type:ident $parameter:ident)*))*) => {$(
        impl<Closure, $($Type,)*> Handler<($($Type,)*)> for Closure
        where
            Closure: FnMut($($Type),*) + MaybeSend + 'static,
            $($Type: FromArg<EventContext>,)*
        {
            fn handle(&mut self, args: &mut ArgReader, event: &mut EventContext) -> Result<(), ArgsError> {
                let Spread(($($parameter,)*)) = Spread::from_arg(args, event)?;
                self($($parameter),*);
                Ok(())
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

/// Reads the arguments of an ack.
pub(super) fn read_ack_args<T: FromArg<()>>(args: Vec<Value>) -> Result<T, ArgsError> {
    T::from_arg(&mut ArgReader::new(args), &mut ())
}
