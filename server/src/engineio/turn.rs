//! How much a connection may do before others get their turn.
//!
//! A runtime looks for what others have sent only after some sixty turns, or when nothing is left to do: a client that
//! sends without end must neither take long turns nor keep its thread from looking.

use std::future::Future;
use std::pin::pin;
use std::task::Context;
use std::time::{Duration, Instant};

/// Most messages of a turn.
const MAX_MESSAGES: u32 = 256;

/// Longest turn; the message that exceeds it is the last one.
const MAX_TIME: Duration = Duration::from_micros(250);

/// Messages between two looks at the clock, where they are handled quickly.
const UNTIMED: u32 = 8;

/// One turn of a connection.
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

    /// A message was handled; whether it was the last one of this turn.
    pub(crate) fn count(&mut self) -> bool {
        self.messages += 1;
        self.over |= self.messages >= MAX_MESSAGES
            || (self.messages.is_multiple_of(UNTIMED) && self.began.elapsed() >= MAX_TIME);
        self.over
    }

    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

/// Wakes the task of `cx` after all others that are ready, and after its thread has looked for what was sent meanwhile.
pub(crate) fn give_way(cx: &mut Context<'_>) {
    // it wakes by itself, so it need not be polled again
    if pin!(tokio::task::yield_now()).poll(cx).is_ready() {
        cx.waker().wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_ends_after_its_messages_or_its_time() {
        let mut turn = Turn::begin();
        let handled = (1..).find(|_| turn.count()).expect("it ends");
        assert!(handled <= MAX_MESSAGES, "{handled}");
        let mut turn = Turn::begin();
        turn.began -= MAX_TIME;
        assert_eq!((1..).find(|_| turn.count()), Some(UNTIMED));
        assert!(turn.is_over());
    }
}
