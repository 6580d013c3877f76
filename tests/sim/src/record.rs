//! The record of a simulation: a line for each thing that happened, and a hash over all of them.

use crate::time::Time;
use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    io::{self, Write},
};

/// So many lines are kept for the report of a violation.
const LAST_LINES: usize = 60;

/// Takes every line of the record.
pub trait Sink {
    /// Takes one line, without its end.
    ///
    /// # Errors
    /// Whatever the writing of it brings.
    fn line(&mut self, line: &str) -> io::Result<()>;
}

/// A sink into a file or another writer.
#[derive(Debug)]
pub struct Writer<W>(pub W);

impl<W: Write> Sink for Writer<W> {
    fn line(&mut self, line: &str) -> io::Result<()> {
        self.0.write_all(line.as_bytes())?;
        self.0.write_all(b"\n")
    }
}

/// The record.
pub struct Record {
    sink: Option<Box<dyn Sink>>,
    failed: Option<io::Error>,
    hash: u64,
    lines: u64,
    last: VecDeque<String>,
    line: String,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("lines", &self.lines).field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Record {
    /// An empty record whose lines also go to `sink`.
    #[must_use]
    pub fn new(sink: Option<Box<dyn Sink>>) -> Self {
        Self { sink, failed: None, hash: 0xcbf2_9ce4_8422_2325, lines: 0, last: VecDeque::new(), line: String::new() }
    }

    /// Writes a line about something that happens at `now`, as the event of this number.
    pub fn note(&mut self, now: Time, event: u64, what: fmt::Arguments<'_>) {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        // Writing to a string cannot fail.
        let _ = write!(line, "{now} {event} {what}");
        self.put(&line);
        self.line = line;
    }

    /// Writes a line as it is.
    pub fn put(&mut self, line: &str) {
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.lines += 1;
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.line(line)
        {
            self.failed = Some(error);
            self.sink = None;
        }
        let mut kept =
            if self.last.len() == LAST_LINES { self.last.pop_front().unwrap_or_default() } else { String::new() };
        kept.clear();
        kept.push_str(line);
        self.last.push_back(kept);
    }

    /// The hash over all lines.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there are.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The last lines.
    pub fn last(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }

    /// Why lines do not reach the sink any more, if they do not.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }
}
