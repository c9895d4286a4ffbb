//! Holds an acknowledgement back until its message has come out of the feed, so that this node's people get what
//! was said before a message before they hear that it is stored.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::{Committed, Deliver};
use super::codec::Place;

/// How often one looks whether the last ones have passed.
const LOOK: Duration = Duration::from_millis(2);

/// Where messages and acknowledgements meet on their way to the chat.
pub(super) struct AckGate {
    deliver: Deliver,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Where this node is in the feed; none while it cannot follow.
    place: Option<Place>,
    /// Acknowledgements, in the order of the feed.
    waiting: VecDeque<(Place, Committed)>,
}

impl AckGate {
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
    pub(super) fn answer(&self, committed: Vec<(Option<Place>, Committed)>) {
        let mut inner = self.inner();
        let mut ready = Vec::new();
        for (place, committed) in committed {
            match (place, inner.place) {
                (Some(place), Some(reached)) if place > reached => {
                    inner.waiting.push_back((place, committed));
                }
                _ => ready.push(committed),
            }
        }
        self.hand_on(ready);
    }

    /// The feed has come to a place, with these messages on the way.
    pub(super) fn reached(&self, place: Place, messages: Vec<Committed>) {
        let mut inner = self.inner();
        inner.place = Some(place);
        let passed = inner.waiting.partition_point(|(at, _)| *at <= place);
        let answers = inner.waiting.drain(..passed).map(|(_, committed)| committed);
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
        let ready = inner.waiting.drain(..).map(|(_, committed)| committed).collect();
        self.hand_on(ready);
    }

    /// Called under the lock, so that the chat gets everything in this order.
    fn hand_on(&self, ready: Vec<Committed>) {
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

    fn committed(seq: u64) -> Committed {
        Committed {
            outcome: Ok(Stored::Again(Sent { seq, at: 0 })),
            completion: None,
        }
    }

    /// A ack_gate, and the numbers that it let pass.
    fn ack_gate() -> (AckGate, Arc<Mutex<Vec<u64>>>) {
        let passed = Arc::<Mutex<Vec<u64>>>::default();
        let kept = Arc::clone(&passed);
        let deliver = move |batch: Vec<Committed>| {
            let numbers = batch.iter().map(|committed| match &committed.outcome {
                Ok(Stored::Again(sent)) => sent.seq,
                other => panic!("{other:?}"),
            });
            kept.lock().expect("no panic").extend(numbers);
        };
        (AckGate::new(Box::new(deliver)), passed)
    }

    #[test]
    fn an_answer_comes_after_what_was_said_before() {
        let (ack_gate, passed) = ack_gate();
        ack_gate.reached((1, 0), Vec::new());
        ack_gate.answer(vec![(Some((3, 0)), committed(30)), (Some((4, 0)), committed(40))]);
        assert!(passed.lock().expect("no panic").is_empty());
        ack_gate.reached((3, 0), vec![committed(2), committed(3)]);
        ack_gate.answer(vec![(None, committed(0))]);
        assert_eq!(*passed.lock().expect("no panic"), [2, 3, 30, 0]);
    }

    #[test]
    fn without_the_feed_no_answer_waits() {
        let (ack_gate, passed) = ack_gate();
        ack_gate.reached((1, 0), Vec::new());
        ack_gate.answer(vec![(Some((3, 0)), committed(30))]);
        ack_gate.lost();
        ack_gate.answer(vec![(Some((4, 0)), committed(40))]);
        assert_eq!(*passed.lock().expect("no panic"), [30, 40]);
    }
}
