//! Chance that can be had again: a test prints its seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// The generator called splitmix64.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// With this seed; a new one if there is none.
    pub fn new(seed: Option<u64>) -> Self {
        Self(seed.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a date");
            now.as_secs() ^ u64::from(now.subsec_nanos())
        }))
    }

    /// With the seed in this environment variable, if it is there.
    #[allow(clippy::disallowed_methods, reason = "that is where a seed comes from")]
    pub fn of(variable: &str) -> Self {
        let given = std::env::var(variable).ok();
        Self::new(given.map(|text| text.parse().expect("a seed is a number")))
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = (mixed ^ (mixed >> 31)) >> 33;
        usize::try_from(mixed).expect("31 bits") % bound
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, among: &[&'a T]) -> &'a T {
        among[self.below(among.len())]
    }
}
