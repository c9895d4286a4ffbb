//! Arguments between the wire and Rust: what a listener may take, what `emit` may be given.
//!
//! Values cross through serde. A listener's parameters are read one after the other; what a sender gave beyond them is
//! ignored, as in JavaScript, and a parameter without a value is read as `null`, so `Option` makes it optional.

use std::vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::message::{Message, Responder};
use crate::socketio::sync::MaybeSend;
use crate::socketio::value::{ToValueError, to_value};
use crate::socketio::{Value, from_value};

/// Why the arguments of an event or an answer do not fit what the program takes.
///
/// ```
/// use pesan::socketio::ArgsError;
///
/// let error = ArgsError { index: 1, reason: "expected a number".to_owned() };
/// assert_eq!(error.to_string(), "argument 1: expected a number");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("argument {index}: {reason}")]
pub struct ArgsError {
    /// Place of the argument, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Arguments that a listener reads its parameters from.
#[derive(Debug)]
pub struct Args {
    name: String,
    values: vec::IntoIter<Value>,
    index: usize,
    responder: Option<Responder>,
}

impl Args {
    pub(crate) fn new(message: Message) -> Self {
        let Message {
            name,
            args,
            responder,
        } = message;
        Self {
            name,
            values: args.into_iter(),
            index: 0,
            responder,
        }
    }

    /// Name of the event, unless a listener took it.
    pub(crate) fn into_name(self) -> String {
        self.name
    }

    fn next(&mut self) -> Value {
        self.index += 1;
        self.values.next().unwrap_or_default()
    }
}

/// Type that can be a parameter of a listener, or the answer of an event.
///
/// Everything that serde can read takes the next argument. [`Responder`] takes none: it answers the event.
/// [`Rest`] takes all that are left, [`Message`] the event as a whole.
///
/// A type of your own that serde cannot read by itself reads what it needs:
///
/// ```
/// use pesan::socketio::{Args, ArgsError, FromArg};
///
/// struct Point(f64, f64);
///
/// impl FromArg for Point {
///     fn from_arg(args: &mut Args) -> Result<Self, ArgsError> {
///         Ok(Self(f64::from_arg(args)?, f64::from_arg(args)?))
///     }
/// }
/// ```
pub trait FromArg: Sized {
    /// Reads one parameter.
    ///
    /// # Errors
    /// When the argument's shape is not the type's.
    fn from_arg(args: &mut Args) -> Result<Self, ArgsError>;
}

impl<T: DeserializeOwned> FromArg for T {
    fn from_arg(args: &mut Args) -> Result<Self, ArgsError> {
        let value = args.next();
        from_value(value).map_err(|error| ArgsError {
            index: args.index - 1,
            reason: error.to_string(),
        })
    }
}

impl FromArg for Responder {
    fn from_arg(args: &mut Args) -> Result<Self, ArgsError> {
        Ok(args.responder.take().unwrap_or_else(Self::deaf))
    }
}

/// All arguments that no earlier parameter took, as they came.
///
/// ```no_run
/// # use pesan::socketio::{Rest, Socket};
/// # fn listen(socket: &Socket) {
/// socket.on("log", |level: u8, Rest(parts): Rest| println!("{level}: {parts:?}")).forget();
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rest(pub Vec<Value>);

impl FromArg for Rest {
    fn from_arg(args: &mut Args) -> Result<Self, ArgsError> {
        Ok(Self(args.values.by_ref().collect()))
    }
}

impl FromArg for Message {
    fn from_arg(args: &mut Args) -> Result<Self, ArgsError> {
        Ok(Self {
            name: std::mem::take(&mut args.name),
            args: args.values.by_ref().collect(),
            responder: args.responder.take(),
        })
    }
}

/// Closure that can listen to an event: any number of parameters up to eight, each a [`FromArg`].
///
/// `Parameters` only helps the compiler to tell closures apart; name it nowhere.
///
/// ```no_run
/// # use pesan::socketio::{Handler, Socket};
/// // A function that passes listeners on:
/// fn listen_twice<P: 'static>(socket: &Socket, first: impl Handler<P>, second: impl Handler<P>) {
///     socket.on("pesan", first).forget();
///     socket.on("pesan", second).forget();
/// }
/// ```
pub trait Handler<Parameters>: MaybeSend + 'static {
    /// Reads the parameters, then calls the closure.
    ///
    /// # Errors
    /// When an argument does not fit; the closure is not called then.
    fn handle(&mut self, args: &mut Args) -> Result<(), ArgsError>;
}

/// Arguments of an outgoing event or answer.
///
/// A tuple is that many arguments, `()` is none, text, numbers, `bool` and [`Value`] are one, and `Vec<Value>` is as
/// many as it holds. A type of your own is one argument as `(value,)`, or as [`One`].
///
/// ```
/// use pesan::socketio::{IntoArgs, Value};
///
/// assert_eq!("halo".into_args()?, [Value::from("halo")]);
/// assert_eq!((1, "two").into_args()?, [Value::from(1), Value::from("two")]);
/// assert!(().into_args()?.is_empty());
/// # Ok::<(), pesan::socketio::value::ToValueError>(())
/// ```
pub trait IntoArgs {
    /// Turns everything into values.
    ///
    /// # Errors
    /// What a type's own `Serialize` refuses.
    fn into_args(self) -> Result<Vec<Value>, ToValueError>;
}

/// One argument of any type that serde can write.
///
/// ```
/// use pesan::socketio::{IntoArgs, One, Value};
///
/// assert_eq!(One([1, 2]).into_args()?, [Value::Array(vec![1.into(), 2.into()])]);
/// # Ok::<(), pesan::socketio::value::ToValueError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct One<T>(pub T);

impl<T: Serialize> IntoArgs for One<T> {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(vec![to_value(&self.0)?])
    }
}

impl IntoArgs for Vec<Value> {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(self)
    }
}

impl IntoArgs for Value {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(vec![self])
    }
}

impl IntoArgs for () {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(Vec::new())
    }
}

impl IntoArgs for &String {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(vec![Value::from(self.as_str())])
    }
}

macro_rules! one_value {
    ($($kind:ty),*) => {$(
        impl IntoArgs for $kind {
            fn into_args(self) -> Result<Vec<Value>, ToValueError> {
                Ok(vec![Value::from(self)])
            }
        }
    )*};
}
one_value!(&str, String, bool, i8, i16, i32, i64, u8, u16, u32, u64, f64);

impl<Closure: FnMut() + MaybeSend + 'static> Handler<()> for Closure {
    fn handle(&mut self, _args: &mut Args) -> Result<(), ArgsError> {
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
            fn handle(&mut self, args: &mut Args) -> Result<(), ArgsError> {
                self($($name::from_arg(args)?),+);
                Ok(())
            }
        }
    )*};
}
tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

macro_rules! argument_lists {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: Serialize),+> IntoArgs for ($($name,)+) {
            fn into_args(self) -> Result<Vec<Value>, ToValueError> {
                #[expect(non_snake_case, reason = "the type's name is the variable's")]
                let ($($name,)+) = self;
                Ok(vec![$(to_value(&$name)?),+])
            }
        }
    )*};
}
argument_lists! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}
