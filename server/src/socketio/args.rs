//! Arguments of events and acks: conversion between [`Value`]s and types of the program.
//!
//! One rule in both directions: a tuple is all arguments, `()` is none, and any other value is the first one; a single
//! `null` is one argument. [`Args`] is the list without conversion. Missing arguments are `null`, surplus ones are ignored,
//! like in JavaScript, where a listener may have more or fewer parameters than there are arguments.
//!
//! Whether a type is a tuple is found out by serializing or deserializing it with a probe that accepts only tuples.

use std::any::Any;
use std::fmt;
use std::mem::size_of_val;
use std::ops::{Deref, DerefMut};

use pesan::socketio::value::{FromValueError, ToValueError, Value, from_value, to_value};
use serde::de::{self, DeserializeOwned, SeqAccess, Visitor};
use serde::ser::{self, Impossible, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All arguments of an event or ack, without conversion.
///
/// ```
/// use pesan_server::socketio::{Args, Socket};
///
/// fn echo(socket: Socket, args: Args) -> Result<(), pesan_server::socketio::EmitError> {
///     socket.emit("message-back", args)
/// }
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

impl<'de> Deserialize<'de> for Args {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self)
    }
}

/// Converts a value of the program to arguments.
pub(super) fn to_args<T: Serialize + ?Sized>(args: &T) -> Result<Vec<Value>, ToValueError> {
    // Both `()` and the `null` of JSON libraries are units for serde; only the former has size 0.
    let is_unit = size_of_val(args) == 0;
    match args.serialize(Probe { is_unit }) {
        Ok(values) => Ok(values),
        Err(Probed::Single) => Ok(vec![to_value(args)?]),
        Err(Probed::Failed(error)) => Err(error),
    }
}

/// Converts arguments to the type of a handler.
pub(super) fn from_args<T: DeserializeOwned + 'static>(mut values: Vec<Value>) -> Result<T, FromValueError> {
    // Types without conversion are moved: the list itself, and text, the most frequent argument.
    let mut raw = Some(Args(values));
    if let Some(same) = (&mut raw as &mut dyn Any)
        .downcast_mut::<Option<T>>()
        .and_then(Option::take)
    {
        return Ok(same);
    }
    values = raw.map(|args| args.0).unwrap_or_default();
    if let Some(Value::String(text)) = values.first_mut() {
        let mut taken = Some(std::mem::take(text));
        if let Some(same) = (&mut taken as &mut dyn Any)
            .downcast_mut::<Option<T>>()
            .and_then(Option::take)
        {
            return Ok(same);
        }
        *text = taken.unwrap_or_default();
    }
    let mut slot = Some(values);
    match T::deserialize(Unprobe { values: &mut slot }) {
        Ok(args) => Ok(args),
        Err(Probed::Failed(error)) => Err(error),
        Err(Probed::Single) => from_value(first(slot.unwrap_or_default())),
    }
}

/// First argument; `undefined` is `null`.
pub(super) fn first(values: Vec<Value>) -> Value {
    values.into_iter().next().unwrap_or_default()
}

/// Why a probe did not yield a tuple.
#[derive(Debug)]
enum Probed<E> {
    /// Value is not a tuple.
    Single,
    /// Value is a tuple, and the conversion of an item failed.
    Failed(E),
}

impl<E: fmt::Display> fmt::Display for Probed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => write!(f, "not a tuple"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for Probed<E> {}

impl ser::Error for Probed<ToValueError> {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Failed(ser::Error::custom(message))
    }
}

impl de::Error for Probed<FromValueError> {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Failed(de::Error::custom(message))
    }
}

/// Serializer that accepts only tuples, and splits them into items.
struct Probe {
    is_unit: bool,
}

struct Tuple(Vec<Value>);

impl SerializeTuple for Tuple {
    type Ok = Vec<Value>;
    type Error = Probed<ToValueError>;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Self::Error> {
        self.0.push(to_value(value).map_err(Probed::Failed)?);
        Ok(())
    }

    fn end(self) -> Result<Vec<Value>, Self::Error> {
        Ok(self.0)
    }
}

macro_rules! single {
    ($($method:ident($kind:ty);)*) => {$(
        fn $method(self, _: $kind) -> Result<Self::Ok, Self::Error> {
            Err(Probed::Single)
        }
    )*};
}

impl Serializer for Probe {
    type Ok = Vec<Value>;
    type Error = Probed<ToValueError>;
    type SerializeSeq = Impossible<Self::Ok, Self::Error>;
    type SerializeTuple = Tuple;
    type SerializeTupleStruct = Impossible<Self::Ok, Self::Error>;
    type SerializeTupleVariant = Impossible<Self::Ok, Self::Error>;
    type SerializeMap = Impossible<Self::Ok, Self::Error>;
    type SerializeStruct = Impossible<Self::Ok, Self::Error>;
    type SerializeStructVariant = Impossible<Self::Ok, Self::Error>;

    single! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_unit_struct(&'static str);
    }

    fn serialize_i128(self, _: i128) -> Result<Self::Ok, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_u128(self, _: u128) -> Result<Self::Ok, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_unit(self) -> Result<Self::Ok, Self::Error> {
        if self.is_unit {
            Ok(Vec::new())
        } else {
            Err(Probed::Single)
        }
    }

    fn serialize_none(self) -> Result<Self::Ok, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Self::Ok, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Self::Ok, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Self::Ok, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Self::Ok, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_tuple(self, len: usize) -> Result<Tuple, Self::Error> {
        Ok(Tuple(Vec::with_capacity(len)))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Self::Error> {
        Err(Probed::Single)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Self::Error> {
        Err(Probed::Single)
    }
}

/// Deserializer that accepts only tuples; for any other type the values stay in place.
struct Unprobe<'v> {
    values: &'v mut Option<Vec<Value>>,
}

impl<'de> Deserializer<'de> for Unprobe<'_> {
    type Error = Probed<FromValueError>;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Probed::Single)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Self::Error> {
        let values = self.values.take().unwrap_or_default();
        visitor.visit_seq(Items {
            values: values.into_iter(),
            left: len,
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct
        newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

struct Items {
    values: std::vec::IntoIter<Value>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Probed<FromValueError>;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Self::Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let value = self.values.next().unwrap_or_default();
        seed.deserialize(value).map(Some).map_err(Probed::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize) -> Vec<Value> {
        ["a", "b", "c"].into_iter().take(count).map(Value::from).collect()
    }

    #[test]
    fn tuple_is_all_arguments_and_any_other_value_the_first() {
        assert_eq!(to_args(&("a", "b")).expect("fits"), values(2));
        assert_eq!(to_args("a").expect("fits"), values(1));
        assert_eq!(to_args(&()).expect("fits"), vec![]);
        assert_eq!(to_args(&Value::Null).expect("fits"), [Value::Null]);
        assert_eq!(to_args(&serde_json::Value::Null).expect("fits"), [Value::Null]);
        assert_eq!(to_args(&None::<u8>).expect("fits"), [Value::Null]);
        assert_eq!(
            to_args(&vec!["a", "b"]).expect("fits"),
            vec![Value::from(values(2))]
        );
        assert_eq!(to_args(&Some("a")).expect("fits"), values(1));
        assert_eq!(to_args(&Args(values(3))).expect("fits"), values(3));
    }

    #[test]
    fn arguments_are_converted_to_tuple_first_value_or_list() {
        assert_eq!(
            from_args::<(String, String)>(values(2)).expect("fits"),
            ("a".into(), "b".into())
        );
        assert_eq!(from_args::<String>(values(2)).expect("fits"), "a");
        assert_eq!(from_args::<Args>(values(3)).expect("fits"), Args(values(3)));
        assert_eq!(from_args::<Value>(values(1)).expect("fits"), Value::from("a"));
        from_args::<()>(values(1)).expect("fits");
    }

    #[test]
    fn arguments_missing_are_null_and_surplus_are_ignored() {
        assert_eq!(
            from_args::<(String, Option<String>)>(values(1)).expect("fits"),
            ("a".into(), None)
        );
        assert_eq!(from_args::<(String,)>(values(3)).expect("fits"), ("a".into(),));
        assert_eq!(from_args::<Option<String>>(vec![]).expect("fits"), None);
        from_args::<String>(vec![]).expect_err("null is no text");
    }

    #[test]
    fn arguments_of_another_type_are_an_error() {
        from_args::<u32>(values(1)).expect_err("text is no number");
        from_args::<(u32, String)>(values(2)).expect_err("text is no number");
    }
}
