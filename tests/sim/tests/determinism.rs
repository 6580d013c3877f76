//! The same seed gives the same bytes; another seed gives others; and a record is enough to run the same again.

use sim::{
    Header, Record, World,
    faults::parse_kinds,
    record::{Sink, Writer},
    replay::replay,
};
use std::{
    cell::RefCell,
    io::{self, Cursor, Write},
    rc::Rc,
};

/// A file in memory that outlives the world that writes it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a small world with all faults, and gives the whole record.
fn record_of(seed: u64) -> Vec<u8> {
    let header =
        Header { seed, agents: 4, seconds: 180, faults: parse_kinds("all").unwrap_or_default(), sabotage: None };
    let file = Shared::default();
    let sink: Box<dyn Sink> = Box::new(Writer(file.clone()));
    let mut record = Record::new(Some(sink));
    record.put(&header.print());
    let mut world = World::new(header.settings(), record);
    world.run(None);
    assert!(world.rested_at.is_some(), "seed {seed}: {:?}", world.checker.violations);
    assert!(world.faults > 20, "only {} faults happened", world.faults);
    assert!(world.checker.evidence.started > 20, "only {} tasks ran", world.checker.evidence.started);
    file.0.take()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let (first, again, other) = (record_of(1), record_of(1), record_of(2));
    assert!(first == again, "{}", first_difference(&first, &again));
    assert!(first != other, "two seeds gave the same record");
}

#[test]
fn a_record_is_run_again_line_by_line() {
    let record = record_of(3);
    let lines = record.iter().filter(|byte| **byte == b'\n').count() as u64;
    let replayed = replay(Cursor::new(record.clone()), None).expect("the record reads");
    assert_eq!(replayed.difference, None);
    // The header is read, not compared.
    assert_eq!(replayed.same, lines - 1);

    let mut forged = String::from_utf8(record).expect("a record is text");
    let at = forged.find(" is elected").expect("somebody is elected");
    forged.replace_range(at..at + 3, " IS");
    let replayed = replay(Cursor::new(forged.into_bytes()), None).expect("the record reads");
    let (recorded, now) = replayed.difference.expect("a changed line is noticed");
    assert_eq!(recorded.replace(" IS ", " is "), now);
}

fn first_difference(one: &[u8], other: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (lines(one), lines(other));
    let different = one.iter().zip(&other).find(|(one, other)| one != other);
    different.map_or("one record is longer".to_owned(), |(one, other)| format!("{one}\n{other}"))
}
