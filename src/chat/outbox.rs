//! Messages that were written and are not yet confirmed by the server; they survive a reload.

use std::sync::Arc;

use super::timeline_item::{ChatMessage, Delivery, ItemKind, TimelineItem};
use serde::{Deserialize, Serialize};

use crate::protocol::{ChatError, Person, Quote};

/// A message has waited long after this time, in milliseconds.
const SLOW_ANSWER: u64 = 5000;

/// Unsent message as the browser stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Room it is for.
    pub room: String,
    /// Id; the server stores a message once however often it is sent.
    pub id: String,
    /// Text.
    pub text: String,
    /// When it was written, in milliseconds since 1970.
    pub at: u64,
    /// Message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Quote>,
}

/// Unsent message.
#[derive(Debug, Clone)]
pub struct PendingMessage {
    /// What the browser stores.
    pub stored: StoredMessage,
    /// Its item in the timeline.
    pub item: Arc<TimelineItem>,
    /// Progress of its delivery.
    pub state: SendState,
    /// Since when it waits for what comes next.
    pub waits_since: u64,
    /// Whether it has waited long.
    pub is_slow: bool,
}

/// Progress of an unsent message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendState {
    /// Waits to be sent.
    Queued,
    /// Sent, not acknowledged yet.
    InFlight {
        /// On a basic server: when to stop waiting for the echo.
        until: Option<u64>,
    },
    /// Not accepted.
    Failed(Option<ChatError>),
}

/// Unsent messages in the order in which they were written.
#[derive(Debug, Clone, Default)]
pub struct Outbox {
    unsent: Vec<PendingMessage>,
    changes: u32,
}

impl Outbox {
    /// Texts of one room.
    pub fn of<'a>(&'a self, room: &'a str) -> impl Iterator<Item = &'a PendingMessage> {
        self.unsent
            .iter()
            .filter(move |unsent| unsent.stored.room == room)
    }

    /// Revision counter; incremented whenever the stored messages change.
    #[must_use]
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// What the browser should keep.
    #[must_use]
    pub fn stored_messages(&self) -> Vec<StoredMessage> {
        self.unsent.iter().map(|pending| pending.stored.clone()).collect()
    }

    /// Adds a text at the end.
    pub fn push(&mut self, now: u64, key: u64, stored: StoredMessage, author: Option<Person>) {
        self.changes += 1;
        let message = ChatMessage {
            seq: None,
            id: stored.id.clone(),
            author,
            mine: true,
            text: stored.text.clone(),
            reply: stored.reply.clone(),
            is_json: false,
        };
        let item = Arc::new(TimelineItem {
            key,
            at: stored.at,
            kind: ItemKind::Message(message),
        });
        self.unsent.push(PendingMessage {
            stored,
            item,
            state: SendState::Queued,
            waits_since: now,
            is_slow: false,
        });
    }

    /// Unsent message of an id.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut PendingMessage> {
        self.unsent.iter_mut().find(|unsent| unsent.stored.id == id)
    }

    /// Unsent message by the key of its row.
    pub fn by_key(&mut self, key: u64) -> Option<&mut PendingMessage> {
        self.unsent.iter_mut().find(|unsent| unsent.item.key == key)
    }

    /// Whether a message waits to be sent.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.unsent
            .iter()
            .any(|unsent| matches!(unsent.state, SendState::Queued))
    }

    /// Removes an unsent message by its id.
    pub fn take(&mut self, id: &str) -> Option<PendingMessage> {
        self.take_first(|unsent| unsent.stored.id == id)
    }

    /// Removes an unsent message by the key of its row.
    pub fn discard(&mut self, key: u64) {
        self.take_first(|unsent| unsent.item.key == key);
    }

    /// Removes the message that the echo of a basic server confirms.
    pub fn take_echoed(&mut self, text: &str) -> Option<PendingMessage> {
        self.take_first(|unsent| {
            matches!(unsent.state, SendState::InFlight { until: Some(_) }) && unsent.stored.text == text
        })
    }

    /// Text of a message whose echo did not arrive in time: the basic server does not echo.
    #[must_use]
    pub fn overdue_echo(&self, now: u64) -> Option<String> {
        let mut unsent = self.unsent.iter();
        let due = unsent.find(
            |unsent| matches!(unsent.state, SendState::InFlight { until: Some(until) } if until <= now),
        )?;
        Some(due.stored.text.clone())
    }

    fn take_first(&mut self, wanted: impl Fn(&PendingMessage) -> bool) -> Option<PendingMessage> {
        let place = self.unsent.iter().position(wanted)?;
        self.changes += 1;
        Some(self.unsent.remove(place))
    }

    /// Whether a message is being sent.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.unsent
            .iter()
            .any(|unsent| matches!(unsent.state, SendState::InFlight { .. }))
    }

    /// First message that waits and that `ready` accepts.
    pub fn next(&mut self, ready: impl Fn(&StoredMessage) -> bool) -> Option<&mut PendingMessage> {
        self.unsent
            .iter_mut()
            .find(|unsent| matches!(unsent.state, SendState::Queued) && ready(&unsent.stored))
    }

    /// The connection was lost: messages being sent wait again.
    pub fn rewind(&mut self) {
        for unsent in &mut self.unsent {
            if matches!(unsent.state, SendState::InFlight { .. }) {
                unsent.state = SendState::Queued;
            }
        }
    }

    /// When the next echo is due.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        self.unsent
            .iter()
            .filter_map(|unsent| match unsent.state {
                SendState::InFlight { until } => until,
                SendState::Queued | SendState::Failed(_) => None,
            })
            .min()
    }

    /// When the next message will have waited long.
    #[must_use]
    pub fn slow_due(&self) -> Option<u64> {
        let waiting = self
            .unsent
            .iter()
            .filter(|unsent| !unsent.is_slow && !matches!(unsent.state, SendState::Failed(_)));
        waiting.map(|unsent| unsent.waits_since + SLOW_ANSWER).min()
    }

    /// Marks messages that have waited long.
    pub fn mark_slow(&mut self, now: u64) {
        for unsent in &mut self.unsent {
            unsent.is_slow |= unsent.waits_since + SLOW_ANSWER <= now;
        }
    }

    /// The connection is there: from now on messages wait for the server.
    pub fn restart_waiting(&mut self, now: u64) {
        for unsent in &mut self.unsent {
            unsent.waits_since = now;
            unsent.is_slow = false;
        }
    }
}

impl PendingMessage {
    /// Applies that it was sent; `until` is when a basic server's echo is due.
    pub fn start_sending(&mut self, now: u64, until: Option<u64>) {
        self.state = SendState::InFlight { until };
        self.waits_since = now;
        self.is_slow = false;
    }

    /// Delivery as its row shows it.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        match &self.state {
            SendState::Queued => Delivery::Queued,
            SendState::InFlight { .. } if self.is_slow => Delivery::Unanswered,
            SendState::InFlight { .. } => Delivery::Sending,
            SendState::Failed(why) => Delivery::Failed(why.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(id: &str) -> StoredMessage {
        StoredMessage {
            room: "lobby".to_owned(),
            id: id.to_owned(),
            text: format!("text {id}"),
            at: 1,
            reply: None,
        }
    }

    #[test]
    fn in_flight_message_on_rewind_is_queued_again() {
        let mut outbox = Outbox::default();
        outbox.push(0, 1, stored("a"), None);
        outbox.push(0, 2, stored("b"), None);
        outbox.next(|_| true).expect("a waits").state = SendState::InFlight { until: None };
        assert!(outbox.busy());
        outbox.rewind();
        assert_eq!(
            outbox
                .next(|_| true)
                .map(|unsent| unsent.stored.id.clone())
                .as_deref(),
            Some("a")
        );
    }

    #[test]
    fn unanswered_message_is_marked_after_five_seconds() {
        let mut outbox = Outbox::default();
        outbox.push(0, 1, stored("a"), None);
        outbox.get_mut("a").expect("is there").state = SendState::InFlight { until: None };
        let delivery = |outbox: &mut Outbox| outbox.get_mut("a").expect("is there").delivery();
        assert_eq!(outbox.slow_due(), Some(SLOW_ANSWER));
        outbox.mark_slow(SLOW_ANSWER - 1);
        assert_eq!(delivery(&mut outbox), Delivery::Sending);
        outbox.mark_slow(SLOW_ANSWER);
        assert_eq!(delivery(&mut outbox), Delivery::Unanswered);
        assert_eq!(outbox.slow_due(), None);
        outbox.rewind();
        assert_eq!(delivery(&mut outbox), Delivery::Queued);
    }

    #[test]
    fn echo_removes_first_in_flight_message_with_same_text() {
        let mut outbox = Outbox::default();
        for (key, id) in [(1, "a"), (2, "b")] {
            outbox.push(
                0,
                key,
                StoredMessage {
                    text: "ok".to_owned(),
                    ..stored(id)
                },
                None,
            );
        }
        assert!(outbox.take_echoed("ok").is_none(), "nothing was sent yet");
        outbox.get_mut("b").expect("is there").state = SendState::InFlight { until: Some(9) };
        assert_eq!(
            outbox.take_echoed("ok").map(|unsent| unsent.stored.id).as_deref(),
            Some("b")
        );
    }

    #[test]
    fn overdue_echo_is_the_text_whose_time_is_up() {
        let mut outbox = Outbox::default();
        outbox.push(0, 1, stored("a"), None);
        outbox.get_mut("a").expect("is there").state = SendState::InFlight { until: Some(9) };
        assert_eq!(outbox.due(), Some(9));
        assert_eq!(outbox.overdue_echo(8), None);
        assert_eq!(outbox.overdue_echo(9).as_deref(), Some("text a"));
    }
}
