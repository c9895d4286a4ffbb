//! Counters and round-trip times, for an inspector.

use std::time::Duration;

use super::Machine;
use crate::socketio::{Frame, Timestamp};

/// What a machine has counted since it was made.
///
/// ```
/// use pesan::socketio::proto::{Config, Machine};
///
/// let machine = Machine::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// assert_eq!(machine.stats().frames_out, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Frames received.
    pub frames_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Events received.
    pub events_in: u64,
    /// Events sent, each try of a retried one.
    pub events_out: u64,
    /// Pings answered.
    pub pings: u64,
    /// Connections opened.
    pub opens: u64,
    /// Connections opened by an attempt to reconnect.
    pub reconnects: u64,
    /// Sessions moved from polling to WebSocket.
    pub upgrades: u64,
    /// Answers that nobody waited for any more.
    pub stray_acks: u64,
    /// Volatile events dropped.
    pub dropped: u64,
}

/// How long the server takes to answer, from emits with an ack.
///
/// ```
/// use pesan::socketio::proto::Latency;
/// use std::time::Duration;
///
/// let calm = |latency: &Latency| latency.average < Duration::from_millis(100);
/// # let _ = calm;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Latency {
    /// Last one.
    pub last: Duration,
    /// Average in which each new one counts an eighth, as in TCP.
    pub average: Duration,
    /// Shortest one.
    pub best: Duration,
    /// Longest one.
    pub worst: Duration,
    /// How many.
    pub samples: u64,
}

/// The same in whole numbers; only who asks makes times of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answers {
    last: u64,
    average_micros: u64,
    best: u64,
    worst: u64,
    count: u64,
}

impl Answers {
    fn add(&mut self, millis: u64) {
        // Enough for weeks, and never too much to be multiplied.
        let micros = millis.min(u32::MAX.into()) * 1000;
        self.last = millis;
        self.worst = self.worst.max(millis);
        if self.count == 0 {
            self.best = millis;
            self.average_micros = micros;
        }
        self.best = self.best.min(millis);
        self.average_micros = (self.average_micros * 7 + micros) / 8;
        self.count += 1;
    }

    fn latency(&self) -> Option<Latency> {
        (self.count > 0).then(|| Latency {
            last: Duration::from_millis(self.last),
            average: Duration::from_micros(self.average_micros),
            best: Duration::from_millis(self.best),
            worst: Duration::from_millis(self.worst),
            samples: self.count,
        })
    }
}

impl Machine {
    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Round-trip times; `None` until the first answer to an emit with an ack.
    #[must_use]
    pub fn latency(&self) -> Option<Latency> {
        self.answers.latency()
    }

    /// When the server last pinged on this connection. A gap much longer than
    /// [`ping_interval`](Self::ping_interval) means a slow network or a tab that slept.
    #[must_use]
    pub fn last_ping(&self) -> Option<Timestamp> {
        self.session()?.last_ping()
    }

    /// How often the server of this connection pings.
    #[must_use]
    pub fn ping_interval(&self) -> Option<Duration> {
        Some(self.session()?.handshake()?.ping_interval)
    }

    pub(super) fn answered_after(&mut self, millis: u64) {
        self.answers.add(millis);
    }

    pub(super) fn count_in(&mut self, frame: &Frame) {
        self.stats.frames_in += 1;
        self.stats.bytes_in += frame.len() as u64;
    }

    pub(super) fn count_out(&mut self, frame: &Frame) {
        self.stats.frames_out += 1;
        self.stats.bytes_out += frame.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_slowly() {
        let millis = Duration::from_millis;
        let mut answers = Answers::default();
        assert_eq!(answers.latency(), None);
        answers.add(80);
        answers.add(160);
        let second = answers.latency().expect("two answers");
        assert_eq!(second.last, millis(160));
        assert_eq!(second.average, millis(90));
        assert_eq!(
            (second.best, second.worst, second.samples),
            (millis(80), millis(160), 2)
        );
    }
}
