//! Shared ownership and locks for the target: one thread in the browser, many natively.
//!
//! In the browser `Shared` is `Rc`, `Lock` is `RefCell` and nothing has to be `Send`; natively they are `Arc` and
//! `Mutex`. Client and transports are written once against these names. A host without `native`, which only checks and
//! documents a page, uses the browser's.

#[cfg(not(all(feature = "native", not(target_arch = "wasm32"))))]
mod imp {
    use std::cell::{RefCell, RefMut};
    use std::future::Future;
    use std::pin::Pin;

    pub(crate) use std::rc::{Rc as Shared, Weak};

    /// Value with exclusive access for one caller at a time.
    pub(crate) struct Lock<T: ?Sized>(RefCell<T>);

    /// Access to the locked value.
    pub(crate) type Guard<'l, T> = RefMut<'l, T>;

    impl<T> Lock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(RefCell::new(value))
        }
    }

    impl<T: ?Sized> Lock<T> {
        pub(crate) fn lock(&self) -> Guard<'_, T> {
            self.0.borrow_mut()
        }

        /// `None` while it is locked.
        pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
            self.0.try_borrow_mut().ok()
        }
    }

    /// `Send` where the client may cross threads; everything in the browser.
    pub trait MaybeSend {}
    impl<T: ?Sized> MaybeSend for T {}

    /// `Sync` where the client may cross threads; everything in the browser.
    pub(crate) trait MaybeSync {}
    impl<T: ?Sized> MaybeSync for T {}

    /// Future on the heap; `Send` where the client may cross threads.
    pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

    /// Closure that is called once; `Send` where the client may cross threads.
    pub(crate) type Callback<T> = Box<dyn FnOnce(T)>;
}

#[cfg(all(feature = "native", not(target_arch = "wasm32")))]
mod imp {
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

    pub(crate) use std::sync::{Arc as Shared, Weak};

    /// Value with exclusive access for one caller at a time.
    pub(crate) struct Lock<T: ?Sized>(Mutex<T>);

    /// Access to the locked value.
    pub(crate) type Guard<'l, T> = MutexGuard<'l, T>;

    impl<T> Lock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }
    }

    impl<T: ?Sized> Lock<T> {
        /// Ignores poisoning: every change under a lock is complete before user code, which may panic, runs.
        pub(crate) fn lock(&self) -> Guard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// `None` while it is locked.
        pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }
    }

    /// `Send` where the client may cross threads; everything in the browser.
    pub trait MaybeSend: Send {}
    impl<T: ?Sized + Send> MaybeSend for T {}

    /// `Sync` where the client may cross threads; everything in the browser.
    pub(crate) trait MaybeSync: Sync {}
    impl<T: ?Sized + Sync> MaybeSync for T {}

    /// Future on the heap; `Send` where the client may cross threads.
    pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

    /// Closure that is called once; `Send` where the client may cross threads.
    pub(crate) type Callback<T> = Box<dyn FnOnce(T) + Send>;
}

pub use imp::MaybeSend;
pub(crate) use imp::{BoxFuture, Callback, Guard, Lock, MaybeSync, Shared, Weak};

/// Shared name of a namespace.
pub(crate) type Name = Shared<String>;
