use super::*;

const AGENT: &str = "agent";

fn key(task: &str) -> TaskKey {
    TaskKey { framework: "f".to_owned(), task: task.to_owned() }
}

fn amounts(cpus_milli: u64, port: Option<u64>) -> Amounts {
    Amounts {
        milli: BTreeMap::from([("cpus".to_owned(), cpus_milli)]),
        ports: port.map(|port| (port, port)).into_iter().collect(),
    }
}

fn launched(task: &str, at: u64) -> Launched {
    Launched {
        key: key(task),
        agent: AGENT.to_owned(),
        amounts: amounts(1000, None),
        offer_epoch: 1,
        session_epoch: 1,
        at,
        outcome: Outcome::Accepted,
    }
}

fn run(task: &str, start: u64, end: Option<u64>) -> Run {
    Run { key: key(task), pid: 7, agent: AGENT.to_owned(), start, end }
}

fn seen(task: &str, state: TaskState, sequence: u64, at: u64) -> Seen {
    Seen { key: key(task), session: "s".to_owned(), state, sequence, at }
}

/// A task that came and went, and one that runs.
fn sound() -> History {
    History {
        runs: vec![run("a", 20, Some(30)), run("b", 30, None)],
        launches: vec![launched("a", 10), launched("b", 28)],
        seen: vec![
            seen("a", TaskState::TaskRunning, 1, 21),
            seen("a", TaskState::TaskFinished, 2, 31),
            seen("b", TaskState::TaskRunning, 1, 32),
            seen("a", TaskState::TaskRunning, 1, 33),
            seen("a", TaskState::TaskFinished, 2, 33),
        ],
        obeyed: vec![Obeyed { agent: AGENT.to_owned(), epoch: 1, at: 5 }],
        totals: BTreeMap::from([(AGENT.to_owned(), amounts(1500, None))]),
        known: BTreeSet::from([key("b")]),
    }
}

/// Breaks the sound history; one rule must be named, and no other.
fn names(rule: Rule, harm: impl FnOnce(&mut History)) {
    let mut history = sound();
    harm(&mut history);
    let rules: BTreeSet<Rule> = check(&history).into_iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, BTreeSet::from([rule]), "{:?}", check(&history));
}

#[test]
fn a_sound_history_breaks_nothing() {
    assert_eq!(check(&sound()), []);
}

#[test]
fn a_second_run_is_found() {
    names(Rule::NoTaskRunsTwice, |history| history.runs.insert(1, run("a", 20, Some(30))));
}

#[test]
fn a_run_that_was_never_launched_is_found() {
    names(Rule::OnlyAcceptedTasksRun, |history| {
        history.launches.remove(1);
    });
}

#[test]
fn a_run_that_was_refused_is_found() {
    names(Rule::OnlyAcceptedTasksRun, |history| history.launches[1].outcome = Outcome::Refused);
}

#[test]
fn a_launch_whose_answer_was_lost_may_run() {
    let mut history = sound();
    history.launches[1].outcome = Outcome::Unknown;
    assert_eq!(check(&history), []);
}

#[test]
fn a_forgotten_task_is_found() {
    names(Rule::NoTaskIsForgotten, |history| history.known.clear());
}

#[test]
fn an_accepted_task_that_never_ran_and_is_not_known_is_found() {
    names(Rule::NoTaskIsForgotten, |history| history.launches.push(launched("c", 40)));
}

#[test]
fn two_tasks_on_resources_of_one_are_found() {
    names(Rule::NoResourceIsGivenToTwoTasks, |history| {
        history.launches.push(launched("c", 40));
        history.runs.push(run("c", 41, None));
        history.known.insert(key("c"));
    });
}

#[test]
fn two_tasks_on_one_port_are_found() {
    names(Rule::NoResourceIsGivenToTwoTasks, |history| {
        history.launches.push(Launched { amounts: amounts(100, Some(80)), ..launched("c", 40) });
        history.launches[1].amounts = amounts(100, Some(80));
        history.runs.push(run("c", 41, None));
        history.known.insert(key("c"));
    });
}

#[test]
fn an_end_that_is_not_told_is_found() {
    names(Rule::EveryEndIsTold, |history| {
        history.runs[1].end = Some(50);
    });
}

#[test]
fn a_finished_task_that_did_not_finish_is_found() {
    names(Rule::ReportsTellWhatHappened, |history| {
        history.seen.push(seen("b", TaskState::TaskFinished, 2, 50));
    });
}

#[test]
fn a_dropped_task_that_ran_is_found() {
    names(Rule::ReportsTellWhatHappened, |history| {
        history.seen.push(seen("b", TaskState::TaskDropped, 2, 50));
    });
}

#[test]
fn a_second_end_is_found() {
    names(Rule::TerminalStatesAreFinal, |history| {
        history.seen.push(seen("a", TaskState::TaskFailed, 3, 50));
    });
}

#[test]
fn life_after_the_end_is_found() {
    names(Rule::TerminalStatesAreFinal, |history| {
        history.seen.push(seen("a", TaskState::TaskRunning, 3, 50));
    });
}

#[test]
fn an_end_told_too_early_is_found() {
    names(Rule::NoTaskReportedOverRuns, |history| history.seen[1].at = 29);
}

#[test]
fn an_agent_that_goes_back_to_a_lower_epoch_is_found() {
    names(Rule::NoAgentActsOnALowerEpoch, |history| {
        let obeyed = |epoch, at| Obeyed { agent: AGENT.to_owned(), epoch, at };
        history.obeyed.extend([obeyed(3, 40), obeyed(2, 41)]);
    });
}

#[test]
fn a_launch_of_an_old_master_that_runs_is_found() {
    names(Rule::NoAgentActsOnALowerEpoch, |history| {
        history.obeyed.push(Obeyed { agent: AGENT.to_owned(), epoch: 2, at: 27 });
    });
}

#[test]
fn an_offer_of_an_old_epoch_that_is_honoured_is_found() {
    names(Rule::NoOfferOfAnOldEpochIsHonoured, |history| history.launches[1].session_epoch = 2);
}

#[test]
fn evidence_is_read_as_the_shell_writes_it() -> anyhow::Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    for line in ["true", "exit 3"] {
        let status = std::process::Command::new("sh")
            .args(["-c", &witnessed(file.path(), line)])
            .envs([("PROFFER_FRAMEWORK_ID", "f"), ("PROFFER_TASK_ID", "a"), ("PROFFER_AGENT_ID", AGENT)])
            .status()?;
        assert_eq!(status.code(), Some(if line == "true" { 0 } else { 3 }));
    }
    let text = format!("torn\n{}start f b agent 8 12.34\n", std::fs::read_to_string(file.path())?);
    let runs = read(&text);
    assert_eq!(runs.len(), 3, "{text}");
    assert!(runs[..2].iter().all(|run| run.key == key("a") && run.end.is_some_and(|end| end >= run.start)));
    assert_eq!(runs[2], Run { pid: 8, ..run("b", 12_340_000_000, None) });
    let soon = now();
    assert!(runs[0].start <= soon && soon - runs[0].start < 600_000_000_000, "{soon}");
    Ok(())
}
