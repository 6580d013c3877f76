//! The log in a directory, between processes: one at a time, and one that is killed leaves it free and whole.

use coordination::{Candidate, Embedded, Error, Store};
use proto_types::{
    AgentId, Epoch, Principal,
    registry::{Fact, RegistryChange},
};
use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Makes a run of this test binary the other process, and says where.
const DIRECTORY: &str = "PROFFER_TEST_DIRECTORY";

fn candidate() -> Candidate {
    Candidate::default()
}

fn change() -> RegistryChange {
    let agent = AgentId::new("a").unwrap();
    RegistryChange { principal: Principal::anonymous(), fact: Fact::AgentMarkedReachable { agent } }
}

/// What the other process does: it writes until it is killed. In a usual run of the tests it does nothing.
#[tokio::test]
async fn the_other_process() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let mut term = Embedded::new(directory).begin(candidate()).await.unwrap();
    let mut written = 0_u64;
    loop {
        term.log.append(vec![change()]).await.unwrap();
        written += 1;
        println!("\nwritten {written}");
    }
}

/// Starts the other process; it has written something when this returns.
fn start(directory: &TempDir) -> (Child, impl Iterator<Item = u64>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["the_other_process", "--exact", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut written = lines.filter_map(|line| line.strip_prefix("written ").and_then(|number| number.parse().ok()));
    written.next().expect("the other process writes");
    (child, written)
}

#[tokio::test]
async fn one_at_a_time_and_a_killed_one_leaves_it_whole() {
    let directory = TempDir::new().unwrap();
    let store = Embedded::new(directory.path());
    let mut changes = 0;
    for round in 0..3 {
        let (mut child, mut written) = start(&directory);
        assert!(matches!(store.begin(candidate()).await, Err(Error::Busy(_))), "round {round}");
        // Let it write on, so that the kill falls somewhere into its writing.
        let seen = written.by_ref().take(20).last().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let answered = written.last().unwrap_or(seen);

        let term = store.begin(candidate()).await.unwrap();
        assert_eq!(term.epoch, Epoch(2 * round + 2));
        let new = term.changes.len() as u64 - changes;
        assert!(new == answered || new == answered + 1, "{answered} answered, {new} there");
        changes = term.changes.len() as u64;
    }
}
