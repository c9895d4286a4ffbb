//! Fairness between connections: limits how long one may be processed before others run.
//!
//! The runtime polls for I/O only after some sixty task polls, or when it is idle. A client that sends without pause must
//! therefore neither take long turns nor keep its thread from polling for I/O.

use std::future::Future;
use std::pin::pin;
use std::task::Context;
use std::time::{Duration, Instant};

/// Most messages in one turn.
const MAX_MESSAGES: u32 = 256;

/// Longest turn; the message that exceeds it ends it.
const MAX_TIME: Duration = Duration::from_micros(250);

/// Messages between two reads of the clock.
const CLOCK_INTERVAL: u32 = 8;

/// One turn of a connection: its messages until others run.
#[derive(Debug)]
pub(crate) struct Turn {
    began: Instant,
    messages: u32,
    over: bool,
}

impl Turn {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            messages: 0,
            over: false,
        }
    }

    /// Counts a handled message; returns whether the turn is over.
    pub(crate) fn count(&mut self) -> bool {
        self.messages += 1;
        self.over |= self.messages >= MAX_MESSAGES
            || (self.messages.is_multiple_of(CLOCK_INTERVAL) && self.began.elapsed() >= MAX_TIME);
        self.over
    }

    /// Whether the turn is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

/// Wakes the task of `cx` after all ready tasks, and after its thread has polled for I/O.
pub(crate) fn yield_to_others(cx: &mut Context<'_>) {
    // The future wakes the task by itself and need not be polled again.
    if pin!(tokio::task::yield_now()).poll(cx).is_ready() {
        cx.waker().wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_after_its_messages_or_its_time_is_over() {
        let mut turn = Turn::begin();
        let handled = (1..).find(|_| turn.count()).expect("it ends");
        assert!(handled <= MAX_MESSAGES, "{handled}");
        let mut turn = Turn::begin();
        turn.began -= MAX_TIME;
        assert_eq!((1..).find(|_| turn.count()), Some(CLOCK_INTERVAL));
        assert!(turn.is_over());
    }
}
