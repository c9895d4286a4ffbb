//! Arguments of received events and acks, read as the parameters of a listener.
//!
//! Parameters are read in order, through serde. Extra arguments are ignored, as in JavaScript. A missing argument is read
//! as `null`, so that `Option` makes a parameter optional.

use std::vec;

use serde::de::DeserializeOwned;

use super::error::ArgsError;
use super::message::{AckSender, Message};
use crate::socketio::codec::{Value, from_value};
use crate::socketio::sync::MaybeSend;

/// Reads the parameters of a listener from the arguments of an event.
#[derive(Debug)]
pub struct ArgReader {
    name: String,
    values: vec::IntoIter<Value>,
    index: usize,
    ack: Option<AckSender>,
}

impl ArgReader {
    pub(crate) fn new(message: Message) -> Self {
        let Message { name, args, ack } = message;
        Self {
            name,
            values: args.into_iter(),
            index: 0,
            ack,
        }
    }

    /// Name of the event, unless a parameter took it.
    pub(crate) fn into_name(self) -> String {
        self.name
    }

    fn next(&mut self) -> Value {
        self.index += 1;
        self.values.next().unwrap_or_default()
    }
}

/// Type of a listener's parameter, or of an ack.
///
/// A type that serde can deserialize reads the next argument. [`AckSender`] reads none: it acknowledges the event.
/// [`Args`] takes all remaining arguments, [`Message`] the whole event.
///
/// Implement it for a type that reads several arguments:
///
/// ```
/// use pesan::socketio::{ArgReader, ArgsError, FromArg};
///
/// struct Point(f64, f64);
///
/// impl FromArg for Point {
///     fn from_arg(args: &mut ArgReader) -> Result<Self, ArgsError> {
///         Ok(Self(f64::from_arg(args)?, f64::from_arg(args)?))
///     }
/// }
/// ```
pub trait FromArg: Sized {
    /// Reads one parameter.
    ///
    /// # Errors
    /// When the argument does not fit the type.
    fn from_arg(args: &mut ArgReader) -> Result<Self, ArgsError>;
}

impl<T: DeserializeOwned> FromArg for T {
    fn from_arg(args: &mut ArgReader) -> Result<Self, ArgsError> {
        let value = args.next();
        from_value(value).map_err(|error| ArgsError {
            index: args.index - 1,
            reason: error.to_string(),
        })
    }
}

impl FromArg for AckSender {
    fn from_arg(args: &mut ArgReader) -> Result<Self, ArgsError> {
        Ok(args.ack.take().unwrap_or_else(Self::noop))
    }
}

/// All remaining arguments, not deserialized.
///
/// ```no_run
/// # use pesan::socketio::{Args, Socket};
/// # fn listen(socket: &Socket) {
/// socket.on("log", |level: u8, Args(parts): Args| println!("{level}: {parts:?}")).forget();
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Args(pub Vec<Value>);

impl FromArg for Args {
    fn from_arg(args: &mut ArgReader) -> Result<Self, ArgsError> {
        Ok(Self(args.values.by_ref().collect()))
    }
}

impl FromArg for Message {
    fn from_arg(args: &mut ArgReader) -> Result<Self, ArgsError> {
        Ok(Self {
            name: std::mem::take(&mut args.name),
            args: args.values.by_ref().collect(),
            ack: args.ack.take(),
        })
    }
}

/// Closure that can listen to an event, with up to eight parameters that implement [`FromArg`].
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
pub trait Handler<Parameters>: MaybeSend + 'static {
    /// Reads the parameters, then calls the closure.
    ///
    /// # Errors
    /// When an argument does not fit; then the closure is not called.
    fn handle(&mut self, args: &mut ArgReader) -> Result<(), ArgsError>;
}

impl<Closure: FnMut() + MaybeSend + 'static> Handler<()> for Closure {
    fn handle(&mut self, _args: &mut ArgReader) -> Result<(), ArgsError> {
        self();
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        impl<Closure, $($name,)+> Handler<($($name,)+)> for Closure
        where
            Closure: FnMut($($name),+) + MaybeSend + 'static,
            $($name: FromArg,)+
        {
            fn handle(&mut self, args: &mut ArgReader) -> Result<(), ArgsError> {
                self($($name::from_arg(args)?),+);
                Ok(())
            }
        }
    )*};
}
tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}
