//! Counters and round-trip times, for an inspector.

use std::time::Duration;

/// Counters of a connection since it was created.
///
/// ```
/// use pesan::socketio::proto::{Config, Connection};
///
/// let connection = Connection::new(Config::new("http://localhost".parse().expect("legal")), 1);
/// assert_eq!(connection.stats().frames_out, 0);
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
    /// Events sent, counting each try of a retried event.
    pub events_out: u64,
    /// Pings answered.
    pub pings: u64,
    /// Connections opened.
    pub opens: u64,
    /// Connections opened by an attempt to reconnect.
    pub reconnects: u64,
    /// Sessions moved from polling to WebSocket.
    pub upgrades: u64,
    /// Acks that arrived after the program stopped waiting.
    pub stray_acks: u64,
    /// Volatile events dropped.
    pub dropped: u64,
}

/// Round-trip times, measured on events with an ack.
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
    /// Last sample.
    pub last: Duration,
    /// Moving average with a weight of 1/8 for each new sample, as in TCP.
    pub average: Duration,
    /// Shortest sample.
    pub best: Duration,
    /// Longest sample.
    pub worst: Duration,
    /// Number of samples.
    pub samples: u64,
}

/// Round-trip times in milliseconds, from which [`Latency`] is computed on request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RttSamples {
    last: u64,
    average_micros: u64,
    best: u64,
    worst: u64,
    count: u64,
}

impl RttSamples {
    pub(super) fn add(&mut self, millis: u64) {
        // Capped so that the multiplication cannot overflow.
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

    pub(super) fn latency(&self) -> Option<Latency> {
        (self.count > 0).then(|| Latency {
            last: Duration::from_millis(self.last),
            average: Duration::from_micros(self.average_micros),
            best: Duration::from_millis(self.best),
            worst: Duration::from_millis(self.worst),
            samples: self.count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtt_average_weighs_new_sample_one_eighth() {
        let millis = Duration::from_millis;
        let mut samples = RttSamples::default();
        assert_eq!(samples.latency(), None);
        samples.add(80);
        samples.add(160);
        let second = samples.latency().expect("two rtt");
        assert_eq!(second.last, millis(160));
        assert_eq!(second.average, millis(90));
        assert_eq!(
            (second.best, second.worst, second.samples),
            (millis(80), millis(160), 2)
        );
    }
}
