//! Time as the machine sees it: a number that is passed in.
//!
//! Drivers read a monotonic clock and convert; tests just count.

use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Most seconds whose milliseconds fit 64 bits.
const MOST_SECS: u64 = u64::MAX / 1000;

/// Moment on a monotonic clock, with the resolution of a millisecond.
///
/// ```
/// use std::time::Duration;
/// use pesan::socketio::Timestamp;
///
/// let start = Timestamp::from_millis(1000);
/// let due = start + Duration::from_secs(25);
/// assert_eq!(due.as_millis(), 26_000);
/// assert_eq!(due.since(start), Duration::from_secs(25));
/// assert_eq!(start.since(due), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    /// One more than the milliseconds, so that an `Option` of it is no larger.
    NonZeroU64,
);

impl Timestamp {
    /// Moment `millis` milliseconds after the clock's origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis))
    }

    /// Milliseconds since the clock's origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get() - 1
    }

    /// Time from `earlier` until this moment; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis_since(earlier))
    }

    /// The same in milliseconds.
    pub(crate) const fn millis_since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }
}

impl Default for Timestamp {
    fn default() -> Self {
        Self::from_millis(0)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates, and rounds a part of a millisecond up so that a deadline never comes early.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

/// Milliseconds, a part of one counted as a whole one; without 128-bit arithmetic, which a browser lacks.
fn millis(duration: Duration) -> u64 {
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    match duration.as_secs() {
        secs @ 0..=MOST_SECS => (secs * 1000).saturating_add(rest.into()),
        _ => u64::MAX,
    }
}

/// When a time that begins `now` is over; `None` when there is no limit.
pub(crate) fn after(now: Timestamp, limit: Option<Duration>) -> Option<Timestamp> {
    limit.map(|limit| now + limit)
}

/// Earlier one of two moments, or the one that there is.
pub(crate) fn sooner(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, None) => one,
        (None, other) => other,
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_never_comes_early() {
        let start = Timestamp::from_millis(10);
        assert_eq!(start + Duration::from_micros(1), Timestamp::from_millis(11));
    }

    #[test]
    fn the_end_of_time_is_not_an_overflow() {
        let start = Timestamp::from_millis(10);
        assert_eq!(start + Duration::MAX, Timestamp::from_millis(u64::MAX));
        assert_eq!(start - Timestamp::from_millis(11), Duration::ZERO);
    }
}
