//! Chance that can be repeated: the same seed gives the same samples on every machine (SplitMix64, Steele et al. 2014).

/// A source of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to `count - 1`; 0 where there is nothing to choose from.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        match u64::try_from(count) {
            Ok(0) | Err(_) => 0,
            Ok(count) => usize::try_from(self.number() % count).unwrap_or(0),
        }
    }

    /// True in this part of all cases, 0 to 1.
    pub(crate) fn chance(&mut self, part: f64) -> bool {
        // 53 bits are what a double holds exactly.
        ((self.number() >> 11) as f64) < part * (1u64 << 53) as f64
    }
}

/// A seed of its own for each text (FNV-1a), so that the same request gets the same answer.
pub(crate) fn seed_of(seed: u64, text: &[u8]) -> u64 {
    let start = 0xCBF2_9CE4_8422_2325 ^ seed;
    text.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3))
}
