//! When the server stops: on a signal, or at the time that the operator said.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// Time at which the server stops, if any; cheap to clone.
#[derive(Debug, Clone)]
pub struct ShutdownTimer(watch::Sender<Option<Instant>>);

impl Default for ShutdownTimer {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl ShutdownTimer {
    /// Stops after this time.
    pub fn within(&self, time: Duration) {
        self.0.send_replace(Some(Instant::now() + time));
    }

    /// Goes on.
    pub fn cancel(&self) {
        self.0.send_replace(None);
    }

    /// Waits for the time to come.
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
                    // `self` holds the sender, so this cannot be
                    return;
                },
            }
        }
    }
}

/// Whether a signal has come.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Stops the server on SIGINT and SIGTERM, at once when a second one comes, and reads again what may change on SIGHUP.
///
/// # Errors
/// When the system does not allow to listen for signals.
pub fn signals(timer: &ShutdownTimer, reload: impl Fn() + Send + 'static) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signal = signal(kind)?;
        let timer = timer.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                if STOPPING.swap(true, Ordering::AcqRel) {
                    tracing::warn!("stops at once: a second signal came");
                    // what is acknowledged is on the disk; the rest was not to be waited for
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
    async fn a_plan_can_be_taken_back_and_made_again() {
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
