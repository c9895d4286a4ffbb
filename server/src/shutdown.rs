//! When the server stops: on a signal, or at the time that the operator has scheduled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// Time of the scheduled shutdown, if any; cheap to clone.
#[derive(Debug, Clone)]
pub struct ShutdownTimer(watch::Sender<Option<Instant>>);

impl Default for ShutdownTimer {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl ShutdownTimer {
    /// Schedules the shutdown after this time.
    pub fn within(&self, time: Duration) {
        self.0.send_replace(Some(Instant::now() + time));
    }

    /// Cancels the shutdown.
    pub fn cancel(&self) {
        self.0.send_replace(None);
    }

    /// Waits until the scheduled time.
    pub async fn wait(&self) {
        let mut plan = self.0.subscribe();
        loop {
            let at = *plan.borrow_and_update();
            let time = async {
                match at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = time => return,
                changed = plan.changed() => if changed.is_err() {
                    // unreachable: `self` holds the sender
                    return;
                },
            }
        }
    }
}

/// Whether a signal was received.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Stops the server on SIGINT and SIGTERM, immediately on a second one; calls `reload` on SIGHUP.
///
/// # Errors
/// When a signal handler cannot be installed.
pub fn signals(timer: &ShutdownTimer, reload: impl Fn() + Send + 'static) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signal = signal(kind)?;
        let timer = timer.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                if STOPPING.swap(true, Ordering::AcqRel) {
                    tracing::warn!("stopping immediately: received a second signal");
                    // acknowledged messages are on the disk already
                    std::process::exit(1);
                }
                timer.within(Duration::ZERO);
            }
        });
    }
    let mut signal = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while signal.recv().await.is_some() {
            reload();
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shutdown_timer_cancelled_can_be_set_again() {
        let stop = ShutdownTimer::default();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait().await }
        });
        stop.within(Duration::from_secs(3600));
        tokio::task::yield_now().await;
        stop.cancel();
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        stop.within(Duration::ZERO);
        waiting.await.expect("no panic");
    }
}
