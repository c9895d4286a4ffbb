//! Backlog: events of one connection that wait for their handlers, in all its namespaces, also those it has left.

use std::mem::size_of;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pesan::socketio::value::Value;

use super::config::SocketIoLimits;

/// Factor by which the limits may be exceeded while an ack of the client is awaited, as it may arrive after more events.
const ACK_FACTOR: usize = 4;

/// Number and size of the waiting events.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// Whether reading is paused until the backlog is smaller.
    paused: AtomicBool,
}

/// Whether one more event may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capacity {
    /// Yes.
    Available,
    /// No.
    Full,
    /// No, even though an ack is awaited that may arrive after it.
    Exceeded,
}

impl Backlog {
    pub(super) fn add(&self, bytes: usize) {
        self.events.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    /// Removes an event. Returns `true` if reading is paused and may be resumed now.
    pub(super) fn remove(&self, bytes: usize) -> bool {
        self.events.fetch_sub(1, Ordering::SeqCst);
        self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        self.is_paused()
    }

    /// Bytes of the waiting events.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether reading is paused.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// Whether the connection may be read. `awaits_ack`: whether an ack of this client is pending. Once full, the backlog
    /// has to shrink to half of its limits first.
    pub(super) fn capacity(&self, limits: &SocketIoLimits, awaits_ack: impl Fn() -> bool) -> Capacity {
        let share = if self.is_paused() { 2 } else { 1 };
        if !self.exceeds(limits, 1, share) {
            if share > 1 {
                self.paused.store(false, Ordering::SeqCst);
            }
            return Capacity::Available;
        }
        // A change after this line wakes the connection; a change before it is seen by the checks below.
        self.paused.store(true, Ordering::SeqCst);
        let capacity = if !self.exceeds(limits, 1, share) {
            Capacity::Available
        } else if !awaits_ack() {
            Capacity::Full
        } else if self.exceeds(limits, ACK_FACTOR, 1) {
            Capacity::Exceeded
        } else {
            Capacity::Available
        };
        if capacity == Capacity::Available {
            self.paused.store(false, Ordering::SeqCst);
        }
        capacity
    }

    fn exceeds(&self, limits: &SocketIoLimits, times: usize, share: usize) -> bool {
        let is_over = |waiting: &AtomicUsize, limit: usize| {
            waiting.load(Ordering::SeqCst) >= (limit.saturating_mul(times) / share).max(1)
        };
        is_over(&self.events, limits.max_queued_events) || is_over(&self.bytes, limits.max_queued_event_bytes)
    }
}

/// Approximate memory use of a value, which may be many times the size of its JSON.
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

    fn limits() -> SocketIoLimits {
        SocketIoLimits {
            max_queued_events: 4,
            max_queued_event_bytes: 1000,
            ..SocketIoLimits::default()
        }
    }

    #[test]
    fn backlog_full_has_capacity_again_at_half_its_limits() {
        let (backlog, limits) = (Backlog::default(), limits());
        for _ in 0..3 {
            backlog.add(1);
            assert_eq!(backlog.capacity(&limits, || false), Capacity::Available);
        }
        backlog.add(1);
        assert_eq!(backlog.capacity(&limits, || false), Capacity::Full);
        assert!(backlog.remove(1), "the connection has to be woken");
        assert_eq!(backlog.capacity(&limits, || false), Capacity::Full);
        backlog.remove(1);
        backlog.remove(1);
        assert_eq!(backlog.capacity(&limits, || false), Capacity::Available);
        assert!(!backlog.remove(1));
    }

    #[test]
    fn backlog_full_while_an_ack_is_awaited_takes_four_times_its_limits() {
        let (backlog, limits) = (Backlog::default(), limits());
        backlog.add(3999);
        assert_eq!(backlog.capacity(&limits, || true), Capacity::Available);
        assert_eq!(backlog.capacity(&limits, || false), Capacity::Full);
        backlog.add(1);
        assert_eq!(backlog.capacity(&limits, || true), Capacity::Exceeded);
    }

    #[test]
    fn size_of_nested_value_includes_its_items() {
        let nested = Value::from(vec![Value::from("abcd"), Value::object([("key", Value::Null)])]);
        let expected = 4 * size_of::<Value>() + 4 + size_of::<String>() + 3;
        assert_eq!(size_of_value(&nested), expected);
    }
}
