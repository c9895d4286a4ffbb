//! Polling side of a connection: messages queued for the next poll, and the packets of a POST.
//!
//! Only data and rules: [`super::service`] turns requests into calls, [`super::session`] hands packets to the session.

use std::collections::VecDeque;
use std::sync::Arc;

use pesan::socketio::engine::{Packet, PacketError, polling_payload as payload};
use tokio::sync::oneshot;

use super::memory::MemoryUsage;
use super::message::EncodedMessage;
use super::websocket::WebSocket;

/// Close packet.
const CLOSE: &str = "1";
/// Noop packet: a response without messages.
const NOOP: &str = "6";

/// Size from which on a response takes no further message. It may exceed this by one message.
const BODY_BYTES: usize = 4 << 20;
/// Number of packets from which on a response takes no further message.
const BODY_PACKETS: usize = 16_384;

/// State of a polling connection.
pub(crate) struct Polling {
    queue: VecDeque<EncodedMessage>,
    memory: Arc<MemoryUsage>,
    poll: Option<PendingPoll>,
    polls: u64,
    /// Present while a POST is read; dropped when the session ends.
    pub(crate) posting: Option<oneshot::Sender<()>>,
    /// Packets of a POST that the session has not received yet.
    pub(crate) post_body: PostBody,
    /// Notifies the POST when the session has received all of them.
    pub(crate) on_received: Option<oneshot::Sender<()>>,
    /// WebSocket of an upgrade, until the session task takes it.
    pub(crate) candidate: Option<Box<WebSocket>>,
    /// An upgrade is in progress.
    pub(crate) upgrading: bool,
    /// The upgrade was probed: polls are answered at once.
    probing: bool,
}

/// Body of a POST, decoded packet by packet, so that many small packets need no more memory than their text.
#[derive(Debug, Default)]
pub(crate) struct PostBody {
    body: String,
    /// Start of the next packet; `None` at the end.
    next: Option<usize>,
}

impl PostBody {
    pub(crate) fn new(body: String) -> Self {
        Self { body, next: Some(0) }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.body.capacity()
    }
}

impl Iterator for PostBody {
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

/// Poll that waits for a message.
struct PendingPoll {
    number: u64,
    response: oneshot::Sender<String>,
}

/// How to answer a poll.
pub(crate) enum PollOutcome {
    /// With this body.
    Respond(String),
    /// With the body that arrives later.
    Wait {
        number: u64,
        response: oneshot::Receiver<String>,
    },
    /// With an error: another poll is pending.
    Overlap,
}

impl Polling {
    pub(crate) fn new(memory: &Arc<MemoryUsage>) -> Self {
        Self {
            queue: VecDeque::new(),
            memory: Arc::clone(memory),
            poll: None,
            polls: 0,
            posting: None,
            post_body: PostBody::default(),
            on_received: None,
            candidate: None,
            upgrading: false,
            probing: false,
        }
    }

    /// Notifies the POST that its packets were received.
    pub(crate) fn confirm(&mut self) {
        if self
            .on_received
            .take()
            .is_some_and(|sender| sender.send(()).is_err())
        {
            tracing::trace!("POST aborted after its body was read");
        }
    }

    /// Whether messages are queued.
    pub(crate) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Queued bytes.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.memory.queued()
    }

    /// Size of the first queued message.
    pub(crate) fn first_len(&self) -> usize {
        self.queue.front().map_or(0, EncodedMessage::len)
    }

    /// Whether the next message would be sent at once: a poll is pending.
    pub(crate) fn is_ready(&self) -> bool {
        self.poll.is_some() && self.queue.is_empty()
    }

    /// Queues a message for the next poll.
    pub(crate) fn push(&mut self, message: &EncodedMessage) {
        self.memory.add_queued(message.len());
        self.queue.push_back(message.clone());
    }

    /// Answers the pending poll if messages are queued or an upgrade was probed.
    pub(crate) fn flush(&mut self) {
        if (!self.queue.is_empty() || self.probing)
            && let Some(poll) = self.poll.take()
        {
            let body = if self.queue.is_empty() {
                NOOP.to_owned()
            } else {
                self.body()
            };
            // An aborted poll closes the session by itself.
            drop(poll.response.send(body));
        }
    }

    /// Takes queued messages as one body, up to its limits.
    fn body(&mut self) -> String {
        let mut body = String::new();
        let mut packets = 0;
        while body.len() < BODY_BYTES && packets < BODY_PACKETS {
            let Some(message) = self.queue.pop_front() else {
                break;
            };
            self.memory.take_queued(message.len());
            packets += message.frames();
            if !body.is_empty() {
                body.push(payload::SEPARATOR);
            }
            body.push_str(message.payload());
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        body
    }

    /// Takes all queued messages, for the next transport.
    pub(crate) fn take_queued(&mut self) -> VecDeque<EncodedMessage> {
        let queued = std::mem::take(&mut self.queue);
        self.memory
            .drop_queued(queued.iter().map(EncodedMessage::len).sum::<usize>());
        queued
    }

    /// Handles a poll.
    pub(crate) fn handle_poll(&mut self) -> PollOutcome {
        if self.poll.is_some() {
            return PollOutcome::Overlap;
        }
        if !self.queue.is_empty() {
            return PollOutcome::Respond(self.body());
        }
        if self.probing {
            return PollOutcome::Respond(NOOP.to_owned());
        }
        let (sender, response) = oneshot::channel();
        self.polls += 1;
        self.poll = Some(PendingPoll {
            number: self.polls,
            response: sender,
        });
        PollOutcome::Wait {
            number: self.polls,
            response,
        }
    }

    /// Whether poll `number` is still pending.
    pub(crate) fn is_pending(&self, number: u64) -> bool {
        self.poll.as_ref().is_some_and(|poll| poll.number == number)
    }

    /// Whether a poll is pending.
    pub(crate) fn has_poll(&self) -> bool {
        self.poll.is_some()
    }

    /// The upgrade was probed (`true`) or has failed.
    pub(crate) fn set_probing(&mut self, probing: bool) {
        self.probing = probing;
        self.flush();
    }

    /// Last body: queued messages, then a close packet, or a noop for a client that closed the session itself.
    pub(crate) fn last_body(&mut self, by_client: bool) -> String {
        let mut body = self.body();
        if !body.is_empty() {
            body.push(payload::SEPARATOR);
        }
        body.push_str(if by_client { NOOP } else { CLOSE });
        body
    }

    /// Answers the pending poll with the last body.
    pub(crate) fn finish(&mut self, by_client: bool) {
        if let Some(poll) = self.poll.take() {
            let body = self.last_body(by_client);
            drop(poll.response.send(body));
        }
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.take_queued();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polling() -> Polling {
        Polling::new(&Arc::default())
    }

    fn message(text: &str) -> EncodedMessage {
        EncodedMessage::from_frame(&text.into())
    }

    #[test]
    fn queued_messages_are_sent_in_one_body() {
        let mut polling = polling();
        polling.push(&message("a"));
        polling.push(&message("b"));
        let PollOutcome::Respond(body) = polling.handle_poll() else {
            panic!("a message is queued")
        };
        assert_eq!(body, "4a\u{1e}4b");
        assert!(!polling.has_queued());
        assert_eq!(polling.memory.queued(), 0);
    }

    #[test]
    fn queue_too_large_for_one_body_is_sent_over_several_polls() {
        let mut polling = polling();
        let count = BODY_PACKETS + 1;
        (0..count).for_each(|number| polling.push(&message(&number.to_string())));
        polling.push(&message(&"x".repeat(2 * BODY_BYTES)));
        polling.push(&message("last"));
        let mut bodies = Vec::new();
        while let PollOutcome::Respond(body) = polling.handle_poll() {
            bodies.push(body);
        }
        let packets = bodies.iter().map(|body| body.split(payload::SEPARATOR).count());
        assert_eq!(packets.collect::<Vec<_>>(), [BODY_PACKETS, 2, 1]);
        assert_eq!(bodies.last().map(String::as_str), Some("4last"));
    }

    #[test]
    fn post_body_with_invalid_packet_ends_there() {
        let mut body = PostBody::new("4a\u{1e}6\u{1e}9\u{1e}4b".to_owned());
        assert!(matches!(body.next(), Some(Ok(Packet::Message(_)))));
        assert_eq!(body.next(), Some(Ok(Packet::Noop)));
        assert!(matches!(body.next(), Some(Err(_))));
        assert_eq!(body.next(), None);
        assert!(matches!(PostBody::new(String::new()).next(), Some(Err(_))));
        assert_eq!(PostBody::default().next(), None);
    }

    #[test]
    fn pending_poll_is_answered_by_the_next_flush() {
        let mut polling = polling();
        let PollOutcome::Wait { number, mut response } = polling.handle_poll() else {
            panic!("no message is queued")
        };
        assert!(matches!(polling.handle_poll(), PollOutcome::Overlap));
        assert!(polling.is_pending(number));
        polling.flush();
        assert!(response.try_recv().is_err());
        polling.push(&message("a"));
        polling.flush();
        assert_eq!(response.try_recv().as_deref(), Ok("4a"));
        assert!(!polling.is_pending(number));
    }

    #[test]
    fn polls_during_a_probed_upgrade_return_at_once() {
        let mut polling = polling();
        let PollOutcome::Wait { mut response, .. } = polling.handle_poll() else {
            panic!("no message is queued")
        };
        polling.set_probing(true);
        assert_eq!(response.try_recv().as_deref(), Ok("6"));
        assert!(matches!(polling.handle_poll(), PollOutcome::Respond(body) if body == "6"));
    }

    #[test]
    fn polling_with_a_queued_message_is_not_ready() {
        let mut polling = polling();
        assert!(!polling.is_ready());
        let PollOutcome::Wait { .. } = polling.handle_poll() else {
            panic!("no message is queued")
        };
        assert!(polling.is_ready());
        polling.push(&message("a"));
        assert!(!polling.is_ready());
        polling.flush();
        assert!(!polling.is_ready());
    }
}
