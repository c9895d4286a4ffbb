//! Seeded pseudo-random numbers (SplitMix64): the same seed gives the same sequence on every platform.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, fast, and good enough for jitter.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// Generator with this seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Next 64 bits.
    pub(super) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Next number in `0.0 ..= 1.0`.
    pub(super) fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / ((1u64 << 53) - 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rng_sequence_is_the_published_one() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn rng_units_are_in_range_and_uniform() {
        let mut rng = Rng::new(7);
        let units: Vec<f64> = (0..10_000).map(|_| rng.next_unit()).collect();
        assert!(units.iter().all(|unit| (0.0..=1.0).contains(unit)));
        let mean = units.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }
}
