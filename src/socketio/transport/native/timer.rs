//! The one timer of a connection, and its clock, on tokio.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::socketio::Timestamp;

/// Milliseconds since the connection was made.
pub(crate) struct Clock(Instant);

impl Clock {
    /// Clock that starts at zero, now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Moment at which it is called.
    pub(crate) fn now(&mut self) -> Timestamp {
        Timestamp::from_millis(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Timer that can be set anew; its task ends when it is dropped.
pub(crate) struct Timer {
    due: watch::Sender<Option<Instant>>,
}

impl Timer {
    /// Timer that calls `wake` whenever it is due, on the runtime `handle`.
    pub(crate) fn new(handle: &Handle, wake: impl Fn() + Send + 'static) -> Self {
        let (due, mut set) = watch::channel(None::<Instant>);
        handle.spawn(async move {
            loop {
                let Some(at) = *set.borrow_and_update() else {
                    if set.changed().await.is_err() {
                        return;
                    }
                    continue;
                };
                let changed = tokio::select! {
                    changed = set.changed() => changed,
                    () = tokio::time::sleep_until(at) => {
                        wake();
                        // Waking may have set it anew; the same time is not due twice.
                        set.changed().await
                    }
                };
                if changed.is_err() {
                    return;
                }
            }
        });
        Self { due }
    }

    /// Sets the time of the next waking.
    pub(crate) fn set(&mut self, millis: u64) {
        let delay = Duration::from_millis(millis);
        let now = Instant::now();
        // A day at the most: far beyond any heartbeat, and never too much for a clock to hold.
        self.due
            .send_replace(Some(now + delay.min(Duration::from_secs(24 * 60 * 60))));
    }
}
