//! Holds an acknowledgement back until its message has come out of the feed, so that this node's people get what
//! was said before a message before they hear that it is stored.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::{Deliver, Settled};
use super::records::Place;

/// How often one looks whether the last ones have passed.
const LOOK: Duration = Duration::from_millis(2);

/// Where messages and acknowledgements meet on their way to the chat.
pub(super) struct Turnstile {
    deliver: Deliver,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Where this node is in the feed; none while it cannot follow.
    place: Option<Place>,
    /// Acknowledgements, in the order of the feed.
    waiting: VecDeque<(Place, Settled)>,
}

impl Turnstile {
    pub(super) fn new(deliver: Deliver) -> Self {
        Self {
            deliver,
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells what became of messages; those that stand at a place wait until the feed has come there.
    pub(super) fn answer(&self, settled: Vec<(Option<Place>, Settled)>) {
        let mut inner = self.inner();
        let mut ready = Vec::new();
        for (place, settled) in settled {
            match (place, inner.place) {
                (Some(place), Some(reached)) if place > reached => inner.waiting.push_back((place, settled)),
                _ => ready.push(settled),
            }
        }
        self.hand_on(ready);
    }

    /// The feed has come to a place, with these messages on the way.
    pub(super) fn reached(&self, place: Place, messages: Vec<Settled>) {
        let mut inner = self.inner();
        inner.place = Some(place);
        let passed = inner.waiting.partition_point(|(at, _)| *at <= place);
        let answers = inner.waiting.drain(..passed).map(|(_, settled)| settled);
        let ready = messages.into_iter().chain(answers).collect();
        self.hand_on(ready);
    }

    /// Nothing more is written: waits for the feed, but not for ever, and then lets every answer pass.
    pub(super) async fn drain(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.inner().waiting.is_empty() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
        self.lost();
    }

    /// The feed cannot be followed: what is stored is acknowledged without it.
    pub(super) fn lost(&self) {
        let mut inner = self.inner();
        inner.place = None;
        let ready = inner.waiting.drain(..).map(|(_, settled)| settled).collect();
        self.hand_on(ready);
    }

    /// Called under the lock, so that the chat gets everything in this order.
    fn hand_on(&self, ready: Vec<Settled>) {
        if !ready.is_empty() {
            (self.deliver)(ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pesan::protocol::Sent;

    use super::super::super::Stored;
    use super::*;

    fn settled(seq: u64) -> Settled {
        Settled {
            outcome: Ok(Stored::Again(Sent { seq, at: 0 })),
            ticket: None,
        }
    }

    /// A turnstile, and the numbers that it let pass.
    fn turnstile() -> (Turnstile, Arc<Mutex<Vec<u64>>>) {
        let passed = Arc::<Mutex<Vec<u64>>>::default();
        let kept = Arc::clone(&passed);
        let deliver = move |batch: Vec<Settled>| {
            let numbers = batch.iter().map(|settled| match &settled.outcome {
                Ok(Stored::Again(sent)) => sent.seq,
                other => panic!("{other:?}"),
            });
            kept.lock().expect("no panic").extend(numbers);
        };
        (Turnstile::new(Box::new(deliver)), passed)
    }

    #[test]
    fn an_answer_comes_after_what_was_said_before() {
        let (turnstile, passed) = turnstile();
        turnstile.reached((1, 0), Vec::new());
        turnstile.answer(vec![(Some((3, 0)), settled(30)), (Some((4, 0)), settled(40))]);
        assert!(passed.lock().expect("no panic").is_empty());
        turnstile.reached((3, 0), vec![settled(2), settled(3)]);
        turnstile.answer(vec![(None, settled(0))]);
        assert_eq!(*passed.lock().expect("no panic"), [2, 3, 30, 0]);
    }

    #[test]
    fn without_the_feed_no_answer_waits() {
        let (turnstile, passed) = turnstile();
        turnstile.reached((1, 0), Vec::new());
        turnstile.answer(vec![(Some((3, 0)), settled(30))]);
        turnstile.lost();
        turnstile.answer(vec![(Some((4, 0)), settled(40))]);
        assert_eq!(*passed.lock().expect("no panic"), [30, 40]);
    }
}
