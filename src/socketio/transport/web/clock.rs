//! Monotonic clock of the browser that includes the time for which the computer slept.

use js_sys::{Date, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Performance;

use crate::socketio::proto::Timestamp;

/// Difference between the two clocks, in milliseconds, above which the computer is assumed to have slept.
const SLEEP_THRESHOLD: f64 = 2_000.0;

/// For this many milliseconds after both clocks were read only `Date.now()` is read. It is several times faster, and the
/// time is needed for every frame.
const RESYNC_INTERVAL: f64 = 50.0;

/// Monotonic time from two clocks.
///
/// `performance.now()` may stop while the computer sleeps, `Date.now()` may be set back.
pub(crate) struct Clock {
    performance: Option<Performance>,
    elapsed: Elapsed,
}

/// Milliseconds since the start.
struct Elapsed {
    /// Readings when both clocks were last read, and the elapsed time then.
    monotonic: f64,
    wall: f64,
    at_reading: f64,
    /// Latest returned time.
    latest: f64,
}

impl Clock {
    /// Clock that starts at zero now.
    pub(crate) fn start() -> Self {
        let performance = performance();
        let wall = Date::now();
        let monotonic = performance.as_ref().map_or(wall, Performance::now);
        Self {
            performance,
            elapsed: Elapsed::new(wall, monotonic),
        }
    }

    /// Current time.
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
        if !(0.0..RESYNC_INTERVAL).contains(&passed) {
            let monotonic = monotonic();
            elapsed = self.at_reading + step(monotonic - self.monotonic, passed);
            (self.monotonic, self.wall, self.at_reading) = (monotonic, wall, elapsed);
        }
        self.latest = self.latest.max(elapsed);
        Timestamp::from_millis(self.latest as u64)
    }
}

/// Milliseconds that have passed, given the difference of each clock.
fn step(monotonic: f64, wall: f64) -> f64 {
    if wall - monotonic > SLEEP_THRESHOLD {
        wall
    } else {
        monotonic.max(0.0)
    }
}

/// Monotonic clock, under the same name on pages and in workers.
fn performance() -> Option<Performance> {
    let performance = Reflect::get(&js_sys::global(), &JsValue::from_str("performance")).ok()?;
    let usable = performance.is_object();
    usable.then(|| performance.unchecked_into())
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    /// Elapsed time at readings of `Date.now()` and `performance.now()`, both counted from 1000.
    fn elapsed_at<const N: usize>(readings: [(f64, f64); N]) -> [u64; N] {
        let mut elapsed = Elapsed::new(1_000.0, 1_000.0);
        readings.map(|(wall, monotonic)| {
            let now = elapsed.update(1_000.0 + wall, || 1_000.0 + monotonic);
            now.millis_since(Timestamp::default())
        })
    }

    #[wasm_bindgen_test]
    fn clock_after_sleep_advances_and_after_date_set_back_does_not_go_back() {
        assert_eq!(elapsed_at([(5.0, 5.5), (60_000.0, 70.0)]), [5, 60_000]);
        assert_eq!(elapsed_at([(500.0, 500.5), (-60_000.0, 520.5)]), [500, 520]);
        assert_eq!(
            elapsed_at([(-60_000.0, 5.0), (-59_980.0, 25.0), (-59_900.0, 105.0)]),
            [5, 25, 105]
        );
    }

    #[wasm_bindgen_test]
    fn clock_after_small_date_change_resyncs_without_going_back() {
        assert_eq!(
            elapsed_at([(40.0, 5.0), (60.0, 25.0), (61.0, 26.0)]),
            [40, 40, 40]
        );
        assert_eq!(
            elapsed_at([(40.0, 5.0), (60.0, 25.0), (100.0, 65.0)]),
            [40, 40, 65]
        );
    }
}
