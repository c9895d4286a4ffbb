//! Channel of frames to a WebSocket's task. Bounds the bytes queued for a server that does not read.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use crate::socketio::codec::Frame;
use crate::socketio::proto::CloseInfo;

/// After the sender is dropped: how long writing may stall, or the closing handshake take.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Sending half.
pub(crate) struct FrameSender {
    frames: mpsc::UnboundedSender<Frame>,
    budget: Arc<ByteBudget>,
    limit: usize,
}

/// Receiving half, owned by the task.
pub(super) struct FrameReceiver {
    frames: mpsc::UnboundedReceiver<Frame>,
    pub(super) budget: Arc<ByteBudget>,
}

/// Bytes in the channel and bytes written to the network.
#[derive(Default)]
pub(crate) struct ByteBudget {
    bytes: AtomicUsize,
    /// Bytes written to the network so far.
    written: AtomicUsize,
    sender_dropped: Notify,
    /// Whether the task has ended.
    ended: AtomicBool,
    /// Notified when all bytes are written, and when the task ends.
    idle: Notify,
}

/// Channel that holds at most `limit` bytes.
pub(super) fn channel(limit: usize) -> (FrameSender, FrameReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let budget = Arc::<ByteBudget>::default();
    let sender = FrameSender {
        frames: sender,
        budget: Arc::clone(&budget),
        limit,
    };
    let receiver = FrameReceiver {
        frames: receiver,
        budget,
    };
    (sender, receiver)
}

impl FrameSender {
    /// Queues a frame. If the task has ended it has reported why.
    ///
    /// # Errors
    /// How the connection ends, when the frame exceeds the limit.
    pub(crate) fn send(&self, frame: Frame) -> Result<(), CloseInfo> {
        let size = frame.len();
        let before = self.budget.bytes.fetch_add(size, Ordering::Relaxed);
        if before.saturating_add(size) > self.limit {
            return Err(CloseInfo::send_backlog(self.limit));
        }
        drop(self.frames.send(frame));
        Ok(())
    }
}

impl FrameSender {
    /// Counters of the channel, which outlive it.
    pub(crate) fn budget(&self) -> Arc<ByteBudget> {
        Arc::clone(&self.budget)
    }
}

impl Drop for FrameReceiver {
    fn drop(&mut self) {
        self.budget.ended.store(true, Ordering::Release);
        self.budget.idle.notify_waiters();
    }
}

impl Drop for FrameSender {
    fn drop(&mut self) {
        self.budget.sender_dropped.notify_one();
    }
}

impl FrameReceiver {
    /// Next frame; `None` after the sender is dropped.
    pub(super) async fn recv(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// Next frame, if one is queued.
    pub(super) fn try_recv(&mut self) -> Option<Frame> {
        self.frames.try_recv().ok()
    }
}

impl ByteBudget {
    /// Records bytes written to the network.
    pub(super) fn record_written(&self, bytes: usize) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Frees the bytes of frames that were written.
    pub(super) fn release(&self, bytes: usize) {
        if self.bytes.fetch_sub(bytes, Ordering::AcqRel) == bytes {
            self.idle.notify_waiters();
        }
    }

    /// Completes when all frames are written, or the task has ended.
    pub(crate) async fn written(self: Arc<Self>) {
        self.wait_until(|budget| budget.bytes.load(Ordering::Acquire) == 0)
            .await;
    }

    /// Completes when the task has ended.
    pub(crate) async fn ended(self: Arc<Self>) {
        self.wait_until(|_| false).await;
    }

    async fn wait_until(&self, is_done: impl Fn(&Self) -> bool) {
        loop {
            let mut notified = pin!(self.idle.notified());
            // From here on no notification is missed.
            notified.as_mut().enable();
            if is_done(self) || self.ended.load(Ordering::Acquire) {
                return;
            }
            notified.await;
        }
    }

    /// Waits until the sender is dropped, and then as long as writing makes progress.
    pub(super) async fn drained(&self) {
        self.sender_dropped.notified().await;
        let mut before = None;
        loop {
            let written = self.written.load(Ordering::Relaxed);
            if before == Some(written) {
                return;
            }
            before = Some(written);
            tokio::time::sleep(STALL_TIMEOUT).await;
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
    async fn frame_beyond_limit_fails_until_frames_are_sent() {
        let (sender, mut receiver) = channel(10);
        assert_eq!(sender.send(frame(6)), Ok(()));
        let first = receiver.recv().await.expect("queued");
        receiver.budget.release(first.len());
        assert_eq!(sender.send(frame(10)), Ok(()));
        assert!(receiver.recv().await.is_some(), "sent bytes are free again");
        let error = sender.send(frame(1)).expect_err("ten bytes are not sent");
        assert_eq!(
            error.to_string(),
            "more than 10 bytes are unsent because the server does not read"
        );
        assert!(receiver.try_recv().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn sender_dropped_waits_while_writing_makes_progress() {
        let (sender, receiver) = channel(100);
        for _ in 0..3 {
            assert_eq!(sender.send(frame(10)), Ok(()));
        }
        let began = tokio::time::Instant::now();
        drop(sender);
        let budget = Arc::clone(&receiver.budget);
        let slowly = async {
            for _ in 0..3 {
                tokio::time::sleep(STALL_TIMEOUT * 3 / 5).await;
                budget.record_written(10);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = receiver.budget.drained() => {}
            () = slowly => {}
        }
        assert_eq!(
            began.elapsed(),
            STALL_TIMEOUT * 3,
            "two intervals with progress, and one without"
        );
    }
}
