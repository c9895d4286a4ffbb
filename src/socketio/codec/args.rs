//! Arguments of events and acks: types of the program to [`Value`]s and back, by the same rules on both ends.
//!
//! - Sending ([`to_args`]): the items of a tuple or of a fixed-size array are the arguments, `()` is none, and any other
//!   type that serde can serialize is one argument.
//! - Receiving ([`FromArg`]): each parameter of a listener reads one argument. Surplus arguments are ignored, as in
//!   JavaScript. A missing argument is read as `null`, so that `Option` makes a parameter optional.

use std::mem::size_of_val;
use std::ops::{Deref, DerefMut};
use std::vec;

use serde::de::DeserializeOwned;
use serde::ser::{Impossible, SerializeTuple};
use serde::{Serialize, Serializer};

use super::value::{ToValueError, Value, from_value, to_value};

/// All arguments of an event or ack, without conversion.
///
/// As a parameter or an ack it takes all remaining arguments; when it is sent, each item is one argument.
///
/// ```
/// use pesan::socketio::{Args, ArgReader, FromArg, Value};
///
/// let mut reader = ArgReader::new(vec![Value::from("warning"), Value::from(1), Value::from(2)]);
/// let level: String = reader.next()?;
/// let Args(parts) = Args::from_arg(&mut reader, &mut ())?;
/// assert_eq!(level, "warning");
/// assert_eq!(parts, [Value::from(1), Value::from(2)]);
/// # Ok::<(), pesan::socketio::ArgsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Args(pub Vec<Value>);

impl Deref for Args {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.0
    }
}

impl DerefMut for Args {
    fn deref_mut(&mut self) -> &mut Vec<Value> {
        &mut self.0
    }
}

impl From<Vec<Value>> for Args {
    fn from(values: Vec<Value>) -> Self {
        Self(values)
    }
}

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for value in &self.0 {
            tuple.serialize_element(value)?;
        }
        tuple.end()
    }
}

/// Why the arguments of an event or ack do not fit the program's types.
///
/// ```
/// use pesan::socketio::ArgsError;
///
/// let error = ArgsError::Argument { index: 1, reason: "expected a number".to_owned() };
/// assert_eq!(error.to_string(), "argument 1: expected a number");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgsError {
    /// An argument has another type.
    #[error("argument {index}: {reason}")]
    Argument {
        /// Index of the argument, from 0.
        index: usize,
        /// Why it does not fit.
        reason: String,
    },
    /// A parameter that is not an argument cannot be provided.
    #[error("{0}")]
    Unavailable(String),
}

/// Reads arguments in order.
#[derive(Debug)]
pub struct ArgReader {
    values: vec::IntoIter<Value>,
    index: usize,
}

impl ArgReader {
    /// Reader that begins at the first argument.
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self {
            values: values.into_iter(),
            index: 0,
        }
    }

    /// Reads the next argument; a missing one is `null`.
    ///
    /// # Errors
    /// When the argument has another type.
    #[expect(clippy::should_implement_trait, reason = "each call may read another type")]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<T, ArgsError> {
        let index = self.index;
        self.index += 1;
        let value = self.values.next().unwrap_or_default();
        from_value(value).map_err(|error| ArgsError::Argument {
            index,
            reason: error.to_string(),
        })
    }

    /// Takes all remaining arguments.
    pub fn rest(&mut self) -> Vec<Value> {
        let rest: Vec<Value> = self.values.by_ref().collect();
        self.index += rest.len();
        rest
    }
}

/// Type of a listener's parameter, or of an ack.
///
/// A type that serde can deserialize reads the next argument; [`Args`] takes all remaining ones; [`Spread`] reads one for
/// each item of a tuple. `Context` is what a parameter may take besides arguments; it differs between client and server.
///
/// Implement it for a type that reads several arguments; it then works on both ends:
///
/// ```
/// use pesan::socketio::{ArgReader, ArgsError, FromArg};
///
/// struct Point(f64, f64);
///
/// impl<Context> FromArg<Context> for Point {
///     fn from_arg(args: &mut ArgReader, _: &mut Context) -> Result<Self, ArgsError> {
///         Ok(Self(args.next()?, args.next()?))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a listener, nor an ack",
    note = "implement serde's `Deserialize` for it; it then reads one argument",
    note = "`Args` takes all remaining arguments, and `AckSender` the sender of the ack"
)]
pub trait FromArg<Context>: Sized {
    /// Reads one parameter.
    ///
    /// # Errors
    /// When an argument has another type.
    fn from_arg(args: &mut ArgReader, context: &mut Context) -> Result<Self, ArgsError>;
}

impl<Context, T: DeserializeOwned> FromArg<Context> for T {
    fn from_arg(args: &mut ArgReader, _: &mut Context) -> Result<Self, ArgsError> {
        args.next()
    }
}

impl<Context> FromArg<Context> for Args {
    fn from_arg(args: &mut ArgReader, _: &mut Context) -> Result<Self, ArgsError> {
        Ok(Self(args.rest()))
    }
}

/// Tuple of which each item reads one argument, where a plain tuple reads one argument that is an array.
///
/// Use it for acks with several arguments, such as those of Node's callbacks `callback(error, data)`:
///
/// ```
/// use pesan::socketio::{ArgReader, FromArg, Spread, Value};
///
/// let mut args = ArgReader::new(vec![Value::Null, Value::from(7)]);
/// let Spread((error, data)) = Spread::<(Option<String>, u32)>::from_arg(&mut args, &mut ())?;
/// assert_eq!((error, data), (None, 7));
/// # Ok::<(), pesan::socketio::ArgsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spread<T>(pub T);

macro_rules! spread {
    ($(($($item:ident)*))*) => {$(
        impl<Context, $($item: FromArg<Context>,)*> FromArg<Context> for Spread<($($item,)*)> {
            fn from_arg(_args: &mut ArgReader, _context: &mut Context) -> Result<Self, ArgsError> {
                Ok(Self(($($item::from_arg(_args, _context)?,)*)))
            }
        }
    )*};
}
spread! {
    () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

/// Converts a value of the program to the arguments of an event or ack; see the rules of the module.
///
/// ```
/// use pesan::socketio::{Value, to_args};
///
/// assert_eq!(to_args(&"halo")?, [Value::from("halo")]);
/// assert_eq!(to_args(&(1, "two"))?, [Value::from(1), Value::from("two")]);
/// assert_eq!(to_args(&vec![1, 2])?, [Value::Array(vec![Value::from(1), Value::from(2)])]);
/// assert!(to_args(&())?.is_empty());
/// # Ok::<(), pesan::socketio::value::ToValueError>(())
/// ```
///
/// # Errors
/// When the type's `Serialize` fails, or it has no JSON form.
pub fn to_args<T: Serialize + ?Sized>(args: &T) -> Result<Vec<Value>, ToValueError> {
    // Both `()` and the `null` of JSON libraries are units for serde; only the former has size 0.
    let is_unit = size_of_val(args) == 0;
    match args.serialize(TupleSerializer { is_unit }) {
        Ok(values) => Ok(values),
        Err(NotSpread::Single) => Ok(vec![to_value(args)?]),
        Err(NotSpread::Failed(error)) => Err(error),
    }
}

/// Return value of a handler that sends it as the ack; several arguments are a tuple.
///
/// ```
/// use pesan::socketio::{Ack, HandlerOutput, Value};
///
/// let sum = |a: i64, b: i64| Ack(a + b);
/// assert_eq!(sum(1, 2).into_ack(), Ok(Some(vec![Value::from(3)])));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ack<T>(pub T);

/// Return type of a handler.
///
/// `()` sends no ack. [`Ack`], text, numbers, `bool`, [`Value`], `serde_json::Value`, `Vec` and `Option` are sent as the
/// ack, if one is wanted and was not sent yet. Of a `Result`, the value counts as if it were returned, and the error is
/// reported.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned by a handler",
    note = "return `()`, `Ack(value)` to acknowledge, or a `Result` of these whose error implements `Display`"
)]
pub trait HandlerOutput {
    /// Arguments of the ack, or the error to report.
    ///
    /// # Errors
    /// When the handler failed, or its value cannot be serialized.
    fn into_ack(self) -> Result<Option<Vec<Value>>, String>;
}

impl HandlerOutput for () {
    fn into_ack(self) -> Result<Option<Vec<Value>>, String> {
        Ok(None)
    }
}

impl<T: Serialize> HandlerOutput for Ack<T> {
    fn into_ack(self) -> Result<Option<Vec<Value>>, String> {
        to_args(&self.0).map(Some).map_err(|error| error.to_string())
    }
}

impl<T: HandlerOutput, E: std::fmt::Display> HandlerOutput for Result<T, E> {
    fn into_ack(self) -> Result<Option<Vec<Value>>, String> {
        self.map_err(|error| error.to_string())?.into_ack()
    }
}

macro_rules! acks {
    ($([$($item:ident)?] $kind:ty;)*) => {$(
        impl$(<$item: Serialize>)? HandlerOutput for $kind {
            fn into_ack(self) -> Result<Option<Vec<Value>>, String> {
                Ack((self,)).into_ack()
            }
        }
    )*};
}
acks! {
    [] bool; [] i8; [] i16; [] i32; [] i64; [] u8; [] u16; [] u32; [] u64; [] isize; [] usize; [] f32; [] f64;
    [] String; [] &'static str; [] Value; [] serde_json::Value; [T] Vec<T>; [T] Option<T>;
}

/// Why [`TupleSerializer`] did not yield arguments.
#[derive(Debug, thiserror::Error)]
enum NotSpread {
    /// The value is no tuple.
    #[error("not a tuple")]
    Single,
    /// The value is a tuple; serializing an item failed.
    #[error(transparent)]
    Failed(ToValueError),
}

impl serde::ser::Error for NotSpread {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Failed(serde::ser::Error::custom(message))
    }
}

/// Serializer that accepts only tuples, and splits them into items. serde has no other way to tell a tuple from a list.
struct TupleSerializer {
    is_unit: bool,
}

struct Items(Vec<Value>);

impl SerializeTuple for Items {
    type Ok = Vec<Value>;
    type Error = NotSpread;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotSpread> {
        self.0.push(to_value(value).map_err(NotSpread::Failed)?);
        Ok(())
    }

    fn end(self) -> Result<Vec<Value>, NotSpread> {
        Ok(self.0)
    }
}

macro_rules! single {
    ($($method:ident($($kind:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $kind),*) -> Result<$ok, NotSpread> {
            Err(NotSpread::Single)
        }
    )*};
}

impl Serializer for TupleSerializer {
    type Ok = Vec<Value>;
    type Error = NotSpread;
    type SerializeSeq = Impossible<Self::Ok, NotSpread>;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Impossible<Self::Ok, NotSpread>;
    type SerializeTupleVariant = Impossible<Self::Ok, NotSpread>;
    type SerializeMap = Impossible<Self::Ok, NotSpread>;
    type SerializeStruct = Impossible<Self::Ok, NotSpread>;
    type SerializeStructVariant = Impossible<Self::Ok, NotSpread>;

    fn serialize_tuple(self, len: usize) -> Result<Items, NotSpread> {
        Ok(Items(Vec::with_capacity(len)))
    }

    fn serialize_unit(self) -> Result<Vec<Value>, NotSpread> {
        if self.is_unit {
            Ok(Vec::new())
        } else {
            Err(NotSpread::Single)
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Vec<Value>, NotSpread> {
        Err(NotSpread::Single)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Vec<Value>, NotSpread> {
        Err(NotSpread::Single)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Vec<Value>, NotSpread> {
        Err(NotSpread::Single)
    }

    single! {
        serialize_bool(bool) -> Vec<Value>;
        serialize_i8(i8) -> Vec<Value>;
        serialize_i16(i16) -> Vec<Value>;
        serialize_i32(i32) -> Vec<Value>;
        serialize_i64(i64) -> Vec<Value>;
        serialize_i128(i128) -> Vec<Value>;
        serialize_u8(u8) -> Vec<Value>;
        serialize_u16(u16) -> Vec<Value>;
        serialize_u32(u32) -> Vec<Value>;
        serialize_u64(u64) -> Vec<Value>;
        serialize_u128(u128) -> Vec<Value>;
        serialize_f32(f32) -> Vec<Value>;
        serialize_f64(f64) -> Vec<Value>;
        serialize_char(char) -> Vec<Value>;
        serialize_str(&str) -> Vec<Value>;
        serialize_bytes(&[u8]) -> Vec<Value>;
        serialize_none() -> Vec<Value>;
        serialize_unit_struct(&'static str) -> Vec<Value>;
        serialize_unit_variant(&'static str, u32, &'static str) -> Vec<Value>;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<Value> {
        ["a", "b", "c"].into_iter().take(count).map(Value::from).collect()
    }

    fn read<T: FromArg<()>>(values: Vec<Value>) -> Result<T, ArgsError> {
        T::from_arg(&mut ArgReader::new(values), &mut ())
    }

    #[test]
    fn to_args_of_tuple_is_all_arguments_and_of_any_other_value_the_first() {
        assert_eq!(to_args(&("a", "b")).expect("fits"), values(2));
        assert_eq!(to_args("a").expect("fits"), values(1));
        assert_eq!(to_args(&["a", "b"]).expect("fits"), values(2));
        assert_eq!(to_args(&()).expect("fits"), vec![]);
        assert_eq!(to_args(&Value::Null).expect("fits"), [Value::Null]);
        assert_eq!(to_args(&serde_json::Value::Null).expect("fits"), [Value::Null]);
        assert_eq!(to_args(&None::<u8>).expect("fits"), [Value::Null]);
        assert_eq!(
            to_args(&vec!["a", "b"]).expect("fits"),
            vec![Value::from(values(2))]
        );
        assert_eq!(to_args(&Some("a")).expect("fits"), values(1));
        assert_eq!(to_args(&7usize).expect("fits"), [Value::from(7)]);
        assert_eq!(to_args(&Args(values(3))).expect("fits"), values(3));
        assert_eq!(to_args(&(("a", "b"),)).expect("fits"), [Value::from(values(2))]);
        assert_eq!(
            to_args(&serde_json::json!({"a": [1]})).expect("fits"),
            [Value::object([("a", Value::Array(vec![Value::from(1)]))])]
        );
    }

    #[test]
    fn parameters_read_one_argument_each() {
        let mut args = ArgReader::new(values(3));
        assert_eq!(String::from_arg(&mut args, &mut ()).expect("text"), "a");
        assert_eq!(
            Args::from_arg(&mut args, &mut ()).expect("rest").0,
            values(3)[1..]
        );
        assert_eq!(read::<String>(values(2)).expect("fits"), "a");
        assert_eq!(read::<Value>(values(1)).expect("fits"), Value::from("a"));
        let array = vec![Value::from(values(2))];
        assert_eq!(
            read::<(String, String)>(array).expect("fits"),
            ("a".into(), "b".into())
        );
    }

    #[test]
    fn spread_reads_one_argument_for_each_item() {
        let Spread((first, second)) = read::<Spread<(String, String)>>(values(2)).expect("fits");
        assert_eq!((first.as_str(), second.as_str()), ("a", "b"));
    }

    #[test]
    fn arguments_missing_are_null_and_surplus_are_ignored() {
        let Spread((first, second)) = read::<Spread<(String, Option<String>)>>(values(1)).expect("fits");
        assert_eq!((first.as_str(), second), ("a", None));
        assert_eq!(read::<Option<String>>(vec![]).expect("fits"), None);
        read::<String>(vec![]).expect_err("null is no text");
    }

    #[test]
    fn arguments_of_another_type_are_an_error_with_their_index() {
        let error = read::<Spread<(String, u32)>>(values(2)).expect_err("text is no number");
        assert!(matches!(error, ArgsError::Argument { index: 1, .. }), "{error}");
    }
}
