use super::*;
use agent_core::fact::{ExecutorStart, LaunchRecord, UpdateRecord};
use proto_types::{
    AgentId, ClusterId, Epoch, ExecutorId, FrameworkId, Labels, Role, TaskId, TaskInfo, TaskKey, TaskState, TaskStatus,
    status::{Reason, Source},
    task::{Command, ExecutorInfo},
    time::Wall,
};

fn framework() -> FrameworkId {
    FrameworkId::new("f").unwrap()
}

fn task(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

/// One fact of each kind.
fn facts() -> Vec<Fact> {
    let info = TaskInfo {
        id: task("a"),
        name: "a".to_owned(),
        resources: "cpus:1;ports:[31000-31001]".parse().unwrap(),
        command: Command { value: "true".to_owned(), shell: true, ..Command::default() },
        container: None,
        health_check: None,
        kill_grace: Some(std::time::Duration::from_secs(3)),
        max_completion_time: None,
        labels: Labels::from([("k".to_owned(), "v".to_owned())]),
        data: vec![1, 2],
        discovery: None,
    };
    let executor = |id: ExecutorId, value: &str| ExecutorInfo {
        id,
        name: "name".to_owned(),
        command: Command { value: value.to_owned(), ..Command::default() },
        resources: "cpus:0.1".parse().unwrap(),
        data: Vec::new(),
    };
    let start = |info: ExecutorInfo| {
        let token = "t-1".to_owned();
        Fact::ExecutorStarting(Box::new(ExecutorStart {
            framework: framework(),
            info,
            token,
            role: Role::new("a/b").unwrap(),
            user: Some("nobody".to_owned()),
        }))
    };
    let built_in = ExecutorInfo { resources: "".parse().unwrap(), ..executor(ExecutorId::built_in(), "") };
    let mut status = TaskStatus::new(task("a"), TaskState::Failed, Source::Executor, Wall(77))
        .because(Reason::ContainerLimitationMemory, "too much");
    status.sequence = 3;
    status.exit_code = Some(137);
    status.executor = Some(ExecutorId::built_in());
    vec![
        Fact::EpochSeen(Epoch(7)),
        Fact::Identified { agent: AgentId::new("agent").unwrap(), cluster: ClusterId::new("cluster").unwrap() },
        Fact::TasksForgotten { framework: framework(), tasks: vec![task("x"), task("y")] },
        start(built_in),
        start(executor(ExecutorId::new("mine").unwrap(), "./mine")),
        Fact::TaskLaunched(Box::new(LaunchRecord {
            framework: framework(),
            executor: ExecutorId::built_in(),
            tasks: vec![Arc::new(info)],
            group: true,
            role: Role::any(),
            user: None,
        })),
        Fact::UpdateMade(Box::new(UpdateRecord { framework: framework(), status, number: 2, role: Role::any() })),
        Fact::UpdateAcknowledged { key: TaskKey { framework: framework(), task: task("a") }, sequence: 3 },
        Fact::ExecutorEnded { framework: framework(), executor: ExecutorId::built_in() },
        Fact::FrameworkShutDown(framework()),
        Fact::Abandoned,
    ]
}

fn open(directory: &Path) -> (Journal, Opened) {
    Journal::open(directory, "boot-1").unwrap()
}

fn written(directory: &Path) -> PathBuf {
    let (mut journal, opened) = open(directory);
    assert!(opened.facts.is_empty() && opened.reports.is_empty());
    for fact in facts() {
        journal.add(&fact).unwrap();
    }
    journal.flush().unwrap();
    // As after a SIGKILL: nothing that would be done at a proper end is done.
    let path = journal.path.clone();
    std::mem::forget(journal);
    path
}

#[test]
fn every_fact_comes_back_after_a_sudden_end() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path());
    let (_, opened) = open(directory.path());
    assert_eq!(opened.facts, facts());
    assert_eq!(opened.boot_id, "boot-1");
    assert!(opened.reports.is_empty(), "{:?}", opened.reports);
}

#[test]
fn files_that_follow_an_incomplete_one_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    for _ in 0..2 {
        let (mut journal, opened) = open(directory.path());
        assert!(opened.incomplete);
        journal.rotate(&opened.facts).unwrap();
    }
    assert!(open(directory.path()).1.incomplete);
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_tore() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let whole = fs::read(&path).unwrap();
    let last = {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &convert::to_stored(facts().last().unwrap())).unwrap();
        bytes.len()
    };
    for cut in 1..last {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let (mut journal, opened) = open(directory.path());
        assert_eq!(opened.facts, facts()[..facts().len() - 1]);
        assert_eq!(opened.reports.len(), 1, "{:?}", opened.reports);
        assert_eq!(fs::read(path.with_extension("torn")).unwrap(), whole[whole.len() - last..whole.len() - cut]);
        assert!(opened.incomplete);
        journal.add(&Fact::EpochSeen(Epoch(8))).unwrap();
        journal.flush().unwrap();
        let (_, opened) = open(directory.path());
        assert_eq!(opened.facts.last(), Some(&Fact::EpochSeen(Epoch(8))));
        assert!(opened.reports.is_empty(), "{:?}", opened.reports);
    }
}

#[test]
fn a_damaged_file_is_set_aside_and_what_stands_before_the_damage_counts() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    let (_, opened) = open(directory.path());
    assert!(!opened.facts.is_empty() && opened.facts.len() < facts().len());
    assert!(opened.reports[0].starts_with("damaged: "), "{:?}", opened.reports);
    assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), bytes);
    let (_, again) = open(directory.path());
    assert_eq!(again.facts, opened.facts);
    assert!(again.reports.is_empty(), "{:?}", again.reports);
}

#[test]
fn a_wrong_length_in_the_middle_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path());
    let path = journal.path.clone();
    journal.add(&Fact::EpochSeen(Epoch(1))).unwrap();
    journal.flush().unwrap();
    let at = usize::try_from(journal.length).unwrap();
    while journal.length < at as u64 + 2 * TORN_BYTES_MAX as u64 {
        let tasks = vec![task("x"); 1000];
        journal.add(&Fact::TasksForgotten { framework: framework(), tasks }).unwrap();
        journal.flush().unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    // A length that reaches beyond the end of the file.
    bytes[at + 3] = 1;
    fs::write(&path, &bytes).unwrap();
    let (_, opened) = open(directory.path());
    assert_eq!(opened.facts, [Fact::EpochSeen(Epoch(1))]);
    assert!(opened.reports[0].starts_with("damaged: "), "{:?}", opened.reports);
    assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), bytes);
}

#[test]
fn no_bytes_make_it_crash() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    for content in [&b""[..], b"\0", b"no journal at all, just some text", &[0xff; 4096], &[0; 4096]] {
        fs::write(&path, content).unwrap();
        let (mut journal, opened) = open(directory.path());
        assert!(opened.facts.is_empty());
        journal.add(&Fact::EpochSeen(Epoch(1))).unwrap();
        journal.flush().unwrap();
        fs::remove_file(&journal.path).unwrap();
        fs::write(&path, b"").unwrap();
    }
}

#[test]
fn a_new_file_replaces_the_old_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let (mut journal, _) = open(directory.path());
    journal.rotate(&facts()[..2]).unwrap();
    journal.add(&facts()[2]).unwrap();
    journal.flush().unwrap();
    assert!(!path.exists());
    let (_, opened) = open(directory.path());
    assert_eq!(opened.facts, facts()[..3]);
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let header = JournalHeader {
        header: Some(Header { cluster_id: String::new(), format: 9, minimum_reader: 9 }),
        ..JournalHeader::default()
    };
    let mut bytes = Vec::new();
    frame::write(&mut bytes, &JournalRecord { record: Some(Record::Header(header)) }).unwrap();
    fs::write(&path, &bytes).unwrap();
    let error = Journal::open(directory.path(), "boot-1").unwrap_err();
    assert!(error.to_string().contains("later version"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_full_disk_is_reported_and_what_was_written_before_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path());
    let (mut journal, _) = open(directory.path());
    journal.file = Arc::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
    journal.add(&Fact::EpochSeen(Epoch(9))).unwrap();
    let error = journal.flush().unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    let (_, opened) = open(directory.path());
    assert_eq!(opened.facts, facts());
}
