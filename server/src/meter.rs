//! Counters, gauges and histograms: those of the crate `metrics`, or nothing without the feature `metrics`.

#[cfg(feature = "metrics")]
pub(crate) use metrics::{Counter, Gauge, counter, gauge, histogram};

#[cfg(not(feature = "metrics"))]
pub(crate) use nothing::{Counter, Gauge, Histogram, counter, gauge, histogram};

#[cfg(not(feature = "metrics"))]
mod nothing {
    use std::time::Duration;

    /// Counter that counts nothing.
    #[derive(Debug, Clone)]
    pub(crate) struct Counter;

    impl Counter {
        pub(crate) fn increment(&self, _: u64) {}
    }

    /// Gauge that shows nothing.
    #[derive(Debug, Clone)]
    pub(crate) struct Gauge;

    impl Gauge {
        pub(crate) fn increment(&self, _: f64) {}

        pub(crate) fn decrement(&self, _: f64) {}
    }

    /// Histogram that records nothing.
    #[derive(Debug, Clone)]
    pub(crate) struct Histogram;

    impl Histogram {
        pub(crate) fn record(&self, _: Duration) {}
    }

    macro_rules! meter {
        ($macro:ident, $kind:ident, $dollar:tt) => {
            macro_rules! $macro {
                ($dollar name:literal $dollar(, $dollar label:literal => $dollar value:expr)* $dollar(,)?) => {{
                    $dollar(let _ = &$dollar value;)*
                    $crate::meter::$kind
                }};
            }
            pub(crate) use $macro;
        };
    }
    meter!(counter, Counter, $);
    meter!(gauge, Gauge, $);
    meter!(histogram, Histogram, $);
}
