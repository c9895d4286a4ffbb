//! How serde walks through arrays, objects and variants; each step adds itself to the path of an error.

use std::vec::IntoIter;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::FromValueError;
use crate::socketio::value::Value;
use crate::socketio::value::json;

/// Hands all items to `visitor`; it is an error when it leaves some.
pub(super) fn visit_array<'de, V: Visitor<'de>>(
    items: Vec<Value>,
    visitor: V,
) -> Result<V::Value, FromValueError> {
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

/// Hands all entries to `visitor`; it is an error when it leaves some.
pub(super) fn visit_object<'de, V: Visitor<'de>>(
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

/// Items of an array, or the bytes of binary that a program wants as an array.
pub(super) struct Array<T> {
    items: IntoIter<T>,
    index: usize,
}

impl<T> Array<T> {
    pub(super) fn new(items: Vec<T>) -> Self {
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

/// Key of an object, which a map may also want as a number or a truth value.
struct Key<'k>(&'k str);

impl Key<'_> {
    /// Number that the key spells, if it spells one.
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

/// Variant of an enum, tagged from outside.
pub(super) struct Variant {
    name: String,
    value: Option<Value>,
}

impl Variant {
    pub(super) fn new(name: String, value: Option<Value>) -> Self {
        Self { name, value }
    }

    fn unexpected_unit(expected: &dyn serde::de::Expected) -> FromValueError {
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
            Some(value) => serde::Deserialize::deserialize(value)
                .map_err(|error: FromValueError| error.under_key(&self.name)),
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
