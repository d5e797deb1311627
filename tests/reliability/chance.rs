//! Chance that can be repeated: one seed a test, printed when the test fails.

/// SplitMix64: small, and good enough to choose where to hit.
#[derive(Debug)]
pub struct Chance {
    state: u64,
    /// To be told when a test fails.
    seed: Option<u64>,
}

impl Chance {
    /// Seeded by `SPIRELEDGER_CRASH_SEED`, or else by `default`.
    pub fn new(default: u64) -> Self {
        let told = std::env::var("SPIRELEDGER_CRASH_SEED").ok();
        let seed = told.map_or(default, |seed| seed.parse().expect("the seed is a number"));
        Self { state: seed, seed: Some(seed) }
    }

    /// Chance that follows from another one.
    pub fn following(chance: u64) -> Self {
        Self { state: chance, seed: None }
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Below `end`, small numbers more often: some rounds are short.
    pub fn mostly_small(&mut self, end: u64) -> u64 {
        let end = self.below(end) + 1;
        self.below(end)
    }
}

impl Drop for Chance {
    fn drop(&mut self) {
        if let Some(seed) = self.seed.filter(|_| std::thread::panicking()) {
            eprintln!("to see this again: SPIRELEDGER_CRASH_SEED={seed}");
        }
    }
}
