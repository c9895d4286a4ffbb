//! Data that a program attaches to a socket.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pesan::socketio::value::{FromValueError, ToValueError, Value, from_value, to_value};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Data of one socket: values by type, which stay in this process, and values by name, which other nodes see too.
///
/// ```
/// use pesan_server::socketio::Data;
///
/// struct User { name: String }
///
/// let data = Data::default();
/// data.insert(User { name: "ana".into() });
/// assert_eq!(data.get::<User>().expect("was inserted").name, "ana");
///
/// data.set("username", "ana").expect("text is a value");
/// assert_eq!(data.value("username").expect("was set").as_str(), Some("ana"));
/// ```
#[derive(Debug, Default)]
pub struct Data {
    typed: Mutex<Option<Box<Typed>>>,
    named: Mutex<Vec<(String, Value)>>,
}

type Typed = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Data {
    /// Sets the value of this type; replaces an earlier one. It stays in this process.
    pub fn insert<T: Send + Sync + 'static>(&self, value: T) {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = typed
            .get_or_insert_default()
            .insert(TypeId::of::<T>(), Arc::new(value));
        // Dropping the value runs user code, which must not run under the lock.
        drop(typed);
        drop(replaced);
    }

    /// Value of this type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let value = typed.as_ref()?.get(&TypeId::of::<T>())?.clone();
        value.downcast().ok()
    }

    /// Removes the value of this type.
    pub fn remove<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        typed.as_mut()?.remove(&TypeId::of::<T>())?.downcast().ok()
    }

    /// Sets a named value. It is included in [`fetch_sockets`](super::Namespace::fetch_sockets) on every node, and restored
    /// by connection state recovery.
    ///
    /// # Errors
    /// When the value cannot be serialized.
    pub fn set<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> Result<(), ToValueError> {
        let value = to_value(value)?;
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        match named.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => named.push((name.to_owned(), value)),
        }
        Ok(())
    }

    /// Named value.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }

    /// Named value, deserialized.
    ///
    /// # Errors
    /// When the value has another type; a missing one is `null`.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, FromValueError> {
        from_value(self.value(name).unwrap_or_default())
    }

    /// All named values as one object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.named.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Restores the result of [`to_value`](Self::to_value).
    pub(super) fn restore(&self, value: Value) {
        if let Value::Object(entries) = value {
            *self.named.lock().unwrap_or_else(PoisonError::into_inner) = entries;
        }
    }
}
