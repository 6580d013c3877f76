//! New ids.

/// Makes UUIDs, no two alike: of version 4 by their form, though not drawn but counted and scrambled.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    seed: u128,
    count: u64,
}

impl Ids {
    /// `seed` is drawn anew by every leader.
    pub(super) const fn new(seed: u128) -> Self {
        Self { seed, count: 0 }
    }

    /// The next one.
    pub(super) fn uuid(&mut self) -> String {
        self.count += 1;
        let (high, low) = ((self.seed >> 64) as u64, self.seed as u64);
        let high = scramble(high ^ scramble(self.count));
        let low = scramble(low.wrapping_add(high).wrapping_add(self.count));
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
        let (d, e) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
    }
}

/// A bijection of 64 bits in which every bit of the input turns half of the output.
const fn scramble(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_are_alike_and_all_are_uuids() {
        let mut seen = BTreeSet::new();
        for seed in [0, 1, u128::MAX] {
            let mut ids = Ids::new(seed);
            for _ in 0..10_000 {
                let id = ids.uuid();
                assert!(
                    id.len() == 36
                        && id.as_bytes()[14] == b'4'
                        && matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
                    "{id}"
                );
                assert!(seen.insert(id));
            }
        }
    }
}
