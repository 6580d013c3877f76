//! Running again what a record tells of.

use crate::{
    record::{Record, Sink},
    settings::{Header, InvalidHeader},
    world::World,
};
use std::{
    cell::RefCell,
    io::{self, BufRead},
    rc::Rc,
};

/// What came of a replay.
#[derive(Debug)]
pub struct Replay {
    /// The world as it was when the replay ended.
    pub world: World,
    /// How many lines were the same.
    pub same: u64,
    /// The first line that was not: what the record has, and what happened now.
    pub difference: Option<(String, String)>,
}

/// Why nothing could be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record cannot be read.
    #[error("the record cannot be read")]
    Read(#[source] io::Error),
    /// It does not say what to run.
    #[error("the record does not say what to run")]
    Header(#[source] InvalidHeader),
}

/// Compares lines with those of a record.
struct Comparison {
    lines: Box<dyn Iterator<Item = io::Result<String>>>,
    found: Rc<RefCell<Found>>,
}

#[derive(Default)]
struct Found {
    same: u64,
    difference: Option<(String, String)>,
}

impl Sink for Comparison {
    fn line(&mut self, line: &str) -> io::Result<()> {
        let mut found = self.found.borrow_mut();
        if found.difference.is_some() {
            return Ok(());
        }
        let recorded = self.lines.next().transpose()?.unwrap_or_default();
        if recorded == line {
            found.same += 1;
        } else {
            found.difference = Some((recorded, line.to_owned()));
        }
        Ok(())
    }
}

/// Runs again what a record tells of, up to an event if one is named.
///
/// # Errors
/// The record cannot be read or does not say what to run.
pub fn replay(record: impl BufRead + 'static, until: Option<u64>) -> Result<Replay, ReplayError> {
    let mut lines = record.lines();
    let first = lines.next().transpose().map_err(ReplayError::Read)?.unwrap_or_default();
    let header = Header::parse(&first).map_err(ReplayError::Header)?;
    let found = Rc::new(RefCell::new(Found::default()));
    let comparison = Comparison { lines: Box::new(lines), found: Rc::clone(&found) };
    let mut world = World::new(header.settings(), Record::new(Some(Box::new(comparison))));
    world.run(until);
    if let Some(error) = world.kernel.record.take_failure() {
        return Err(ReplayError::Read(error));
    }
    let found = found.take();
    Ok(Replay { world, same: found.same, difference: found.difference })
}
