//! Converts a program's own types to [`Value`], through serde.
//!
//! The shapes are those of `serde_json`: enums are externally tagged (`{"Variant":…}`, a unit variant is its name), `None`
//! and `()` are `null`, `Result` is `{"Ok":…}` or `{"Err":…}`. Bytes become [`Value::Binary`].

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, ser};

use super::error::ToValueError;
use super::{Number, Value, dedup_keys, json};

/// Converts any type that serde can serialize to a [`Value`]; bytes become [`Value::Binary`].
///
/// ```
/// use pesan::socketio::value::{Value, to_value};
/// assert_eq!(to_value(&("a", 1, None::<bool>)), Ok(Value::Array(vec!["a".into(), 1.into(), Value::Null])));
/// ```
///
/// # Errors
/// When the type's `Serialize` fails, for map keys that are not strings, numbers or booleans, and for integers beyond
/// 64 bits.
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

/// `{"Variant":<value>}`.
fn tagged(variant: &str, value: Value) -> Value {
    Value::Object(vec![(variant.to_owned(), value)])
}

fn in_variant(error: ToValueError, variant: Option<&str>) -> ToValueError {
    match variant {
        Some(variant) => error.under_key(variant),
        None => error,
    }
}

/// Array, tuple, or a variant that holds a tuple.
struct ArraySerializer {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

impl ArraySerializer {
    fn new(variant: Option<&'static str>, len: usize) -> Self {
        Self {
            variant,
            items: Vec::with_capacity(len),
        }
    }

    /// Adds an item, or returns its error. Not generic, so that it is compiled once.
    fn push(&mut self, item: Result<Value, ToValueError>) -> Result<(), ToValueError> {
        match item {
            Ok(item) => {
                self.items.push(item);
                Ok(())
            }
            Err(error) => Err(in_variant(error.under_index(self.items.len()), self.variant)),
        }
    }

    fn finish(self) -> Value {
        let array = Value::Array(self.items);
        match self.variant {
            Some(variant) => tagged(variant, array),
            None => array,
        }
    }
}

macro_rules! serialize_array {
    ($($kind:ident::$method:ident),*) => {$(
        impl ser::$kind for ArraySerializer {
            type Ok = Value;
            type Error = ToValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToValueError> {
                self.push(to_value(value))
            }

            fn end(self) -> Result<Value, ToValueError> {
                Ok(self.finish())
            }
        }
    )*};
}
serialize_array!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// Map, struct, or a variant that holds a struct.
struct ObjectSerializer {
    variant: Option<&'static str>,
    entries: Vec<(String, Value)>,
    key: Option<String>,
}

impl ObjectSerializer {
    fn new(variant: Option<&'static str>, len: usize) -> Self {
        Self {
            variant,
            entries: Vec::with_capacity(len),
            key: None,
        }
    }

    /// Adds an entry, or returns the error of its value. Not generic, so that it is compiled once.
    fn push(&mut self, key: String, item: Result<Value, ToValueError>) -> Result<(), ToValueError> {
        match item {
            Ok(item) => {
                self.entries.push((key, item));
                Ok(())
            }
            Err(error) => Err(in_variant(error.under_key(&key), self.variant)),
        }
    }

    fn finish(self, entries: Vec<(String, Value)>) -> Value {
        let object = Value::Object(entries);
        match self.variant {
            Some(variant) => tagged(variant, object),
            None => object,
        }
    }
}

macro_rules! serialize_fields {
    ($($kind:ident),*) => {$(
        impl ser::$kind for ObjectSerializer {
            type Ok = Value;
            type Error = ToValueError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), ToValueError> {
                self.push(key.to_owned(), to_value(value))
            }

            fn end(mut self) -> Result<Value, ToValueError> {
                let entries = std::mem::take(&mut self.entries);
                Ok(self.finish(entries))
            }
        }
    )*};
}
serialize_fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for ObjectSerializer {
    type Ok = Value;
    type Error = ToValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ToValueError> {
        self.key = Some(key_text(to_value(key)?)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ToValueError> {
        let key = self.key.take();
        let key = key.ok_or_else(|| ToValueError::custom("a map's value came before its key"))?;
        self.push(key, to_value(value))
    }

    /// Flattened structs and maps with string and number keys can repeat a key; the last value wins.
    fn end(mut self) -> Result<Value, ToValueError> {
        let entries = dedup_keys(std::mem::take(&mut self.entries));
        Ok(self.finish(entries))
    }
}

/// Key as JavaScript writes it.
fn key_text(key: Value) -> Result<String, ToValueError> {
    match key {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Ok(json::to_string(&key)),
        Value::Null | Value::Binary(_) | Value::Array(_) | Value::Object(_) => Err(ToValueError::custom(
            "a map key must be a string, a number or a boolean",
        )),
    }
}
