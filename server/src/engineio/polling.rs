//! The polling side of a connection: what waits for the next poll, and what a POST brought.
//!
//! Only data and rules; [`super::requests`] turns requests into calls, [`super::task`] hands messages to the session.

use std::collections::VecDeque;
use std::sync::Arc;

use pesan::socketio::engine::{Packet, PacketError, polling_payload as payload};
use tokio::sync::oneshot;

use super::account::Account;
use super::outgoing::Outgoing;
use super::websocket::Ws;

/// Packet that says that the session ends.
const CLOSE: &str = "1";
/// Packet that only empties a poll.
const NOOP: &str = "6";

/// Bytes from which on a body takes no further message: the rest is for the next poll. It may be one message larger.
const BODY_BYTES: usize = 4 << 20;
/// Packets from which on it takes none.
const BODY_PACKETS: usize = 16_384;

/// State of a connection that polls.
pub(crate) struct Polling {
    waiting: VecDeque<Outgoing>,
    account: Arc<Account>,
    poll: Option<Poll>,
    polls: u64,
    /// A POST is under way; it hears when the session ends.
    pub(crate) posting: Option<oneshot::Sender<()>>,
    /// Packets of the POST that the session has not taken yet.
    pub(crate) inbound: Inbound,
    /// Told when it has taken them all.
    pub(crate) taken: Option<oneshot::Sender<()>>,
    /// A WebSocket that wants to take over, until the task fetches it.
    pub(crate) candidate: Option<Box<Ws>>,
    /// A WebSocket is trying to take over.
    pub(crate) upgrading: bool,
    /// It has sent its probe: polls are answered at once.
    probing: bool,
}

/// Body of a POST, read packet by packet: many small packets need no more memory than their text.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    body: String,
    /// Where the next packet begins; `None` at the end.
    next: Option<usize>,
}

impl Inbound {
    pub(crate) fn new(body: String) -> Self {
        Self { body, next: Some(0) }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.body.capacity()
    }
}

impl Iterator for Inbound {
    type Item = Result<Packet, PacketError>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next.take()?;
        let rest = self.body.get(start..).unwrap_or_default();
        let packet = match rest.split_once(payload::SEPARATOR) {
            Some((packet, _)) => {
                self.next = Some(start + packet.len() + payload::SEPARATOR.len_utf8());
                Packet::decode_text(packet)
            }
            None => Packet::decode_text(rest),
        };
        if packet.is_err() {
            self.next = None;
        }
        if self.next.is_none() {
            self.body = String::new();
        }
        Some(packet)
    }
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
    pub(crate) fn new(account: &Arc<Account>) -> Self {
        Self {
            waiting: VecDeque::new(),
            account: Arc::clone(account),
            poll: None,
            polls: 0,
            posting: None,
            inbound: Inbound::default(),
            taken: None,
            candidate: None,
            upgrading: false,
            probing: false,
        }
    }

    /// Tells the POST that its packets were taken.
    pub(crate) fn confirm(&mut self) {
        if self.taken.take().is_some_and(|taken| taken.send(()).is_err()) {
            tracing::trace!("the POST was aborted after its body had come");
        }
    }

    /// Whether messages wait for a poll.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Bytes that wait for a poll.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.account.queued()
    }

    /// Bytes of the message that goes out first.
    pub(crate) fn first_len(&self) -> usize {
        self.waiting.front().map_or(0, Outgoing::len)
    }

    /// Whether the next message goes out at once: a poll waits for it.
    pub(crate) fn is_ready(&self) -> bool {
        self.poll.is_some() && self.waiting.is_empty()
    }

    /// Keeps a message for the next poll.
    pub(crate) fn push(&mut self, message: &Outgoing) {
        self.account.add_queued(message.len());
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

    /// What waits, as one body; what is too much for one is for the next.
    fn body(&mut self) -> String {
        let mut body = String::new();
        let mut packets = 0;
        while body.len() < BODY_BYTES && packets < BODY_PACKETS {
            let Some(message) = self.waiting.pop_front() else {
                break;
            };
            self.account.take_queued(message.len());
            packets += message.frames();
            if !body.is_empty() {
                body.push(payload::SEPARATOR);
            }
            body.push_str(message.payload());
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        body
    }

    /// Takes all that waits, for the transport that follows.
    pub(crate) fn take_waiting(&mut self) -> VecDeque<Outgoing> {
        let waiting = std::mem::take(&mut self.waiting);
        self.account
            .drop_queued(waiting.iter().map(Outgoing::len).sum::<usize>());
        waiting
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

impl Drop for Polling {
    fn drop(&mut self) {
        self.take_waiting();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polling() -> Polling {
        Polling::new(&Arc::default())
    }

    fn message(text: &str) -> Outgoing {
        Outgoing::from_frame(&text.into())
    }

    #[test]
    fn what_waits_goes_into_one_body() {
        let mut polling = polling();
        polling.push(&message("a"));
        polling.push(&message("b"));
        let Polled::Answer(body) = polling.poll() else {
            panic!("something waits")
        };
        assert_eq!(body, "4a\u{1e}4b");
        assert!(!polling.has_waiting());
        assert_eq!(polling.account.queued(), 0);
    }

    #[test]
    fn backlog_too_large_for_one_body_goes_out_with_several_polls() {
        let mut polling = polling();
        let count = BODY_PACKETS + 1;
        (0..count).for_each(|number| polling.push(&message(&number.to_string())));
        polling.push(&message(&"x".repeat(2 * BODY_BYTES)));
        polling.push(&message("last"));
        let mut bodies = Vec::new();
        while let Polled::Answer(body) = polling.poll() {
            bodies.push(body);
        }
        let packets = bodies.iter().map(|body| body.split(payload::SEPARATOR).count());
        assert_eq!(packets.collect::<Vec<_>>(), [BODY_PACKETS, 2, 1]);
        assert_eq!(bodies.last().map(String::as_str), Some("4last"));
    }

    #[test]
    fn inbound_packets_end_at_the_first_that_is_none() {
        let mut inbound = Inbound::new("4a\u{1e}6\u{1e}9\u{1e}4b".to_owned());
        assert!(matches!(inbound.next(), Some(Ok(Packet::Message(_)))));
        assert_eq!(inbound.next(), Some(Ok(Packet::Noop)));
        assert!(matches!(inbound.next(), Some(Err(_))));
        assert_eq!(inbound.next(), None);
        assert!(matches!(Inbound::new(String::new()).next(), Some(Err(_))));
        assert_eq!(Inbound::default().next(), None);
    }

    #[test]
    fn a_waiting_poll_is_answered_by_the_next_flush() {
        let mut polling = polling();
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
        let mut polling = polling();
        let Polled::Wait { mut answer, .. } = polling.poll() else {
            panic!("nothing waits")
        };
        polling.set_probing(true);
        assert_eq!(answer.try_recv().as_deref(), Ok("6"));
        assert!(matches!(polling.poll(), Polled::Answer(body) if body == "6"));
    }

    #[test]
    fn only_the_first_message_after_a_poll_is_sure_to_go_out() {
        let mut polling = polling();
        assert!(!polling.is_ready());
        let Polled::Wait { .. } = polling.poll() else {
            panic!("nothing waits")
        };
        assert!(polling.is_ready());
        polling.push(&message("a"));
        assert!(!polling.is_ready());
        polling.flush();
        assert!(!polling.is_ready());
    }
}
