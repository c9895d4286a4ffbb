//! Limits how often a line is logged, for events that a stranger can cause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Limits the log lines of one kind in each period, and counts those left out. For events that clients can cause.
///
/// ```
/// use std::time::Duration;
/// use pesan_server::log_limit::LogLimit;
///
/// static REFUSED: LogLimit = LogLimit::new(100, Duration::from_secs(60));
///
/// if let Some(left_out) = REFUSED.ready() {
///     tracing::info!(left_out, "refused");
/// }
/// ```
#[derive(Debug)]
pub struct LogLimit {
    max: u32,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Option<Instant>,
    logged: u32,
    left_out: u64,
}

impl LogLimit {
    /// At most `max` lines in each period.
    #[must_use]
    pub const fn new(max: u32, period: Duration) -> Self {
        Self {
            max,
            period,
            state: Mutex::new(State {
                since: None,
                logged: 0,
                left_out: 0,
            }),
        }
    }

    /// One line a minute, for failures that last.
    #[must_use]
    pub const fn once_a_minute() -> Self {
        Self::new(1, Duration::from_secs(60))
    }

    /// `Some` if a line may be logged now, with the number of lines left out since the last one.
    pub fn ready(&self) -> Option<u64> {
        self.ready_at(Instant::now())
    }

    fn ready_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now >= since + self.period) {
            state.since = Some(now);
            state.logged = 0;
        }
        if state.logged >= self.max {
            state.left_out += 1;
            return None;
        }
        state.logged += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_beyond_the_limit_are_counted_and_reported_later() {
        let limit = LogLimit::new(2, Duration::from_secs(60));
        let begin = Instant::now();
        let logged: Vec<Option<u64>> = (0..5).map(|_| limit.ready_at(begin)).collect();
        assert_eq!(logged, [Some(0), Some(0), None, None, None]);
        assert_eq!(limit.ready_at(begin + Duration::from_secs(59)), None);
        assert_eq!(limit.ready_at(begin + Duration::from_secs(60)), Some(4));
        assert_eq!(limit.ready_at(begin + Duration::from_secs(60)), Some(0));
    }

    #[test]
    fn log_limit_of_lasting_failure_is_once_a_minute() {
        let (limit, begin) = (LogLimit::once_a_minute(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(limit.ready_at(begin), Some(0));
        for second in 1..60 {
            assert_eq!(limit.ready_at(at(second)), None);
        }
        assert_eq!(limit.ready_at(at(60)), Some(59));
        assert_eq!(limit.ready_at(at(61)), None);
    }
}
