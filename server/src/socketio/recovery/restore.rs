//! Sessions of clients that return: taken away from wherever they are kept, by one client each.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Namespace;
use crate::socketio::adapter::Health;
use crate::socketio::recovery::{Restored, Session};

/// Longest wait for the log to reach what a returning client has seen.
const CATCH_UP: Duration = Duration::from_secs(1);

/// A session on its way to its client; kept for another return where that is lost meanwhile.
struct Taken {
    namespace: Namespace,
    session: Option<Session>,
    after: Option<Duration>,
    runtime: Handle,
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let (Some(session), Some(log)) = (self.session.take(), self.namespace.log()) {
            self.namespace.keep(log, session, &self.runtime);
        }
    }
}

impl Namespace {
    /// Takes a returning client's session away, if it can go on from `offset`.
    pub(in crate::socketio) async fn restore(
        &self,
        pid: &str,
        offset: &str,
        runtime: &Handle,
    ) -> Option<Restored> {
        let log = self.log()?;
        let (done, taken) = oneshot::channel();
        let (namespace, pid, handle) = (self.clone(), pid.to_owned(), runtime.clone());
        // by itself: what other nodes have given away already is in nobody's hands until it is here
        runtime.spawn(async move {
            let taken = namespace.take(&pid).await.map(|(session, after)| Taken {
                namespace: namespace.clone(),
                session: Some(session),
                after,
                runtime: handle,
            });
            // where nobody waits any more it is dropped, and so kept
            drop(done.send(taken));
        });
        let mut taken = taken.await.ok()??;
        let patience = Instant::now() + CATCH_UP;
        while !log.has_reached(offset) && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        log.resume(taken.session.take()?, taken.after, offset)
    }

    async fn take(&self, pid: &str) -> Option<(Session, Option<Duration>)> {
        let log = self.log()?;
        // a client may be back before this node has noticed that it was lost
        let live = || Some((log.live(pid)?.session()?, Duration::ZERO));
        let here = log.take(pid).or_else(live);
        let (session, after) = match &self.0.server.cluster {
            None => here.map(|(session, after)| (session, Some(after)))?,
            Some(cluster) => match (cluster.take(self.name(), pid).await, here) {
                (Some(session), here) => (session, here.map(|(_, after)| after)),
                (None, Some((session, after))) if cluster.health() == Health::Down => (session, Some(after)),
                (None, _) => return None,
            },
        };
        self.evict(&session.sid);
        Some((session, after))
    }
}
