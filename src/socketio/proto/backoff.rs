//! How long to wait before the next attempt.
//!
//! ```text
//! middle = min(delay * 2^attempts, delay_max)
//! pause  = evenly from [middle * (1 - randomization), min(middle * (1 + randomization), delay_max)]
//! ```
//!
//! Up to the cap the range is the official client's. The official one cuts after it has drawn, so that from the
//! fifth attempt on every client waits exactly the cap and a restarted server is met by all of them at once, and
//! its `2^n` overflows after about a thousand attempts, from where half of its pauses are zero. Here the range
//! itself ends at the cap: no pause is longer than it, and at the cap the pauses still spread over half of it.

use std::time::Duration;

use super::rng::Chance;

/// When a lost connection is tried again. Defaults are the official client's.
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
    /// Whether to try again at all. Defaults to `true`.
    pub enabled: bool,
    /// Attempts before giving up; `None`, the default, never does. `Some(0)` gives up at once.
    pub attempts: Option<u32>,
    /// Pause before the first attempt, in the middle of its range. Defaults to 1 s.
    pub delay: Duration,
    /// Longest pause, which chance never exceeds. Defaults to 5 s.
    pub delay_max: Duration,
    /// Share of the pause that chance may take away or add, 0 to 1. Defaults to 0.5.
    pub randomization: f64,
}

/// Longest pause that any setting leads to, in milliseconds: what a browser's timer can hold.
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
    /// Pause before attempt number `attempt`, which counts from 1.
    pub(super) fn pause(&self, attempt: u32, chance: &mut Chance) -> Duration {
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
        Duration::from_micros(((least + (most - least) * chance.unit()) * 1000.0) as u64)
    }

    /// Whether attempt number `attempt` is one too many.
    pub(super) fn is_spent(&self, attempt: u32) -> bool {
        self.attempts.is_some_and(|most| attempt > most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(attempt: u32, policy: &Reconnection) -> Vec<u128> {
        let mut chance = Chance::new(42);
        (0..20_000)
            .map(|_| policy.pause(attempt, &mut chance).as_millis())
            .collect()
    }

    #[test]
    fn pauses_double_within_the_official_ranges_up_to_the_cap() {
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
    fn pauses_at_the_cap_are_spread_evenly() {
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
    fn without_randomization_the_pause_is_exact() {
        let policy = Reconnection {
            randomization: 0.0,
            ..Reconnection::default()
        };
        for (attempt, expected) in [(1, 1000), (2, 2000), (3, 4000), (4, 5000), (5, 5000)] {
            assert_eq!(pauses(attempt, &policy)[0], expected);
        }
    }

    #[test]
    fn senseless_settings_do_no_harm() {
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
