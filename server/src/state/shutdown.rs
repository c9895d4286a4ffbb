//! Signals, and the order in which the server goes down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::AppState;

/// How often the end of the connections is looked for.
const LOOK: Duration = Duration::from_millis(10);

impl AppState {
    /// Waits for the time to stop, and then brings the server down: nothing new comes in, what was said is stored and
    /// answered, everyone is told, and connections get this long to end.
    pub async fn stopped(self, drain: Duration) {
        self.stop.wait().await;
        tracing::info!("going down");
        self.readiness.drain();
        let deadline = Instant::now() + drain;
        self.chat.announce_closing(Duration::from_secs(1), "");
        self.chat.close_history().await;
        self.chat.io().close();
        while self.engine.sessions() > 0 && Instant::now() < deadline {
            sleep(LOOK).await;
        }
        let left = self.engine.sessions();
        if left > 0 {
            tracing::warn!(left, "connections were cut off");
        }
    }
}

/// Whether a signal has come.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Stops the server on SIGINT and SIGTERM, at once when a second one comes, and reads the page again on SIGHUP.
///
/// # Errors
/// When the system does not allow to listen for signals.
pub fn signals(state: &AppState) -> std::io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signal = signal(kind)?;
        let stop = state.stop.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                if STOPPING.swap(true, Ordering::AcqRel) {
                    tracing::warn!("stops at once: a second signal came");
                    // what is acknowledged is on the disk; the rest was not to be waited for
                    std::process::exit(1);
                }
                stop.within(Duration::ZERO);
            }
        });
    }
    let mut signal = signal(SignalKind::hangup())?;
    let assets = state.assets.clone();
    tokio::spawn(async move {
        while signal.recv().await.is_some() {
            match assets.reload() {
                Ok(()) => tracing::info!(build = assets.build(), "the page was read again"),
                Err(error) => tracing::error!(%error, "the page stays as it was"),
            }
        }
    });
    Ok(())
}
