//! Signals, and the order in which the server goes down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::AppState;

/// How often the end of the connections is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// Time in which a client that polls comes again; after it, it has gone without a word.
const NEXT_POLL: Duration = Duration::from_secs(2);

impl AppState {
    /// Waits for the time to stop, and then brings the server down: nothing new comes in, what was said is stored and
    /// answered, everyone is told, and connections get this long to end.
    pub async fn stopped(self, drain: Duration) {
        self.stop.wait().await;
        tracing::info!("going down");
        self.readiness.drain();
        let deadline = Instant::now() + drain;
        let abandoned = Instant::now() + NEXT_POLL;
        self.chat.announce_closing(Duration::from_secs(1), "");
        self.chat.close_history().await;
        self.chat.io().close();
        while self.engine.sessions() > 0 && Instant::now() < deadline {
            if Instant::now() >= abandoned && self.engine.reachable_sessions() == 0 {
                break;
            }
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

/// Stops the server on SIGINT and SIGTERM, at once when a second one comes, and reads again what may change on SIGHUP.
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
    let state = state.clone();
    tokio::spawn(async move {
        while signal.recv().await.is_some() {
            // said in the log
            drop(state.reload());
        }
    });
    Ok(())
}

impl AppState {
    /// Reads again what may change while the server runs: the page, the certificate, tokens and secrets. What cannot be
    /// read stays as it was; who may no longer come in is disconnected.
    ///
    /// # Errors
    /// What stays as it was, and why.
    pub fn reload(&self) -> Result<String, String> {
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        match self.assets.reload() {
            Ok(()) => {
                tracing::info!(build = self.assets.build(), "the page was read again");
                done.push("page".to_owned());
            }
            Err(error) => failed.push(format!("the page stays as it was: {error}")),
        }
        if let Some(tls) = &self.tls {
            match tls.reload() {
                Ok(()) => {
                    tracing::info!("the certificate was read again");
                    done.push("certificate".to_owned());
                }
                Err(error) => failed.push(format!("the certificate stays as it was: {error}")),
            }
        }
        match self.load_authenticator() {
            Ok(access) => {
                let revoked = self.chat.replace_authenticator(access);
                tracing::info!(revoked, "tokens and secrets were read again");
                done.push(format!("tokens and secrets ({revoked} connections revoked)"));
            }
            Err(error) => failed.push(format!("tokens and secrets stay as they were: {error}")),
        }
        for error in &failed {
            tracing::error!("{error}");
        }
        if failed.is_empty() {
            Ok(format!("read again: {}", done.join(", ")))
        } else {
            Err(failed.join("; "))
        }
    }
}
