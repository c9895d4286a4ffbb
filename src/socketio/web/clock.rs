//! The browser's time: never backwards, and with the hours that the machine slept.

use super::browser;
use crate::socketio::Timestamp;

/// Difference between the two clocks, in milliseconds, from which on the machine is taken to have slept.
const SLEPT: f64 = 2_000.0;

/// Clock that puts `performance.now()`, which may stand still while the machine sleeps, and `Date.now()`, which
/// somebody may turn back, together.
pub(crate) struct Clock {
    monotonic: f64,
    wall: f64,
    elapsed: f64,
}

impl Clock {
    /// Clock that starts at zero, now.
    pub(crate) fn start() -> Self {
        Self {
            monotonic: browser::monotonic(),
            wall: browser::wall(),
            elapsed: 0.0,
        }
    }

    /// Moment at which it is called.
    pub(crate) fn now(&mut self) -> Timestamp {
        let (monotonic, wall) = (browser::monotonic(), browser::wall());
        self.elapsed += step(monotonic - self.monotonic, wall - self.wall);
        (self.monotonic, self.wall) = (monotonic, wall);
        Timestamp::from_millis(self.elapsed as u64)
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

    #[wasm_bindgen_test]
    fn sleep_counts_and_a_clock_turned_back_does_not() {
        assert_eq!(step(5.0, 5.5), 5.0);
        assert_eq!(step(5.0, 60_000.0), 60_000.0);
        assert_eq!(step(5.0, -60_000.0), 5.0);
    }
}
