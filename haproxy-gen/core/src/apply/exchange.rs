//! Commands that go to HAProxy together.

use super::Command;
use std::fmt;

/// The longest line that is sent. HAProxy reads a line into one buffer of 16 KiB and refuses a longer one.
pub const LONGEST: usize = 8 * 1024;

/// One line to HAProxy, and its answer: one connection, one turn. The commands are done in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The commands.
    pub commands: Vec<Command>,
}

impl Exchange {
    /// Puts commands together, as few lines as they fit into. What belongs together stays together.
    pub(super) fn pack(groups: Vec<Vec<Command>>) -> Vec<Self> {
        let mut exchanges: Vec<Self> = Vec::new();
        let mut length = LONGEST;
        for group in groups {
            let size: usize = group.iter().map(|command| command.to_string().len() + 1).sum();
            match exchanges.last_mut() {
                Some(last) if length + size <= LONGEST => {
                    last.commands.extend(group);
                    length += size;
                }
                _ => {
                    exchanges.push(Self { commands: group });
                    length = size;
                }
            }
        }
        exchanges
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, command) in self.commands.iter().enumerate() {
            if number > 0 {
                f.write_str(";")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}
