//! A program's own types to [`Value`], through serde.
//!
//! The shapes are those of `serde_json`: enums are tagged from outside (`{"Variant":…}`, a unit variant is its
//! name), `None` and `()` are `null`, `Result` is `{"Ok":…}` or `{"Err":…}`. Bytes become [`Value::Binary`].

mod compound;

use std::fmt;

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, ser};

use super::path::Path;
use super::{Number, Value};
use compound::{ArraySerializer, ObjectSerializer, tagged};

/// Why a value of the program cannot be sent; says where, as in `at .items[3]: …`.
///
/// ```
/// use pesan::socketio::to_value;
/// let error = to_value(&[Some(u128::MAX)]).unwrap_err();
/// assert!(error.to_string().starts_with("at [0]: integer "));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.path.describe(&self.message))]
pub struct ToValueError {
    path: Path,
    message: String,
}

impl ToValueError {
    fn under_key(mut self, key: &str) -> Self {
        self.path.under_key(key);
        self
    }

    fn under_index(mut self, index: usize) -> Self {
        self.path.under_index(index);
        self
    }
}

impl ser::Error for ToValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            path: Path::default(),
            message: message.to_string(),
        }
    }
}

/// Turns anything that serde can write into a [`Value`]; bytes become [`Value::Binary`].
///
/// ```
/// use pesan::socketio::value::{Value, to_value};
/// assert_eq!(to_value(&("a", 1, None::<bool>)), Ok(Value::Array(vec!["a".into(), 1.into(), Value::Null])));
/// ```
///
/// # Errors
/// What the type's own `Serialize` refuses, map keys that are not text or numbers, and integers beyond 64 bits.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, ToValueError> {
    value.serialize(ValueSerializer)
}

impl Serialize for Value {
    /// Writes the same shape; binary as serde's bytes.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Number(Number::Int(int)) => serializer.serialize_i64(*int),
            Self::Number(Number::Uint(uint)) => serializer.serialize_u64(*uint),
            Self::Number(Number::Float(float)) => serializer.serialize_f64(*float),
            Self::String(text) => serializer.serialize_str(text),
            Self::Binary(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(items) => {
                let mut array = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    array.serialize_element(item)?;
                }
                array.end()
            }
            Self::Object(entries) => {
                let mut object = serializer.serialize_map(Some(entries.len()))?;
                for (key, item) in entries {
                    object.serialize_entry(key, item)?;
                }
                object.end()
            }
        }
    }
}

struct ValueSerializer;

impl serde::Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ToValueError;
    type SerializeSeq = ArraySerializer;
    type SerializeTuple = ArraySerializer;
    type SerializeTupleStruct = ArraySerializer;
    type SerializeTupleVariant = ArraySerializer;
    type SerializeMap = ObjectSerializer;
    type SerializeStruct = ObjectSerializer;
    type SerializeStructVariant = ObjectSerializer;

    fn serialize_bool(self, bool: bool) -> Result<Value, ToValueError> {
        Ok(Value::Bool(bool))
    }

    fn serialize_i8(self, int: i8) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_i16(self, int: i16) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_i32(self, int: i32) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_i64(self, int: i64) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_i128(self, int: i128) -> Result<Value, ToValueError> {
        let small = i64::try_from(int).map(Value::from);
        small
            .or_else(|_| u64::try_from(int).map(Value::from))
            .map_err(|_| ToValueError::custom(format_args!("integer {int} does not fit 64 bits")))
    }

    fn serialize_u8(self, int: u8) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_u16(self, int: u16) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_u32(self, int: u32) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_u64(self, int: u64) -> Result<Value, ToValueError> {
        Ok(Value::from(int))
    }

    fn serialize_u128(self, int: u128) -> Result<Value, ToValueError> {
        u64::try_from(int)
            .map(Value::from)
            .map_err(|_| ToValueError::custom(format_args!("integer {int} does not fit 64 bits")))
    }

    fn serialize_f32(self, float: f32) -> Result<Value, ToValueError> {
        Ok(Value::from(f64::from(float)))
    }

    fn serialize_f64(self, float: f64) -> Result<Value, ToValueError> {
        Ok(Value::from(float))
    }

    fn serialize_char(self, char: char) -> Result<Value, ToValueError> {
        Ok(Value::String(char.to_string()))
    }

    fn serialize_str(self, text: &str) -> Result<Value, ToValueError> {
        Ok(Value::from(text))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, ToValueError> {
        Ok(Value::Binary(bytes.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, ToValueError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ToValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ToValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ToValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ToValueError> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Value, ToValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ToValueError> {
        let value = value.serialize(self).map_err(|error| error.under_key(variant))?;
        Ok(tagged(variant, value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ArraySerializer, ToValueError> {
        Ok(ArraySerializer::new(None, len.unwrap_or_default()))
    }

    fn serialize_tuple(self, len: usize) -> Result<ArraySerializer, ToValueError> {
        Ok(ArraySerializer::new(None, len))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<ArraySerializer, ToValueError> {
        Ok(ArraySerializer::new(None, len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ArraySerializer, ToValueError> {
        Ok(ArraySerializer::new(Some(variant), len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<ObjectSerializer, ToValueError> {
        Ok(ObjectSerializer::new(None, len.unwrap_or_default()))
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<ObjectSerializer, ToValueError> {
        Ok(ObjectSerializer::new(None, len))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ObjectSerializer, ToValueError> {
        Ok(ObjectSerializer::new(Some(variant), len))
    }
}
