//! Messages as [`Value`]s by hand: what the page uses, where each type that serde reads would cost a kilobyte.
//!
//! `messages!` declares a type once, for serde and for [`Wire`]: a field's name stands in one place, and serde's own
//! attributes say for both what may be missing. Both must give the same, which `tests` compares.

use crate::socketio::Value;

/// Type that is written as a value and read from one.
pub trait Wire: Sized {
    /// Value that says it.
    fn write(&self) -> Value;

    /// Reads it back; nothing when the value has another shape.
    fn read(value: Value) -> Option<Self>;
}

/// Fields of an object, each to be taken once.
pub(crate) struct Fields(Vec<(String, Value)>);

impl Fields {
    /// Fields of a value, if it is an object.
    pub(crate) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(fields) => Some(Self(fields)),
            _ => None,
        }
    }

    /// Value of a field; nothing when it is missing.
    #[inline(never)]
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let (_, value) = self.0.iter_mut().find(|(known, _)| known == name)?;
        Some(std::mem::take(value))
    }
}

/// Adds a field, unless it is empty and may be missing then.
#[inline(never)]
pub(crate) fn put(fields: &mut Vec<(String, Value)>, name: &str, value: Value, skips: bool) {
    let empty = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    if !(skips && empty) {
        fields.push((name.to_owned(), value));
    }
}

/// Declares types with named fields, for serde and for [`Wire`].
macro_rules! messages {
    ($(
        $(#[doc = $doc:literal])*
        $(#[derive($($derived:ident),*)])?
        pub struct $name:ident {
            $(
                $(#[doc = $about:literal])*
                $(#[serde($($rule:tt)*)])?
                pub $field:ident: $type:ty,
            )*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        $(#[derive($($derived),*)])?
        pub struct $name {
            $(
                $(#[doc = $about])*
                $(#[serde($($rule)*)])?
                pub $field: $type,
            )*
        }

        impl $crate::messages::wire::Wire for $name {
            fn write(&self) -> $crate::socketio::Value {
                use $crate::messages::wire::{put, skips};
                let mut fields = Vec::new();
                $(put(&mut fields, stringify!($field), self.$field.write(), skips!($($($rule)*)?));)*
                $crate::socketio::Value::Object(fields)
            }

            fn read(value: $crate::socketio::Value) -> Option<Self> {
                use $crate::messages::wire::{Fields, missing};
                let mut fields = Fields::of(value)?;
                Some(Self {$(
                    $field: match fields.take(stringify!($field)) {
                        Some(value) => $crate::messages::wire::Wire::read(value)?,
                        None => missing!($($($rule)*)?),
                    },
                )*})
            }
        }
    )*};
}

/// Declares types that are one of several words, for serde and for [`Wire`].
macro_rules! words {
    ($(
        $(#[doc = $doc:literal])*
        pub enum $name:ident {
            $(
                $(#[doc = $about:literal])*
                $variant:ident = $word:literal,
            )*
        }
    )*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $(
                $(#[doc = $about])*
                #[serde(rename = $word)]
                $variant,
            )*
        }

        impl $name {
            const ALL: &[(&str, Self)] = &[$(($word, Self::$variant)),*];
        }

        impl $crate::messages::wire::Wire for $name {
            fn write(&self) -> $crate::socketio::Value {
                let word = Self::ALL.iter().find(|(_, known)| known == self).map(|(word, _)| *word);
                $crate::socketio::Value::from(word.unwrap_or_default())
            }

            fn read(value: $crate::socketio::Value) -> Option<Self> {
                let word = value.as_str()?;
                Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, known)| *known)
            }
        }
    )*};
}

/// Whether serde's attributes leave an empty field out.
macro_rules! skips {
    () => {
        false
    };
    (default) => {
        false
    };
    (default, skip_serializing_if = $how:literal) => {
        true
    };
}

/// What a missing field is read as, by serde's attributes.
macro_rules! missing {
    () => {
        return None
    };
    (default $($more:tt)*) => {
        Default::default()
    };
}

pub(crate) use {messages, missing, skips, words};

impl Wire for String {
    fn write(&self) -> Value {
        Value::from(self.as_str())
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Wire for u64 {
    fn write(&self) -> Value {
        Value::from(*self)
    }

    fn read(value: Value) -> Option<Self> {
        value.as_number()?.as_u64()
    }
}

impl Wire for u32 {
    fn write(&self) -> Value {
        Value::from(*self)
    }

    fn read(value: Value) -> Option<Self> {
        u64::read(value)?.try_into().ok()
    }
}

impl Wire for bool {
    fn write(&self) -> Value {
        Value::Bool(*self)
    }

    fn read(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Wire for () {
    fn write(&self) -> Value {
        Value::Null
    }

    fn read(value: Value) -> Option<Self> {
        (value == Value::Null).then_some(())
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self) -> Value {
        T::write(self)
    }

    fn read(value: Value) -> Option<Self> {
        T::read(value).map(Self::new)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self) -> Value {
        self.as_ref().map(T::write).unwrap_or_default()
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self) -> Value {
        Value::Array(self.iter().map(T::write).collect())
    }

    fn read(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(T::read).collect(),
            _ => None,
        }
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self) -> Value {
        Value::Array(vec![self.0.write(), self.1.write()])
    }

    fn read(value: Value) -> Option<Self> {
        let Value::Array(items) = value else { return None };
        let mut items = items.into_iter();
        match (items.next(), items.next(), items.next()) {
            (Some(a), Some(b), None) => Some((A::read(a)?, B::read(b)?)),
            _ => None,
        }
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn write(&self) -> Value {
        match self {
            Ok(done) => Value::object([("Ok", done.write())]),
            Err(error) => Value::object([("Err", error.write())]),
        }
    }

    fn read(value: Value) -> Option<Self> {
        let mut fields = Fields::of(value)?;
        match fields.take("Ok") {
            Some(done) => T::read(done).map(Ok),
            None => E::read(fields.take("Err")?).map(Err),
        }
    }
}

#[cfg(test)]
mod tests;
