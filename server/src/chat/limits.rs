//! How often someone may ask for something: a bucket that fills again with time.

use std::time::Instant;

use pesan::protocol::{ChatError, ChatErrorCode};

use super::text::refusal;

/// Longest wait that anyone is told, in seconds.
const LONGEST: f64 = 3600.0;

/// Bucket of tokens; each request takes some.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: f64,
    most: f64,
    left: f64,
    since: Instant,
}

impl Bucket {
    /// A full one, with `rate` tokens a second.
    pub(super) fn new(rate: f64, most: f64, now: Instant) -> Self {
        let most = most.max(1.0);
        Self {
            rate,
            most,
            left: most,
            since: now,
        }
    }

    /// Whether it is as it was at first; in any case after the longest wait that anyone is told.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.left + passed * self.rate >= self.most || passed >= LONGEST
    }

    /// Takes one token.
    ///
    /// # Errors
    /// [`ChatErrorCode::TooFast`] with the seconds to wait.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), ChatError> {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.left = (self.left + passed * self.rate).min(self.most);
        self.since = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        let wait = ((1.0 - self.left) / self.rate).clamp(1.0, LONGEST).ceil();
        Err(refusal(ChatErrorCode::TooFast, wait))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(2.0, 3.0, begin);
        for _ in 0..3 {
            assert_eq!(bucket.take(begin), Ok(()));
        }
        assert_eq!(bucket.take(begin), Err(refusal(ChatErrorCode::TooFast, 1)));
        assert_eq!(bucket.take(begin + Duration::from_millis(500)), Ok(()));
        let later = begin + Duration::from_secs(60);
        let taken = (0..10).filter(|_| bucket.take(later).is_ok()).count();
        assert_eq!(taken, 3);
    }

    #[test]
    fn a_slow_bucket_says_how_long_it_takes() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(0.1, 1.0, begin);
        assert_eq!(bucket.take(begin), Ok(()));
        assert_eq!(bucket.take(begin), Err(refusal(ChatErrorCode::TooFast, 10)));
    }
}
