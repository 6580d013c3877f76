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
    /// The first line that was not: what the record has, and what happened now; empty where one of them ends.
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
    same: u64,
    difference: Option<(String, String)>,
}

impl Comparison {
    /// What happened now; none: nothing more.
    fn compare(&mut self, line: Option<&str>) -> io::Result<()> {
        if self.difference.is_some() {
            return Ok(());
        }
        let recorded = self.lines.next().transpose()?;
        match line {
            Some(line) if recorded.as_deref() == Some(line) => self.same += 1,
            None if recorded.is_none() => {}
            _ => self.difference = Some((recorded.unwrap_or_default(), line.unwrap_or_default().to_owned())),
        }
        Ok(())
    }
}

/// The comparison, where the record writes into it.
struct Comparing(Rc<RefCell<Comparison>>);

impl Sink for Comparing {
    fn line(&mut self, line: &str) -> io::Result<()> {
        self.0.borrow_mut().compare(Some(line))
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
    let comparison = Comparison { lines: Box::new(lines), same: 0, difference: None };
    let comparison = Rc::new(RefCell::new(comparison));
    let sink = Comparing(Rc::clone(&comparison));
    let mut world = World::new(header.settings(), Record::new(Some(Box::new(sink))));
    world.run(until);
    if let Some(error) = world.kernel.record.take_failure() {
        return Err(ReplayError::Read(error));
    }
    let mut comparison = comparison.borrow_mut();
    if until.is_none() {
        comparison.compare(None).map_err(ReplayError::Read)?;
    }
    Ok(Replay { world, same: comparison.same, difference: comparison.difference.take() })
}
