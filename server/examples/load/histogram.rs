//! Latencies in buckets that are two per cent wide.

/// Counts of microseconds.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

const PER_DOUBLING: f64 = 35.0;

impl Histogram {
    /// Counts one latency.
    pub(crate) fn record(&mut self, micros: u64) {
        let bucket = ((micros.max(1) as f64).log2() * PER_DOUBLING) as usize;
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
    }

    /// Latency below which this share of all lies, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut left = (self.count as f64 * share) as u64;
        for (bucket, count) in self.buckets.iter().enumerate() {
            if *count > left {
                return (bucket as f64 / PER_DOUBLING).exp2();
            }
            left -= count;
        }
        0.0
    }
}
