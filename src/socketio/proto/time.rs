//! Time of the client without I/O: a number that is passed in. Drivers read a monotonic clock; tests count.

use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Maximum of seconds whose milliseconds fit 64 bits.
const MOST_SECS: u64 = u64::MAX / 1000;

/// Time of a monotonic clock, in milliseconds.
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
    /// Milliseconds plus one, so that an `Option` has the same size.
    NonZeroU64,
);

impl Timestamp {
    /// Time `millis` milliseconds after the clock's origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(millis))
    }

    /// Milliseconds since the clock's origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get() - 1
    }

    /// Duration since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis_since(earlier))
    }

    /// Milliseconds since `earlier`; zero if that is later.
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

    /// Saturates, and rounds fractions of a millisecond up, so that no deadline is early.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

/// Milliseconds, rounded up. Avoids 128-bit arithmetic, which is slow in WebAssembly.
fn millis(duration: Duration) -> u64 {
    let rest = duration.subsec_nanos().div_ceil(1_000_000);
    match duration.as_secs() {
        secs @ 0..=MOST_SECS => (secs * 1000).saturating_add(rest.into()),
        _ => u64::MAX,
    }
}

/// Deadline `limit` after `now`; `None` without a limit.
pub(crate) fn deadline_after(now: Timestamp, limit: Option<Duration>) -> Option<Timestamp> {
    limit.map(|limit| now + limit)
}

/// Earlier of two optional deadlines.
pub(crate) fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
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
    fn timestamp_plus_fraction_rounds_up() {
        let start = Timestamp::from_millis(10);
        assert_eq!(start + Duration::from_micros(1), Timestamp::from_millis(11));
    }

    #[test]
    fn timestamp_overflow_saturates() {
        let start = Timestamp::from_millis(10);
        assert_eq!(start + Duration::MAX, Timestamp::from_millis(u64::MAX));
        assert_eq!(start - Timestamp::from_millis(11), Duration::ZERO);
    }
}
