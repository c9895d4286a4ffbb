//! Binary in a program's own types.
//!
//! Serde serializes a `Vec<u8>` as an array of numbers. To send it as binary, use [`Bytes`] instead, or this module in
//! the field's attribute:
//!
//! ```
//! use pesan::socketio::value::{Bytes, Value, bytes, to_value};
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Picture {
//!     #[serde(with = "bytes")]
//!     pixels: Vec<u8>,
//!     preview: Bytes,
//! }
//!
//! let picture = Picture { pixels: vec![1, 2], preview: Bytes(vec![3]) };
//! let value = to_value(&picture).expect("plain data");
//! assert_eq!(value.get("pixels"), Some(&Value::Binary(vec![1, 2])));
//! assert_eq!(value.get("preview"), Some(&Value::Binary(vec![3])));
//! ```

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are sent as binary: an attachment, or msgpack's `bin`.
///
/// ```
/// use pesan::socketio::value::{Bytes, Value, from_value};
/// let bytes: Bytes = from_value(Value::Binary(vec![1, 2, 3])).expect("binary");
/// assert_eq!(bytes.len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(
    /// Content.
    pub Vec<u8>,
);

impl Deref for Bytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor).map(Self)
    }
}

/// Serializes bytes as binary; for `#[serde(with = "…")]`.
///
/// # Errors
/// Errors of the serializer.
pub fn serialize<T: AsRef<[u8]> + ?Sized, S: Serializer>(
    bytes: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes.as_ref())
}

/// Deserializes bytes from binary or an array of numbers; for `#[serde(with = "…")]`.
///
/// # Errors
/// When the data is neither.
pub fn deserialize<'de, T: From<Vec<u8>>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_byte_buf(BytesVisitor).map(T::from)
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("binary")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}
