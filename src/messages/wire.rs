//! Messages as [`Value`]s by hand: what the page uses, where each type that serde reads would cost a kilobyte.
//!
//! `messages!` declares a type once, for serde and for [`Wire`]: a field's name stands in one place, and serde's own
//! attributes say for both what may be missing. Both must give the same, which `tests` compares.

use crate::socketio::Value;

/// Type that is written as a value and read from one.
pub trait Wire: Sized {
    /// Value that says it.
    fn write(&self) -> Value;

    /// What stands in its place before it is read.
    fn blank() -> Self;

    /// Takes over what a value says; returns whether the value has the right shape.
    fn take(&mut self, value: Value) -> bool;

    /// Reads it back; nothing when the value has another shape.
    fn read(value: Value) -> Option<Self> {
        let mut read = Self::blank();
        read.take(value).then_some(read)
    }
}

/// [`Wire`] whose type is not known: what goes through all fields of a type is compiled once.
pub(crate) trait Writes {
    fn value(&self) -> Value;
}

impl<T: Wire> Writes for T {
    fn value(&self) -> Value {
        self.write()
    }
}

/// As [`Writes`], for the other direction.
pub(crate) trait Reads {
    fn fill(&mut self, value: Value) -> bool;
}

impl<T: Wire> Reads for T {
    fn fill(&mut self, value: Value) -> bool {
        self.take(value)
    }
}

/// Field of a type: its name, whether an empty one is left out, and whether it may be missing.
pub(crate) type Field = (&'static str, bool, bool);

/// Object of these fields.
#[inline(never)]
pub(crate) fn write_fields(names: &[Field], fields: &[&dyn Writes]) -> Value {
    let mut object = Vec::new();
    for ((name, skips, _), field) in names.iter().zip(fields) {
        let value = field.value();
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            _ => false,
        };
        if !(*skips && empty) {
            object.push(((*name).to_owned(), value));
        }
    }
    Value::Object(object)
}

/// Fills these fields from an object; returns whether all that must be there is, and has the right shape.
#[inline(never)]
pub(crate) fn read_fields(value: Value, names: &[Field], fields: &mut [&mut dyn Reads]) -> bool {
    let Value::Object(mut object) = value else {
        return false;
    };
    names
        .iter()
        .zip(fields)
        .all(|((name, _, missing), field)| match taken(&mut object, name) {
            Some(value) => field.fill(value),
            None => *missing,
        })
}

/// Takes the value of a field out of an object.
fn taken(object: &mut [(String, Value)], name: &str) -> Option<Value> {
    let (_, value) = object.iter_mut().find(|(known, _)| known == name)?;
    Some(std::mem::take(value))
}

/// Place of a value among words.
#[inline(never)]
pub(crate) fn place_among(words: &[&str], value: &Value) -> Option<usize> {
    let word = value.as_str()?;
    words.iter().position(|known| *known == word)
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
                $crate::messages::wire::write_fields(Self::FIELDS, &[$(&self.$field),*])
            }

            fn blank() -> Self {
                Self {$($field: $crate::messages::wire::Wire::blank(),)*}
            }

            fn take(&mut self, value: $crate::socketio::Value) -> bool {
                $crate::messages::wire::read_fields(value, Self::FIELDS, &mut [$(&mut self.$field),*])
            }
        }

        impl $name {
            const FIELDS: &[$crate::messages::wire::Field] = {
                use $crate::messages::wire::{missing, skips};
                &[$((stringify!($field), skips!($($($rule)*)?), missing!($($($rule)*)?))),*]
            };
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
            const WORDS: &[&str] = &[$($word),*];
            const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl $crate::messages::wire::Wire for $name {
            fn write(&self) -> $crate::socketio::Value {
                let word = Self::WORDS.get(*self as usize);
                $crate::socketio::Value::from(*word.unwrap_or(&""))
            }

            fn blank() -> Self {
                [$(Self::$variant),*][0]
            }

            fn take(&mut self, value: $crate::socketio::Value) -> bool {
                let place = $crate::messages::wire::place_among(Self::WORDS, &value);
                let word = place.and_then(|place| Self::ALL.get(place));
                if let Some(word) = word {
                    *self = *word;
                }
                word.is_some()
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

/// Whether serde's attributes say what a missing field is: then it stays blank.
macro_rules! missing {
    () => {
        false
    };
    (default $($more:tt)*) => {
        true
    };
}

pub(crate) use {messages, missing, skips, words};

impl Wire for Value {
    fn write(&self) -> Self {
        self.clone()
    }

    fn blank() -> Self {
        Self::Null
    }

    fn take(&mut self, value: Self) -> bool {
        *self = value;
        true
    }
}

impl Wire for String {
    fn write(&self) -> Value {
        Value::from(self.as_str())
    }

    fn blank() -> Self {
        Self::new()
    }

    fn take(&mut self, value: Value) -> bool {
        match value {
            Value::String(text) => {
                *self = text;
                true
            }
            _ => false,
        }
    }
}

impl Wire for u64 {
    fn write(&self) -> Value {
        Value::from(*self)
    }

    fn blank() -> Self {
        0
    }

    fn take(&mut self, value: Value) -> bool {
        let number = match &value {
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        *self = number.unwrap_or_default();
        number.is_some()
    }
}

impl Wire for u32 {
    fn write(&self) -> Value {
        Value::from(*self)
    }

    fn blank() -> Self {
        0
    }

    fn take(&mut self, value: Value) -> bool {
        let number = u64::read(value).and_then(|number| Self::try_from(number).ok());
        *self = number.unwrap_or_default();
        number.is_some()
    }
}

impl Wire for bool {
    fn write(&self) -> Value {
        Value::Bool(*self)
    }

    fn blank() -> Self {
        false
    }

    fn take(&mut self, value: Value) -> bool {
        *self = value == Value::Bool(true);
        value.as_bool().is_some()
    }
}

impl Wire for () {
    fn write(&self) -> Value {
        Value::Null
    }

    fn blank() -> Self {}

    fn take(&mut self, value: Value) -> bool {
        value == Value::Null
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self) -> Value {
        T::write(self)
    }

    fn blank() -> Self {
        Self::new(T::blank())
    }

    fn take(&mut self, value: Value) -> bool {
        T::take(self, value)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self) -> Value {
        self.as_ref().map(T::write).unwrap_or_default()
    }

    fn blank() -> Self {
        None
    }

    fn take(&mut self, value: Value) -> bool {
        value == Value::Null || self.insert(T::blank()).take(value)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self) -> Value {
        let mut items = Vec::new();
        for item in self {
            items.push(item.write());
        }
        Value::Array(items)
    }

    fn blank() -> Self {
        Self::new()
    }

    fn take(&mut self, value: Value) -> bool {
        each(value, &mut |item| {
            self.push(T::blank());
            self.last_mut().is_some_and(|last| last.take(item))
        })
    }
}

/// Takes the items of an array as long as they have the right shape; returns whether all have.
#[inline(never)]
fn each(value: Value, take: &mut dyn FnMut(Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.into_iter().all(take),
        _ => false,
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn write(&self) -> Value {
        Value::Array(vec![self.0.write(), self.1.write()])
    }

    fn blank() -> Self {
        (A::blank(), B::blank())
    }

    fn take(&mut self, value: Value) -> bool {
        let mut at = 0;
        let fits = each(value, &mut |item| {
            at += 1;
            match at {
                1 => self.0.take(item),
                2 => self.1.take(item),
                _ => false,
            }
        });
        fits && at == 2
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn write(&self) -> Value {
        match self {
            Ok(done) => Value::object([("Ok", done.write())]),
            Err(error) => Value::object([("Err", error.write())]),
        }
    }

    fn blank() -> Self {
        Err(E::blank())
    }

    fn take(&mut self, value: Value) -> bool {
        let Some((done, value)) = outcome(value) else {
            return false;
        };
        *self = if done { Ok(T::blank()) } else { Err(E::blank()) };
        match self {
            Ok(done) => done.take(value),
            Err(error) => error.take(value),
        }
    }
}

/// Whether a value tells of success, and what it holds.
#[inline(never)]
fn outcome(value: Value) -> Option<(bool, Value)> {
    let Value::Object(mut object) = value else {
        return None;
    };
    match taken(&mut object, "Ok") {
        Some(done) => Some((true, done)),
        None => Some((false, taken(&mut object, "Err")?)),
    }
}

#[cfg(test)]
mod tests;
