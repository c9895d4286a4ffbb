//! Reconnection delay: exponential backoff with jitter.
//!
//! ```text
//! middle = min(delay * 2^attempts, delay_max)
//! delay  = uniform in [middle * (1 - randomization), min(middle * (1 + randomization), delay_max)]
//! ```
//!
//! Up to the cap the range is the same as in the official client. That one applies the cap after the jitter, so that from
//! the fifth attempt on all clients wait exactly as long as the cap and reach a restarted server at the same time. Its
//! `2^n` also overflows after about a thousand attempts, after which half of its delays are zero. Here the range itself
//! ends at the cap: no delay exceeds it, and delays at the cap are spread over half of it.

use std::time::Duration;

use super::rng::Rng;

/// Reconnection settings. The defaults are those of the official client.
///
/// ```
/// use pesan::socketio::proto::Reconnection;
/// use std::time::Duration;
///
/// let patient = Reconnection { delay_max: Duration::from_secs(30), ..Reconnection::default() };
/// assert_eq!(patient.delay, Duration::from_secs(1));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reconnection {
    /// Whether to reconnect. Defaults to `true`.
    pub enabled: bool,
    /// Maximum of attempts. Defaults to `None`, which is unlimited. `Some(0)` never reconnects.
    pub attempts: Option<u32>,
    /// Delay before the first attempt, before jitter. Defaults to 1 s.
    pub delay: Duration,
    /// Maximum delay, including jitter. Defaults to 5 s.
    pub delay_max: Duration,
    /// Jitter: fraction of the delay that is randomly added or subtracted, 0 to 1. Defaults to 0.5.
    pub randomization: f64,
}

/// Maximum delay for any settings, in milliseconds: the range of a browser's timer.
const LONGEST: f64 = i32::MAX as f64;

fn millis(duration: Duration) -> f64 {
    duration.as_secs() as f64 * 1e3 + f64::from(duration.subsec_nanos()) / 1e6
}

impl Default for Reconnection {
    fn default() -> Self {
        Self {
            enabled: true,
            attempts: None,
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(5),
            randomization: 0.5,
        }
    }
}

impl Reconnection {
    /// Delay before attempt number `attempt`, from 1.
    pub(super) fn delay(&self, attempt: u32, rng: &mut Rng) -> Duration {
        let cap = millis(self.delay_max).min(LONGEST);
        let doublings = attempt.saturating_sub(1).min(31);
        let middle = (millis(self.delay) * (1u64 << doublings) as f64).min(cap);
        let share = if self.randomization.is_finite() {
            self.randomization.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let least = middle * (1.0 - share);
        let most = (middle * (1.0 + share)).min(cap);
        Duration::from_micros(((least + (most - least) * rng.next_unit()) * 1000.0) as u64)
    }

    /// Whether attempt number `attempt` exceeds the maximum.
    pub(super) fn is_exhausted(&self, attempt: u32) -> bool {
        self.attempts.is_some_and(|most| attempt > most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(attempt: u32, policy: &Reconnection) -> Vec<u128> {
        let mut rng = Rng::new(42);
        (0..20_000)
            .map(|_| policy.delay(attempt, &mut rng).as_millis())
            .collect()
    }

    #[test]
    fn backoff_doubles_within_official_ranges_up_to_the_cap() {
        let policy = Reconnection::default();
        for (attempt, least, most) in [
            (1, 500, 1500),
            (2, 1000, 3000),
            (3, 2000, 5000),
            (4, 2500, 5000),
            (1000, 2500, 5000),
            (u32::MAX, 2500, 5000),
        ] {
            let pauses = pauses(attempt, &policy);
            let (low, high) = (pauses.iter().min().copied(), pauses.iter().max().copied());
            let width = (most - least) / 50;
            assert!(
                low.is_some_and(|low| (least..=least + width).contains(&low)),
                "{attempt}: {low:?}"
            );
            assert!(
                high.is_some_and(|high| (most - width..=most).contains(&high)),
                "{attempt}: {high:?}"
            );
        }
    }

    #[test]
    fn backoff_at_the_cap_is_uniform() {
        let mut tenths = [0u32; 10];
        for pause in pauses(50, &Reconnection::default()) {
            let tenth = usize::try_from((pause - 2500) / 250).expect("small").min(9);
            tenths[tenth] += 1;
        }
        assert!(
            tenths.iter().all(|count| (1800..2200).contains(count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn backoff_without_randomization_is_exact() {
        let policy = Reconnection {
            randomization: 0.0,
            ..Reconnection::default()
        };
        for (attempt, expected) in [(1, 1000), (2, 2000), (3, 4000), (4, 5000), (5, 5000)] {
            assert_eq!(pauses(attempt, &policy)[0], expected);
        }
    }

    #[test]
    fn backoff_with_extreme_settings_is_capped() {
        for randomization in [f64::NAN, f64::INFINITY, -1.0, 9.0] {
            let policy = Reconnection {
                delay: Duration::MAX,
                delay_max: Duration::MAX,
                randomization,
                ..Reconnection::default()
            };
            let longest = LONGEST as u128;
            assert!(pauses(u32::MAX, &policy).iter().all(|pause| *pause <= longest));
        }
    }
}
