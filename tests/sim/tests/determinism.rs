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
    path::Path,
    process::Command,
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
    let header = Header {
        seed,
        agents: 4,
        masters: 3,
        seconds: 180,
        faults: parse_kinds("all").unwrap_or_default(),
        sabotage: None,
    };
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

#[test]
fn a_record_that_ends_too_soon_or_too_late_is_noticed() {
    let record = record_of(3);
    let (cut, longer) = (record[..record.len() / 2].to_vec(), [&record[..], b"1.0 1 more\n"].concat());
    let difference = |record: Vec<u8>| replay(Cursor::new(record), None).expect("the record reads").difference;
    assert!(difference(cut).is_some());
    assert_eq!(difference(longer), Some(("1.0 1 more".to_owned(), String::new())));
}

#[test]
fn a_replay_stops_at_an_event_and_shows_the_state() {
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("replay.log");
    let sim = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(arguments).output().expect("sim starts");
        let text = String::from_utf8(output.stdout).expect("sim prints text");
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let path = log.to_str().expect("a path is text");
    sim(&["run", "--agents", "3", "--hours", "0.02", "--seed", "5", "--log", path]);

    let text = sim(&["replay", path, "--until", "400"]);
    let last = text.lines().skip(1).take_while(|line| !line.is_empty()).last().expect("there are lines");
    let number: u64 = last.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    assert!(number <= 400, "{last}");
    for part in ["s, event 400, epoch ", "\nm1 ", "\na3 ", "\ns1 of ", "; runs on a"] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }

    let text = sim(&["replay", path, "--until", "1000000000"]);
    assert!(text.contains("event 1000000000 never comes"), "{text}");
}

fn first_difference(one: &[u8], other: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (lines(one), lines(other));
    let different = one.iter().zip(&other).find(|(one, other)| one != other);
    different.map_or("one record is longer".to_owned(), |(one, other)| format!("{one}\n{other}"))
}
