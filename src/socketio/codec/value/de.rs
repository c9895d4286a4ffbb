//! Converts a [`Value`] to a program's own types, through serde.
//!
//! Reads the shapes that [`to_value`](super::to_value) writes, which are those of `serde_json`. More tolerant in two
//! places, for peers in JavaScript: `1e2` and `1.0` are integers, and a `Vec<u8>` may arrive as binary.

use std::fmt;
use std::vec::IntoIter;

use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use super::error::FromValueError;
use super::{Number, Value, json};

/// Converts a [`Value`] to any type that serde can deserialize.
///
/// ```
/// use pesan::socketio::value::{from_value, json};
/// #[derive(Debug, serde::Deserialize)]
/// struct Item {
///     name: String,
/// }
/// let value = json::parse(r#"{"items":[{"name":"a"},{"name":7}]}"#, 8).expect("valid JSON");
/// let error = from_value::<std::collections::BTreeMap<String, Vec<Item>>>(value).unwrap_err();
/// assert_eq!(error.to_string(), "at .items[1].name: expected a string, found number 7");
/// ```
///
/// # Errors
/// When the value does not fit the type; the message contains the path.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, FromValueError> {
    T::deserialize(value)
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
            match self {
                Self::Number(number) => visit_number(number, visitor),
                other => Err(other.mismatch(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Value {
    type Error = FromValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(bool) => visitor.visit_bool(bool),
            Self::Number(number) => visit_number(number, visitor),
            Self::String(text) => visitor.visit_string(text),
            Self::Binary(bytes) => visitor.visit_byte_buf(bytes),
            Self::Array(items) => visit_array(items, visitor),
            Self::Object(entries) => visit_object(entries, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        match self {
            Self::Null => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FromValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        match self {
            Self::Binary(bytes) => visitor.visit_seq(Array::new(bytes)),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, FromValueError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromValueError> {
        match self {
            Self::String(name) => visitor.visit_enum(Variant::new(name, None)),
            Self::Object(entries) => {
                let count = entries.len();
                let mut entries = entries.into_iter();
                match (entries.next(), count) {
                    (Some((name, value)), 1) => visitor.visit_enum(Variant::new(name, Some(value))),
                    _ => Err(FromValueError::custom(format_args!(
                        "expected a variant's name or an object with it as the only key, found {count} keys"
                    ))),
                }
            }
            other => Err(FromValueError::invalid_type(
                other.unexpected(),
                &"a variant's name or an object with it as the only key",
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        match self {
            Self::Bool(bool) => visitor.visit_bool(bool),
            other => Err(other.mismatch(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        match self {
            Self::String(text) => visitor.visit_string(text),
            other => Err(other.mismatch(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        match self {
            Self::Null => visitor.visit_unit(),
            other => Err(other.mismatch(&visitor)),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit_struct tuple_struct map struct identifier
    }
}

impl Value {
    /// Error of methods that accept one shape only. Not generic, so that it is compiled once.
    #[cold]
    fn mismatch(&self, expected: &dyn Expected) -> FromValueError {
        FromValueError::invalid_type(self.unexpected(), expected)
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(bool) => Unexpected::Bool(*bool),
            Self::Number(number) => Unexpected::Float(number.as_f64()),
            Self::String(text) => Unexpected::Str(text),
            Self::Binary(bytes) => Unexpected::Bytes(bytes),
            Self::Array(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        }
    }
}

/// Visits whole numbers as integers, so that `1e2` fits a `u8`; negative zero keeps its sign.
fn visit_number<'de, V: Visitor<'de>, E: serde::de::Error>(
    number: Number,
    visitor: V,
) -> Result<V::Value, E> {
    match number {
        Number::Float(float) if float == 0.0 && float.is_sign_negative() => visitor.visit_f64(float),
        _ => match (number.as_u64(), number.as_i64()) {
            (Some(uint), _) => visitor.visit_u64(uint),
            (None, Some(int)) => visitor.visit_i64(int),
            (None, None) => visitor.visit_f64(number.as_f64()),
        },
    }
}

impl<'de> Deserialize<'de> for Value {
    /// Accepts any data; serde's bytes become binary.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::Bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::from(int))
    }

    fn visit_u64<E>(self, uint: u64) -> Result<Value, E> {
        Ok(Value::from(uint))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Value, E> {
        Ok(Value::from(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Binary(bytes.to_vec()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Binary(bytes))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        while let Some(entry) = object.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::object(entries))
    }
}

/// Visits an array; fails if the visitor leaves items.
fn visit_array<'de, V: Visitor<'de>>(items: Vec<Value>, visitor: V) -> Result<V::Value, FromValueError> {
    let count = items.len();
    let mut array = Array::new(items);
    let value = visitor.visit_seq(&mut array)?;
    match array.items.len() {
        0 => Ok(value),
        left => Err(FromValueError::custom(format_args!(
            "expected {} items, found {count}",
            count - left
        ))),
    }
}

/// Visits an object; fails if the visitor leaves entries.
fn visit_object<'de, V: Visitor<'de>>(
    entries: Vec<(String, Value)>,
    visitor: V,
) -> Result<V::Value, FromValueError> {
    let count = entries.len();
    let mut object = Object {
        entries: entries.into_iter(),
        current: None,
    };
    let value = visitor.visit_map(&mut object)?;
    match object.entries.len() {
        0 => Ok(value),
        left => Err(FromValueError::custom(format_args!(
            "expected {} keys, found {count}",
            count - left
        ))),
    }
}

/// Items of an array, or the bytes of binary that is read as an array.
struct Array<T> {
    items: IntoIter<T>,
    index: usize,
}

impl<T> Array<T> {
    fn new(items: Vec<T>) -> Self {
        Self {
            items: items.into_iter(),
            index: 0,
        }
    }
}

impl<'de, T: IntoDeserializer<'de, FromValueError>> SeqAccess<'de> for Array<T> {
    type Error = FromValueError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, FromValueError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(item.into_deserializer())
            .map(Some)
            .map_err(|error| error.under_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

impl<'de> IntoDeserializer<'de, FromValueError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Object {
    entries: IntoIter<(String, Value)>,
    current: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Object {
    type Error = FromValueError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, FromValueError> {
        self.current = self.entries.next();
        let Some((key, _)) = &self.current else {
            return Ok(None);
        };
        seed.deserialize(Key(key))
            .map(Some)
            .map_err(|error| error.under_key(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, FromValueError> {
        let current = self.current.take();
        let (key, value) = current.ok_or_else(|| FromValueError::custom("value asked for before its key"))?;
        seed.deserialize(value).map_err(|error| error.under_key(&key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// Key of an object, which may also be read as a number or boolean.
struct Key<'k>(&'k str);

impl Key<'_> {
    /// The key as a number, if it is one.
    fn number(&self) -> Option<Value> {
        json::parse(self.0, 0)
            .ok()
            .filter(|value| matches!(value, Value::Number(_)))
    }
}

macro_rules! number_key {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
            match self.number() {
                Some(number) => number.deserialize_any(visitor),
                None => visitor.visit_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = FromValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        visitor.visit_str(self.0)
    }

    number_key! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            other => visitor.visit_str(other),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FromValueError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FromValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromValueError> {
        visitor.visit_enum(Variant::new(self.0.to_owned(), None))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// Externally tagged enum variant.
struct Variant {
    name: String,
    value: Option<Value>,
}

impl Variant {
    fn new(name: String, value: Option<Value>) -> Self {
        Self { name, value }
    }

    fn unexpected_unit(expected: &dyn Expected) -> FromValueError {
        FromValueError::invalid_type(Unexpected::UnitVariant, expected)
    }
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = FromValueError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), FromValueError> {
        let variant = seed.deserialize(Key(&self.name))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = FromValueError;

    fn unit_variant(self) -> Result<(), FromValueError> {
        match self.value {
            None => Ok(()),
            Some(value) => {
                Deserialize::deserialize(value).map_err(|error: FromValueError| error.under_key(&self.name))
            }
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, FromValueError> {
        let value = self
            .value
            .ok_or_else(|| Self::unexpected_unit(&"a variant with a value"))?;
        seed.deserialize(value)
            .map_err(|error| error.under_key(&self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, FromValueError> {
        let value = self
            .value
            .ok_or_else(|| Self::unexpected_unit(&"a variant with a tuple"))?;
        value
            .deserialize_tuple(len, visitor)
            .map_err(|error| error.under_key(&self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FromValueError> {
        let value = self
            .value
            .ok_or_else(|| Self::unexpected_unit(&"a variant with fields"))?;
        value
            .deserialize_any(visitor)
            .map_err(|error| error.under_key(&self.name))
    }
}

#[cfg(test)]
mod tests;
