//! Arguments of outgoing events and acks.

use serde::Serialize;

use crate::socketio::codec::Value;
use crate::socketio::codec::value::{ToValueError, to_value};

/// Arguments of an outgoing event or ack.
///
/// Each item of a tuple is an argument, `()` is none; text, numbers, `bool` and [`Value`] are one; each item of a
/// `Vec<Value>` is one. A value of your own type is one argument as `(value,)` or [`One`].
///
/// ```
/// use pesan::socketio::{IntoArgs, Value};
///
/// assert_eq!("halo".into_args()?, [Value::from("halo")]);
/// assert_eq!((1, "two").into_args()?, [Value::from(1), Value::from("two")]);
/// assert!(().into_args()?.is_empty());
/// # Ok::<(), pesan::socketio::value::ToValueError>(())
/// ```
pub trait IntoArgs {
    /// Converts the arguments to values.
    ///
    /// # Errors
    /// When a type's `Serialize` fails.
    fn into_args(self) -> Result<Vec<Value>, ToValueError>;
}

/// One argument of any type that serde can serialize.
///
/// ```
/// use pesan::socketio::{IntoArgs, One, Value};
///
/// assert_eq!(One([1, 2]).into_args()?, [Value::Array(vec![1.into(), 2.into()])]);
/// # Ok::<(), pesan::socketio::value::ToValueError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct One<T>(pub T);

impl<T: Serialize> IntoArgs for One<T> {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(vec![to_value(&self.0)?])
    }
}

impl IntoArgs for Vec<Value> {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(self)
    }
}

impl IntoArgs for Value {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(vec![self])
    }
}

impl IntoArgs for () {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(Vec::new())
    }
}

impl IntoArgs for &String {
    fn into_args(self) -> Result<Vec<Value>, ToValueError> {
        Ok(vec![Value::from(self.as_str())])
    }
}

macro_rules! one_value {
    ($($kind:ty),*) => {$(
        impl IntoArgs for $kind {
            fn into_args(self) -> Result<Vec<Value>, ToValueError> {
                Ok(vec![Value::from(self)])
            }
        }
    )*};
}
one_value!(&str, String, bool, i8, i16, i32, i64, u8, u16, u32, u64, f64);

macro_rules! argument_lists {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: Serialize),+> IntoArgs for ($($name,)+) {
            fn into_args(self) -> Result<Vec<Value>, ToValueError> {
                #[expect(non_snake_case, reason = "each variable has the name of its type parameter")]
                let ($($name,)+) = self;
                Ok(vec![$(to_value(&$name)?),+])
            }
        }
    )*};
}
argument_lists! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}
