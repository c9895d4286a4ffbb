//! Frames on their way to a WebSocket's task, and a bound on what a server that does not read may leave there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::socketio::Frame;
use crate::socketio::proto::CloseInfo;

/// How long what is left may wait without any of it leaving, or the server take to say goodbye.
const PATIENCE: Duration = Duration::from_secs(10);

/// End that sends.
pub(crate) struct Unsent {
    frames: mpsc::UnboundedSender<Frame>,
    account: Arc<Account>,
    limit: usize,
}

/// End that the task has.
pub(super) struct Waiting {
    frames: mpsc::UnboundedReceiver<Frame>,
    pub(super) account: Arc<Account>,
}

/// What waits, and whether anybody is there to wait for.
#[derive(Default)]
pub(super) struct Account {
    bytes: AtomicUsize,
    /// Bytes that the network took.
    moved: AtomicUsize,
    left: Notify,
}

/// Line for at most `limit` bytes.
pub(super) fn line(limit: usize) -> (Unsent, Waiting) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let account = Arc::<Account>::default();
    let unsent = Unsent {
        frames: sender,
        account: Arc::clone(&account),
        limit,
    };
    let waiting = Waiting {
        frames: receiver,
        account,
    };
    (unsent, waiting)
}

impl Unsent {
    /// Queues a frame. A task that has ended has reported that itself.
    ///
    /// # Errors
    /// The end of the connection, when the frame does not fit.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        let size = frame.len();
        let before = self.account.bytes.fetch_add(size, Ordering::Relaxed);
        if before.saturating_add(size) > self.limit {
            return Err(CloseInfo::unread(self.limit));
        }
        drop(self.frames.send(frame));
        Ok(())
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.account.left.notify_one();
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
    /// The network took so many bytes.
    pub(super) fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A frame has left the line, if not the machine: one may always be under way.
    pub(super) fn sent(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Waits until the other end is dropped, and then for as long as what it left behind goes out.
    pub(super) async fn abandoned(&self) {
        self.left.notified().await;
        let mut before = None;
        loop {
            let moved = self.moved.load(Ordering::Relaxed);
            if before == Some(moved) {
                return;
            }
            before = Some(moved);
            tokio::time::sleep(PATIENCE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(size: usize) -> Frame {
        Frame::Text("x".repeat(size))
    }

    #[tokio::test]
    async fn what_does_not_fit_is_told_and_what_has_left_makes_room() {
        let (unsent, mut waiting) = line(10);
        assert_eq!(unsent.send(frame(6)), Ok(()));
        let first = waiting.recv().await.expect("queued");
        waiting.account.sent(first.len());
        assert_eq!(unsent.send(frame(10)), Ok(()));
        assert!(waiting.recv().await.is_some(), "there was room again");
        let error = unsent.send(frame(1)).expect_err("ten bytes have not left");
        assert_eq!(
            error.to_string(),
            "more than 10 bytes wait, and the server does not read"
        );
        assert!(waiting.try_recv().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_left_behind_has_time_while_it_goes_out() {
        let (unsent, waiting) = line(100);
        for _ in 0..3 {
            assert_eq!(unsent.send(frame(10)), Ok(()));
        }
        let began = tokio::time::Instant::now();
        drop(unsent);
        let account = Arc::clone(&waiting.account);
        let slowly = async {
            for _ in 0..3 {
                tokio::time::sleep(PATIENCE * 3 / 5).await;
                account.moved(10);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = waiting.account.abandoned() => {}
            () = slowly => {}
        }
        assert_eq!(
            began.elapsed(),
            PATIENCE * 3,
            "two pauses with progress, and one without"
        );
    }
}
