//! Time for removing old messages. A clock that jumps far ahead must not remove the whole history.

use std::time::{Duration, Instant};

/// Jump of the clock, while the server runs or between two runs, that may be a suspended machine or a holiday.
const TOLERANCE: Duration = Duration::from_secs(3 * 86_400);
/// Time that a clock must go on evenly after a larger jump before it is believed.
const PROBATION: Duration = Duration::from_secs(86_400);

/// Time between two lines of the log about it, and between two notes of the time in the file.
const HOURLY: Duration = Duration::from_secs(3600);

/// Clock that follows the system's, except for jumps ahead.
#[derive(Debug)]
pub(super) struct TrimClock {
    /// Time that was believed last, in milliseconds since 1970, and when.
    believed: u64,
    at: Instant,
    /// Since when the system's clock is ahead, and by how much.
    ahead: Option<(Instant, u64)>,
    complained: Option<Instant>,
    noted: Option<Instant>,
}

impl TrimClock {
    /// Clock that goes on from a time that was known to be right; `None` for a history without messages.
    pub(super) fn new(known: Option<u64>, system: u64, now: Instant) -> Self {
        Self {
            believed: known.unwrap_or(system),
            at: now,
            ahead: None,
            complained: None,
            noted: None,
        }
    }

    /// The time to remove by, when the system's clock says `system`.
    pub(super) fn time(&mut self, system: u64, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.at);
        let expected = self.believed.saturating_add(millis(passed));
        let jump = system.saturating_sub(expected);
        if jump > millis(TOLERANCE) {
            let (since, first) = *self.ahead.get_or_insert((now, jump));
            let even = jump.abs_diff(first) < millis(TOLERANCE);
            if !even {
                self.ahead = Some((now, jump));
            } else if now.saturating_duration_since(since) >= PROBATION {
                tracing::warn!("the clock is believed now: it went on evenly for a day");
                self.ahead = None;
                (self.believed, self.at) = (system, now);
                return system;
            }
            if self.complained.is_none_or(|at| now >= at + HOURLY) {
                self.complained = Some(now);
                tracing::warn!(
                    days = jump / 86_400_000,
                    "the clock is far ahead of what was stored last: old messages are removed as if it were not, until \
                     it is set right or has gone on evenly for a day"
                );
            }
            return expected;
        }
        self.ahead = None;
        (self.believed, self.at) = (system, now);
        system
    }

    /// The believed time, when it has to be noted in the store again: a chat without messages shows no time.
    pub(super) fn take_due_note(&mut self, now: Instant) -> Option<u64> {
        let due = self.noted.is_none_or(|at| now >= at + HOURLY);
        due.then(|| {
            self.noted = Some(now);
            self.believed
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
    fn clock_far_ahead_is_not_believed_and_one_that_is_set_right_is() {
        let start = Instant::now();
        let mut clock = TrimClock::new(Some(BEGIN), BEGIN + 3650 * DAY, start);
        assert_eq!(clock.time(BEGIN + 3650 * DAY, start), BEGIN);
        let hour = start + Duration::from_secs(3600);
        assert_eq!(clock.time(BEGIN + 3650 * DAY, hour), BEGIN + 3_600_000);
        assert_eq!(clock.time(BEGIN + DAY, hour), BEGIN + DAY);
    }

    #[test]
    fn clock_that_jumps_while_the_server_runs_is_not_believed() {
        let start = Instant::now();
        let mut clock = TrimClock::new(None, BEGIN, start);
        assert_eq!(clock.time(BEGIN + DAY, start + days(1)), BEGIN + DAY);
        assert_eq!(clock.time(BEGIN + 300 * DAY, start + days(1)), BEGIN + DAY);
        // ordinary holidays and clocks that go back are no matter
        assert_eq!(clock.time(BEGIN + 3 * DAY, start + days(1)), BEGIN + 3 * DAY);
        assert_eq!(clock.time(BEGIN, start + days(1)), BEGIN);
    }

    #[test]
    fn clock_that_goes_on_evenly_for_a_day_is_believed() {
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
