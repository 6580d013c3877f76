//! Which service ports are in use.

use imbl::OrdMap;

/// Ports in a word of [`PortUses::words`].
const WORD: u16 = 64;

/// How many apps have each service port. A clone shares everything with its original.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct PortUses {
    counts: OrdMap<u16, u32>,
    /// The ports in use as bits, 64 to a word, so that the lowest free one of ten thousand is found in some hundred steps.
    words: OrdMap<u16, u64>,
}

impl PortUses {
    /// How many apps have this port.
    pub(super) fn of(&self, port: u16) -> u32 {
        self.counts.get(&port).copied().unwrap_or(0)
    }

    /// The ports in use, lowest first.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.counts.keys().copied()
    }

    /// Counts one use more.
    pub(super) fn add(&mut self, port: u16) {
        let uses = self.of(port);
        self.counts.insert(port, uses + 1);
        if uses == 0 {
            let word = self.word(port / WORD) | 1 << (port % WORD);
            self.words.insert(port / WORD, word);
        }
    }

    /// Counts one use less.
    pub(super) fn remove(&mut self, port: u16) {
        match self.of(port) {
            0 | 1 => {
                self.counts.remove(&port);
                // Nothing is kept of an empty word, so that equal uses compare equal.
                match self.word(port / WORD) & !(1 << (port % WORD)) {
                    0 => self.words.remove(&(port / WORD)),
                    word => self.words.insert(port / WORD, word),
                };
            }
            uses => {
                self.counts.insert(port, uses - 1);
            }
        }
    }

    /// The lowest port from `min` to `max` that is not in use.
    pub(super) fn lowest_free(&self, min: u16, max: u16) -> Option<u16> {
        (min / WORD..=max / WORD).find_map(|index| {
            // Ports of the first word that lie before the range count as used.
            let before = if index == min / WORD { (1_u64 << (min % WORD)) - 1 } else { 0 };
            let free = (self.word(index) | before).trailing_ones();
            let port = u32::from(index) * u32::from(WORD) + free;
            u16::try_from(port).ok().filter(|port| free < 64 && *port <= max)
        })
    }

    fn word(&self, index: u16) -> u64 {
        self.words.get(&index).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_lowest_free_port_is_the_lowest_that_nobody_has(
            ports in prop::collection::vec((60..200_u16, any::<bool>()), 0..300),
            min in 0..260_u16,
            length in 0..200_u16,
        ) {
            let mut uses = PortUses::default();
            let mut counts = std::collections::BTreeMap::<u16, u32>::new();
            for (port, add) in ports {
                let count = counts.entry(port).or_default();
                if add {
                    uses.add(port);
                    *count += 1;
                } else if *count > 0 {
                    uses.remove(port);
                    *count -= 1;
                }
            }
            let max = min + length;
            let free = (min..=max).find(|port| counts.get(port).copied().unwrap_or(0) == 0);
            prop_assert_eq!(uses.lowest_free(min, max), free);
            let used: Vec<u16> = counts.into_iter().filter(|(_, count)| *count > 0).map(|(port, _)| port).collect();
            prop_assert_eq!(uses.ports().collect::<Vec<_>>(), used);
        }
    }

    #[test]
    fn the_last_ports_of_all() {
        let mut uses = PortUses::default();
        assert_eq!(uses.lowest_free(u16::MAX, u16::MAX), Some(u16::MAX));
        uses.add(u16::MAX);
        assert_eq!(uses.lowest_free(u16::MAX, u16::MAX), None);
        assert_eq!(uses.lowest_free(20, 10), None);
    }
}
