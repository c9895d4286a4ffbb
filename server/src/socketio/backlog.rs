//! Events of one connection that were read and wait for their handlers, in all its namespaces and also after it left them.

use std::mem::size_of;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pesan::socketio::value::Value;

use super::config::Limits;

/// How often the limit may be exceeded while the server waits for an ack of the client: the ack may come after more events.
const WHILE_ASKING: usize = 4;

/// Number and size of the events that wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// The connection is not read until less waits.
    paused: AtomicBool,
}

/// Whether one more event may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It may.
    Free,
    /// It may not.
    Full,
    /// It may not, even if the server waits for an ack that may come after it.
    Overfull,
}

impl Backlog {
    pub(super) fn add(&self, bytes: usize) {
        self.events.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// An event waits no longer. `true`: the connection is not read, and may have room now.
    pub(super) fn remove(&self, bytes: usize) -> bool {
        self.events.fetch_sub(1, Ordering::SeqCst);
        self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        self.is_paused()
    }

    /// Bytes of the events that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the connection is not read.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Whether the connection may be read. `is_asking`: the server waits for an ack of this client. Once full, half of
    /// what may wait has to go first.
    pub(super) fn room(&self, limits: &Limits, is_asking: impl Fn() -> bool) -> Room {
        let share = if self.is_paused() { 2 } else { 1 };
        if !self.exceeds(limits, 1, share) {
            if share > 1 {
                self.paused.store(false, Ordering::SeqCst);
            }
            return Room::Free;
        }
        // whoever takes something away after this, or asks, wakes the connection; before this, it is seen below
        self.paused.store(true, Ordering::SeqCst);
        let room = if !self.exceeds(limits, 1, share) {
            Room::Free
        } else if !is_asking() {
            Room::Full
        } else if self.exceeds(limits, WHILE_ASKING, 1) {
            Room::Overfull
        } else {
            Room::Free
        };
        if room == Room::Free {
            self.paused.store(false, Ordering::SeqCst);
        }
        room
    }

    fn exceeds(&self, limits: &Limits, times: usize, share: usize) -> bool {
        let is_over = |waiting: &AtomicUsize, limit: usize| {
            waiting.load(Ordering::SeqCst) >= (limit.saturating_mul(times) / share).max(1)
        };
        is_over(&self.events, limits.max_queued_events) || is_over(&self.bytes, limits.max_queued_event_bytes)
    }
}

/// Memory that a value takes, roughly: JSON of a few bytes may become many times as much.
pub(super) fn size_of_value(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::Array(items) => items.iter().map(size_of_value).sum(),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| size_of::<String>() + key.len() + size_of_value(value))
                .sum(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            max_queued_events: 4,
            max_queued_event_bytes: 1000,
            ..Limits::default()
        }
    }

    #[test]
    fn full_backlog_has_room_again_when_half_is_gone() {
        let (backlog, limits) = (Backlog::default(), limits());
        for _ in 0..3 {
            backlog.add(1);
            assert_eq!(backlog.room(&limits, || false), Room::Free);
        }
        backlog.add(1);
        assert_eq!(backlog.room(&limits, || false), Room::Full);
        assert!(backlog.remove(1), "the connection is to be woken");
        assert_eq!(backlog.room(&limits, || false), Room::Full);
        backlog.remove(1);
        backlog.remove(1);
        assert_eq!(backlog.room(&limits, || false), Room::Free);
        assert!(!backlog.remove(1));
    }

    #[test]
    fn full_backlog_takes_more_while_an_ack_is_awaited_but_not_without_end() {
        let (backlog, limits) = (Backlog::default(), limits());
        backlog.add(3999);
        assert_eq!(backlog.room(&limits, || true), Room::Free);
        assert_eq!(backlog.room(&limits, || false), Room::Full);
        backlog.add(1);
        assert_eq!(backlog.room(&limits, || true), Room::Overfull);
    }

    #[test]
    fn size_of_a_nested_value_counts_its_items() {
        let nested = Value::from(vec![Value::from("abcd"), Value::object([("key", Value::Null)])]);
        let expected = 4 * size_of::<Value>() + 4 + size_of::<String>() + 3;
        assert_eq!(size_of_value(&nested), expected);
    }
}
