//! What is written piece by piece: arrays, objects, and the variants that hold them.

use serde::ser::Error as _;
use serde::{Serialize, ser};

use super::{ToValueError, to_value};
use crate::socketio::value::{Value, json, without_repeats};

/// `{"Variant":<value>}`.
pub(super) fn tagged(variant: &str, value: Value) -> Value {
    Value::Object(vec![(variant.to_owned(), value)])
}

fn in_variant(error: ToValueError, variant: Option<&str>) -> ToValueError {
    match variant {
        Some(variant) => error.under_key(variant),
        None => error,
    }
}

/// Array, tuple, or a variant that holds a tuple.
pub(super) struct ArraySerializer {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

impl ArraySerializer {
    pub(super) fn new(variant: Option<&'static str>, len: usize) -> Self {
        Self {
            variant,
            items: Vec::with_capacity(len),
        }
    }

    /// Takes the next item, or the error that it came to; not generic, so that it is compiled once.
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
pub(super) struct ObjectSerializer {
    variant: Option<&'static str>,
    entries: Vec<(String, Value)>,
    key: Option<String>,
}

impl ObjectSerializer {
    pub(super) fn new(variant: Option<&'static str>, len: usize) -> Self {
        Self {
            variant,
            entries: Vec::with_capacity(len),
            key: None,
        }
    }

    /// Takes the next entry, or the error that its value came to; not generic, so that it is compiled once.
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

    /// Flattened structs and maps with text and number keys can repeat a key; the last one wins.
    fn end(mut self) -> Result<Value, ToValueError> {
        let entries = without_repeats(std::mem::take(&mut self.entries));
        Ok(self.finish(entries))
    }
}

/// Key as JavaScript would write it.
fn key_text(key: Value) -> Result<String, ToValueError> {
    match key {
        Value::String(text) => Ok(text),
        Value::Number(_) | Value::Bool(_) => Ok(json::to_string(&key)),
        Value::Null | Value::Binary(_) | Value::Array(_) | Value::Object(_) => Err(ToValueError::custom(
            "a map's key must be text, a number or a truth value",
        )),
    }
}
