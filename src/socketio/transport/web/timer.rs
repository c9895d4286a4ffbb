//! The one timer of a connection in the browser.

use std::rc::Rc;

use gloo_timers::callback::Timeout;

/// Timer that can be set again; cancelled when dropped.
pub(crate) struct Timer {
    wake: Rc<dyn Fn()>,
    timeout: Option<Timeout>,
}

impl Timer {
    /// Timer that calls `wake` whenever it is due.
    pub(crate) fn new(wake: impl Fn() + 'static) -> Self {
        Self {
            wake: Rc::new(wake),
            timeout: None,
        }
    }

    /// Sets the time of the next call, in place of the one before.
    ///
    /// Browsers hold delays in 31 bits; a longer one calls early, which does no harm.
    pub(crate) fn set(&mut self, millis: u64) {
        let millis = u32::try_from(millis).unwrap_or(u32::MAX).min(i32::MAX as u32);
        let wake = Rc::clone(&self.wake);
        self.timeout = Some(Timeout::new(millis, move || wake()));
    }
}
