//! Clock for removing old messages. Protects the history from a system clock that jumps far ahead.

use std::time::{Duration, Instant};

/// Largest jump that is accepted, while the server runs or between two runs: the machine may have been off that long.
const TOLERANCE: Duration = Duration::from_secs(3 * 86_400);
/// Time for which a clock must run steadily after a larger jump before it is trusted.
const PROBATION: Duration = Duration::from_secs(86_400);

/// Time between two warnings, and between two notes of the time in the store.
const HOUR: Duration = Duration::from_secs(3600);

/// Clock that follows the system clock, except for jumps ahead.
#[derive(Debug)]
pub(super) struct TrimClock {
    /// Last trusted time, in milliseconds since 1970, and when that was.
    trusted: u64,
    at: Instant,
    /// Since when the system clock is ahead, and by how much.
    ahead: Option<(Instant, u64)>,
    warned_at: Option<Instant>,
    noted_at: Option<Instant>,
}

impl TrimClock {
    /// Clock that starts at a time that is known to be correct; `None` for a history without messages.
    pub(super) fn new(known: Option<u64>, system: u64, now: Instant) -> Self {
        Self {
            trusted: known.unwrap_or(system),
            at: now,
            ahead: None,
            warned_at: None,
            noted_at: None,
        }
    }

    /// Trusted time, given the system clock's time `system`.
    pub(super) fn time(&mut self, system: u64, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at);
        let expected = self.trusted.saturating_add(millis(passed));
        let jump = system.saturating_sub(expected);
        if jump > millis(TOLERANCE) {
            let (since, first) = *self.ahead.get_or_insert((now, jump));
            let even = jump.abs_diff(first) < millis(TOLERANCE);
            if !even {
                self.ahead = Some((now, jump));
            } else if now.saturating_duration_since(since) >= PROBATION {
                tracing::warn!("the system clock is trusted again: it ran steadily for a day");
                self.ahead = None;
                (self.trusted, self.at) = (system, now);
                return system;
            }
            if self.warned_at.is_none_or(|at| now >= at + HOUR) {
                self.warned_at = Some(now);
                tracing::warn!(
                    days = jump / 86_400_000,
                    "the system clock is far ahead of the last stored time; it is ignored for removing old messages until it is \
                     corrected or has run steadily for a day"
                );
            }
            return expected;
        }
        self.ahead = None;
        (self.trusted, self.at) = (system, now);
        system
    }

    /// Trusted time, once an hour, to be noted in the store: without new messages the store has no recent time.
    pub(super) fn take_due_note(&mut self, now: Instant) -> Option<u64> {
        let due = self.noted_at.is_none_or(|at| now >= at + HOUR);
        due.then(|| {
            self.noted_at = Some(now);
            self.trusted
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;
    const BEGIN: u64 = 20_000 * DAY;

    fn days(number: u64) -> Duration {
        Duration::from_millis(number * DAY)
    }

    #[test]
    fn trim_clock_far_ahead_is_ignored_until_it_is_corrected() {
        let start = Instant::now();
        let mut clock = TrimClock::new(Some(BEGIN), BEGIN + 3650 * DAY, start);
        assert_eq!(clock.time(BEGIN + 3650 * DAY, start), BEGIN);
        let hour = start + Duration::from_secs(3600);
        assert_eq!(clock.time(BEGIN + 3650 * DAY, hour), BEGIN + 3_600_000);
        assert_eq!(clock.time(BEGIN + DAY, hour), BEGIN + DAY);
    }

    #[test]
    fn trim_clock_jumping_while_running_is_ignored() {
        let start = Instant::now();
        let mut clock = TrimClock::new(None, BEGIN, start);
        assert_eq!(clock.time(BEGIN + DAY, start + days(1)), BEGIN + DAY);
        assert_eq!(clock.time(BEGIN + 300 * DAY, start + days(1)), BEGIN + DAY);
        // short jumps ahead and clocks that go back are accepted
        assert_eq!(clock.time(BEGIN + 3 * DAY, start + days(1)), BEGIN + 3 * DAY);
        assert_eq!(clock.time(BEGIN, start + days(1)), BEGIN);
    }

    #[test]
    fn trim_clock_steady_for_a_day_is_trusted() {
        let start = Instant::now();
        let mut clock = TrimClock::new(Some(BEGIN), BEGIN, start);
        assert_eq!(clock.time(BEGIN + 100 * DAY, start), BEGIN);
        assert_eq!(
            clock.time(BEGIN + 200 * DAY, start + days(1)),
            BEGIN + DAY,
            "it jumped again"
        );
        assert_eq!(clock.time(BEGIN + 201 * DAY, start + days(2)), BEGIN + 201 * DAY);
    }
}
