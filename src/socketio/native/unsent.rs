//! Frames on their way to a WebSocket's task, and a bound on what a server that does not read may leave there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, mpsc};

use crate::socketio::Frame;

/// End that sends.
pub(crate) struct Unsent {
    frames: mpsc::UnboundedSender<Frame>,
    account: Arc<Account>,
}

/// End that the task has.
pub(super) struct Waiting {
    frames: mpsc::UnboundedReceiver<Frame>,
    pub(super) account: Arc<Account>,
}

/// What waits, and what may.
pub(super) struct Account {
    bytes: AtomicUsize,
    limit: usize,
    over: Notify,
}

/// Line for at most `limit` bytes.
pub(super) fn line(limit: usize) -> (Unsent, Waiting) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let account = Arc::new(Account {
        bytes: AtomicUsize::new(0),
        limit,
        over: Notify::new(),
    });
    let unsent = Unsent {
        frames: sender,
        account: Arc::clone(&account),
    };
    let waiting = Waiting {
        frames: receiver,
        account,
    };
    (unsent, waiting)
}

impl Unsent {
    /// Queues a frame; one that does not fit ends the connection. A task that has ended has reported that itself.
    pub(super) fn send(&self, frame: Frame) {
        let size = frame.len();
        let before = self.account.bytes.fetch_add(size, Ordering::Relaxed);
        if before.saturating_add(size) > self.account.limit {
            self.account.over.notify_one();
        } else {
            drop(self.frames.send(frame));
        }
    }
}

impl Waiting {
    /// Next frame; nothing when the other end is dropped.
    pub(super) async fn recv(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// Next frame, if one is there.
    pub(super) fn try_recv(&mut self) -> Option<Frame> {
        self.frames.try_recv().ok()
    }
}

impl Account {
    /// Bytes have left.
    pub(super) fn sent(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Waits until a frame does not fit; says so.
    pub(super) async fn over(&self) -> String {
        self.over.notified().await;
        format!(
            "more than {} bytes wait, and the server does not read",
            self.limit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_told_and_what_has_left_makes_room() {
        let (unsent, mut waiting) = line(10);
        unsent.send(Frame::Text("123456".to_owned()));
        let account = Arc::clone(&waiting.account);
        let first = waiting.recv().await.expect("queued");
        account.sent(first.len());
        unsent.send(Frame::Text("1234567890".to_owned()));
        assert!(waiting.recv().await.is_some(), "there was room again");
        unsent.send(Frame::Text("1".to_owned()));
        assert_eq!(
            account.over().await,
            "more than 10 bytes wait, and the server does not read"
        );
        assert!(waiting.try_recv().is_none());
    }
}
