//! The browser's time: never backwards, and with the hours that the machine slept.

use js_sys::Date;
use web_sys::Performance;

use super::global;
use crate::socketio::Timestamp;

/// Difference between the two clocks, in milliseconds, from which on the machine is taken to have slept.
const SLEPT: f64 = 2_000.0;

/// Milliseconds after a reading of both clocks during which `Date.now()` alone is read: it is several times faster, and
/// the time is asked for at every frame.
const SOON: f64 = 50.0;

/// Monotonic time from two clocks.
///
/// `performance.now()` may stand still while the machine sleeps, `Date.now()` may be set back.
pub(crate) struct Clock {
    performance: Option<Performance>,
    elapsed: Elapsed,
}

/// Milliseconds since the start.
struct Elapsed {
    /// What the clocks showed when both were read, and the time that it was then.
    monotonic: f64,
    wall: f64,
    at_reading: f64,
    /// Latest time that was returned.
    latest: f64,
}

impl Clock {
    /// Clock that starts at zero, now.
    pub(crate) fn start() -> Self {
        let performance = global::performance();
        let wall = Date::now();
        let monotonic = performance.as_ref().map_or(wall, Performance::now);
        Self {
            performance,
            elapsed: Elapsed::new(wall, monotonic),
        }
    }

    /// Moment at which it is called.
    pub(crate) fn now(&mut self) -> Timestamp {
        let wall = Date::now();
        let monotonic = || self.performance.as_ref().map_or(wall, Performance::now);
        self.elapsed.update(wall, monotonic)
    }
}

impl Elapsed {
    fn new(wall: f64, monotonic: f64) -> Self {
        Self {
            monotonic,
            wall,
            at_reading: 0.0,
            latest: 0.0,
        }
    }

    fn update(&mut self, wall: f64, monotonic: impl FnOnce() -> f64) -> Timestamp {
        let passed = wall - self.wall;
        let mut elapsed = self.at_reading + passed;
        if !(0.0..SOON).contains(&passed) {
            let monotonic = monotonic();
            elapsed = self.at_reading + step(monotonic - self.monotonic, passed);
            (self.monotonic, self.wall, self.at_reading) = (monotonic, wall, elapsed);
        }
        self.latest = self.latest.max(elapsed);
        Timestamp::from_millis(self.latest as u64)
    }
}

/// Milliseconds that passed, by what each clock says.
fn step(monotonic: f64, wall: f64) -> f64 {
    if wall - monotonic > SLEPT {
        wall
    } else {
        monotonic.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// What a clock says at readings of `Date.now()` and `performance.now()`, both from 1000 on.
    fn told<const N: usize>(readings: [(f64, f64); N]) -> [u64; N] {
        let mut elapsed = Elapsed::new(1_000.0, 1_000.0);
        readings.map(|(wall, monotonic)| {
            let now = elapsed.update(1_000.0 + wall, || 1_000.0 + monotonic);
            now.millis_since(Timestamp::default())
        })
    }

    #[wasm_bindgen_test]
    fn sleep_counts_and_a_clock_turned_back_does_not() {
        assert_eq!(told([(5.0, 5.5), (60_000.0, 70.0)]), [5, 60_000]);
        assert_eq!(told([(500.0, 500.5), (-60_000.0, 520.5)]), [500, 520]);
        assert_eq!(
            told([(-60_000.0, 5.0), (-59_980.0, 25.0), (-59_900.0, 105.0)]),
            [5, 25, 105]
        );
    }

    #[wasm_bindgen_test]
    fn a_clock_put_forward_a_little_is_noticed_and_time_does_not_go_back() {
        assert_eq!(told([(40.0, 5.0), (60.0, 25.0), (61.0, 26.0)]), [40, 40, 40]);
        assert_eq!(told([(40.0, 5.0), (60.0, 25.0), (100.0, 65.0)]), [40, 40, 65]);
    }
}
