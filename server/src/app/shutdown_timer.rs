//! When the server stops: on a signal, or at the time that the operator said.

use std::time::Duration;

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
