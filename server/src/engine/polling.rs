//! The polling side of a connection: what waits for the next poll, and what a POST brought.
//!
//! Only data and rules; [`super::requests`] turns requests into calls, [`super::task`] hands messages to the session.

use std::collections::VecDeque;

use pesan::socketio::engine::{Packet, payload};
use tokio::sync::oneshot;

use super::config::Limits;
use super::outgoing::Outgoing;
use super::websocket::Ws;

/// Packet that says that the session ends.
const CLOSE: &str = "1";
/// Packet that only empties a poll.
const NOOP: &str = "6";

/// State of a connection that polls.
#[derive(Default)]
pub(crate) struct Polling {
    waiting: VecDeque<Outgoing>,
    bytes: usize,
    frames: usize,
    poll: Option<Poll>,
    polls: u64,
    /// A POST is under way.
    pub(crate) posting: bool,
    /// Packets of the POST that the session has not taken yet.
    pub(crate) inbound: VecDeque<Packet>,
    /// Told when it has taken them all.
    pub(crate) taken: Option<oneshot::Sender<()>>,
    /// A WebSocket that wants to take over, until the task fetches it.
    pub(crate) candidate: Option<Box<Ws>>,
    /// A WebSocket is trying to take over.
    pub(crate) upgrading: bool,
    /// It has sent its probe: polls are answered at once.
    probing: bool,
}

/// The poll that waits.
struct Poll {
    number: u64,
    answer: oneshot::Sender<String>,
}

/// What to do with a poll.
pub(crate) enum Polled {
    /// This is the answer.
    Answer(String),
    /// The answer will come.
    Wait {
        number: u64,
        answer: oneshot::Receiver<String>,
    },
    /// Another poll waits already.
    Overlap,
}

impl Polling {
    /// Tells the POST that its packets were taken.
    pub(crate) fn confirm(&mut self) {
        if self.taken.take().is_some_and(|taken| taken.send(()).is_err()) {
            tracing::trace!("the POST was aborted after its body had come");
        }
    }

    /// Bytes that wait for a poll.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// Whether more waits than a reader may leave.
    pub(crate) fn is_over(&self, limits: &Limits) -> bool {
        self.bytes > limits.max_queued_bytes || self.frames > limits.max_queued_frames
    }

    /// Keeps a message for the next poll; a volatile one only if a poll waits.
    pub(crate) fn push(&mut self, message: &Outgoing) {
        if message.is_volatile() && self.poll.is_none() {
            return metrics::counter!("engine_volatile_dropped_total").increment(1);
        }
        self.bytes += message.len();
        self.frames += message.frames();
        self.waiting.push_back(message.clone());
    }

    /// Answers the poll that waits, if there is something to say.
    pub(crate) fn flush(&mut self) {
        if (!self.waiting.is_empty() || self.probing)
            && let Some(poll) = self.poll.take()
        {
            let body = if self.waiting.is_empty() {
                NOOP.to_owned()
            } else {
                self.body()
            };
            // A poll that is gone ends the session by itself.
            drop(poll.answer.send(body));
        }
    }

    /// All that waits, as one body.
    fn body(&mut self) -> String {
        let mut body = String::with_capacity(self.bytes);
        for message in self.take_waiting() {
            if !body.is_empty() {
                body.push(payload::SEPARATOR);
            }
            body.push_str(message.payload());
        }
        body
    }

    /// Takes all that waits: for a body, or for the transport that follows.
    pub(crate) fn take_waiting(&mut self) -> VecDeque<Outgoing> {
        (self.bytes, self.frames) = (0, 0);
        std::mem::take(&mut self.waiting)
    }

    /// A poll has come.
    pub(crate) fn poll(&mut self) -> Polled {
        if self.poll.is_some() {
            return Polled::Overlap;
        }
        if !self.waiting.is_empty() {
            return Polled::Answer(self.body());
        }
        if self.probing {
            return Polled::Answer(NOOP.to_owned());
        }
        let (sender, answer) = oneshot::channel();
        self.polls += 1;
        self.poll = Some(Poll {
            number: self.polls,
            answer: sender,
        });
        Polled::Wait {
            number: self.polls,
            answer,
        }
    }

    /// Whether poll `number` still waits.
    pub(crate) fn is_waiting(&self, number: u64) -> bool {
        self.poll.as_ref().is_some_and(|poll| poll.number == number)
    }

    /// Whether any poll waits.
    pub(crate) fn has_poll(&self) -> bool {
        self.poll.is_some()
    }

    /// The probe of an upgrade begins (`true`) or has failed.
    pub(crate) fn set_probing(&mut self, probing: bool) {
        self.probing = probing;
        self.flush();
    }

    /// The last body: all that waits and the close packet, or a noop for a client that closed by itself.
    pub(crate) fn last_body(&mut self, by_client: bool) -> String {
        let mut body = self.body();
        if !body.is_empty() {
            body.push(payload::SEPARATOR);
        }
        body.push_str(if by_client { NOOP } else { CLOSE });
        body
    }

    /// Answers the poll that waits with the last body.
    pub(crate) fn finish(&mut self, by_client: bool) {
        if let Some(poll) = self.poll.take() {
            let body = self.last_body(by_client);
            drop(poll.answer.send(body));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Outgoing {
        Outgoing::from_frame(&text.into())
    }

    #[test]
    fn what_waits_goes_into_one_body() {
        let mut polling = Polling::default();
        polling.push(&message("a"));
        polling.push(&message("b"));
        let Polled::Answer(body) = polling.poll() else {
            panic!("something waits")
        };
        assert_eq!(body, "4a\u{1e}4b");
        assert_eq!(polling.waiting_bytes(), 0);
    }

    #[test]
    fn a_waiting_poll_is_answered_by_the_next_flush() {
        let mut polling = Polling::default();
        let Polled::Wait { number, mut answer } = polling.poll() else {
            panic!("nothing waits")
        };
        assert!(matches!(polling.poll(), Polled::Overlap));
        assert!(polling.is_waiting(number));
        polling.flush();
        assert!(answer.try_recv().is_err());
        polling.push(&message("a"));
        polling.flush();
        assert_eq!(answer.try_recv().as_deref(), Ok("4a"));
        assert!(!polling.is_waiting(number));
    }

    #[test]
    fn polls_return_at_once_while_a_websocket_takes_over() {
        let mut polling = Polling::default();
        let Polled::Wait { mut answer, .. } = polling.poll() else {
            panic!("nothing waits")
        };
        polling.set_probing(true);
        assert_eq!(answer.try_recv().as_deref(), Ok("6"));
        assert!(matches!(polling.poll(), Polled::Answer(body) if body == "6"));
    }

    #[test]
    fn volatile_messages_are_only_for_a_poll_that_waits() {
        let mut polling = Polling::default();
        polling.push(&message("a").volatile(true));
        let Polled::Wait { mut answer, .. } = polling.poll() else {
            panic!("nothing waits")
        };
        polling.push(&message("b").volatile(true));
        polling.flush();
        assert_eq!(answer.try_recv().as_deref(), Ok("4b"));
    }
}
