//! The checker: a pure function of a history.

use super::{Amounts, History, Launched, Outcome, Run, Seen, TaskKey, is_terminal};
use proffer_proto::v1::TaskState;
use proto_types::status::MASTER_SEQUENCES;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// No task is started a second time, anywhere.
    NoTaskRunsTwice,
    /// What runs was launched, and not refused.
    OnlyAcceptedTasksRun,
    /// A task that was accepted has ended, and a scheduler of it knows, or the master knows it.
    NoTaskIsForgotten,
    /// What runs on an agent at a time fits into it.
    NoResourceIsGivenToTwoTasks,
    /// The end of a task reaches a scheduler of it.
    EveryEndIsTold,
    /// What is reported finished has finished; what is reported dropped or refused never ran.
    ReportsTellWhatHappened,
    /// After its end nothing else is reported of a task.
    TerminalStatesAreFinal,
    /// What is reported over does not run.
    NoTaskReportedOverRuns,
    /// An agent that obeys an epoch obeys no lower one.
    NoAgentActsOnALowerEpoch,
    /// An offer ends with the epoch that made it.
    NoOfferOfAnOldEpochIsHonoured,
}

impl Rule {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoTaskRunsTwice => "no_task_runs_twice",
            Self::OnlyAcceptedTasksRun => "only_accepted_tasks_run",
            Self::NoTaskIsForgotten => "no_task_is_forgotten",
            Self::NoResourceIsGivenToTwoTasks => "no_resource_is_given_to_two_tasks_at_once",
            Self::EveryEndIsTold => "every_end_is_told",
            Self::ReportsTellWhatHappened => "reports_tell_what_happened",
            Self::TerminalStatesAreFinal => "terminal_states_are_final",
            Self::NoTaskReportedOverRuns => "no_task_reported_over_runs",
            Self::NoAgentActsOnALowerEpoch => "no_agent_acts_on_a_lower_epoch",
            Self::NoOfferOfAnOldEpochIsHonoured => "no_offer_of_an_old_epoch_is_honoured",
        }
    }
}

/// A rule that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// Of what, with numbers.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.name(), self.detail)
    }
}

/// What of the history breaks which rule. Empty: it is sound.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut found = Found::default();
    let ends = ends(history, &mut found);
    runs(history, &ends, &mut found);
    launches(history, &ends, &mut found);
    resources(history, &ends, &mut found);
    epochs(history, &mut found);
    found.0
}

#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, rule: Rule, detail: String) {
        self.0.push(Violation { rule, detail });
    }
}

/// The first report of each task's end; what follows it is looked at on the way.
fn ends<'a>(history: &'a History, found: &mut Found) -> BTreeMap<&'a TaskKey, &'a Seen> {
    let mut ends: BTreeMap<&TaskKey, &Seen> = BTreeMap::new();
    for seen in &history.seen {
        let Some(end) = ends.get(&seen.key) else {
            if is_terminal(seen.state) {
                ends.insert(&seen.key, seen);
            }
            continue;
        };
        // To a new scheduler all is told again that is not acknowledged, and to an old one what it may have missed.
        let again = seen.sequence <= end.sequence || seen.sequence >= MASTER_SEQUENCES;
        let differs = is_terminal(seen.state) && seen.state != end.state;
        let lives = !is_terminal(seen.state) && seen.state != TaskState::TaskUnknown && !again;
        if differs || lives {
            let (key, state, end) = (&seen.key, seen.state.as_str_name(), end.state.as_str_name());
            found.add(Rule::TerminalStatesAreFinal, format!("{key} is {state} after {end}"));
        }
    }
    ends
}

fn runs(history: &History, ends: &BTreeMap<&TaskKey, &Seen>, found: &mut Found) {
    let mut first: BTreeMap<&TaskKey, &Run> = BTreeMap::new();
    for run in &history.runs {
        let key = &run.key;
        if let Some(before) = first.insert(key, run) {
            let detail = format!(
                "{key} started on {} as process {} and on {} as process {}",
                before.agent, before.pid, run.agent, run.pid
            );
            found.add(Rule::NoTaskRunsTwice, detail);
        }
        let Some(end) = ends.get(key) else {
            if run.end.is_some() {
                found.add(Rule::EveryEndIsTold, format!("{key} ended on {}, and no scheduler was told", run.agent));
            }
            continue;
        };
        let last = run.end.unwrap_or(run.start);
        // That an operator gave up on it says nothing about whether it runs.
        if last > end.at && end.state != TaskState::TaskGoneByOperator {
            let detail = format!("{key} ran at {last} and was reported {} at {}", end.state.as_str_name(), end.at);
            found.add(Rule::NoTaskReportedOverRuns, detail);
        }
        if matches!(end.state, TaskState::TaskDropped | TaskState::TaskError) {
            let detail = format!("{key} is {} and ran on {}", end.state.as_str_name(), run.agent);
            found.add(Rule::ReportsTellWhatHappened, detail);
        }
    }
    let witnesses: BTreeSet<&str> = history.runs.iter().map(|run| run.key.framework.as_str()).collect();
    for (key, end) in ends {
        // Frameworks whose tasks write no evidence are not asked for it.
        let finished = end.state == TaskState::TaskFinished && witnesses.contains(key.framework.as_str());
        if finished && first.get(key).is_none_or(|run| run.end.is_none()) {
            found.add(Rule::ReportsTellWhatHappened, format!("{key} is TASK_FINISHED and did not get to its end"));
        }
    }
}

fn launches(history: &History, ends: &BTreeMap<&TaskKey, &Seen>, found: &mut Found) {
    let mut launched: BTreeMap<&TaskKey, &Launched> = BTreeMap::new();
    for launch in &history.launches {
        let known = launched.entry(&launch.key).or_insert(launch);
        if known.outcome == Outcome::Refused {
            *known = launch;
        }
    }
    for run in &history.runs {
        match launched.get(&run.key).map(|launch| launch.outcome) {
            None => found.add(Rule::OnlyAcceptedTasksRun, format!("{} was not launched and ran", run.key)),
            Some(Outcome::Refused) => found.add(Rule::OnlyAcceptedTasksRun, format!("{} was refused and ran", run.key)),
            Some(Outcome::Accepted | Outcome::Unknown) => {}
        }
    }
    let ran: BTreeSet<&TaskKey> = history.runs.iter().map(|run| &run.key).collect();
    for (key, launch) in launched {
        let promised = launch.outcome == Outcome::Accepted || ran.contains(key);
        if promised && !ends.contains_key(key) && !history.known.contains(key) {
            found.add(Rule::NoTaskIsForgotten, format!("{key} was accepted, no end of it was told, nobody knows it"));
        }
    }
}

/// An agent is overfull at the start of one of its tasks, if ever.
fn resources(history: &History, ends: &BTreeMap<&TaskKey, &Seen>, found: &mut Found) {
    let wants: BTreeMap<&TaskKey, &Amounts> =
        history.launches.iter().map(|launch| (&launch.key, &launch.amounts)).collect();
    // Of one that something ended no more is known than that it once ran.
    let until = |run: &Run| run.end.unwrap_or(if ends.contains_key(&run.key) { run.start } else { u64::MAX });
    for run in &history.runs {
        let beside = history.runs.iter().filter(|other| {
            other.agent == run.agent && other.key != run.key && other.start <= run.start && run.start < until(other)
        });
        let Some(own) = wants.get(&run.key) else { continue };
        let mut milli = own.milli.clone();
        for other in beside {
            let Some(theirs) = wants.get(&other.key) else { continue };
            for (name, amount) in &theirs.milli {
                *milli.entry(name.clone()).or_default() += amount;
            }
            if own
                .ports
                .iter()
                .any(|(begin, end)| theirs.ports.iter().any(|(first, last)| begin <= last && first <= end))
            {
                let detail = format!("{} and {} have the same port of {}", run.key, other.key, run.agent);
                found.add(Rule::NoResourceIsGivenToTwoTasks, detail);
            }
        }
        let Some(total) = history.totals.get(&run.agent) else { continue };
        for (name, used) in milli {
            let has = total.milli.get(&name).copied().unwrap_or_default();
            if used > has {
                let detail =
                    format!("when {} starts, {name} {used} of {has} thousandths of {} are used", run.key, run.agent);
                found.add(Rule::NoResourceIsGivenToTwoTasks, detail);
            }
        }
    }
}

fn epochs(history: &History, found: &mut Found) {
    let mut highest: BTreeMap<&str, u64> = BTreeMap::new();
    for obeyed in &history.obeyed {
        let highest = highest.entry(&obeyed.agent).or_default();
        if obeyed.epoch < *highest {
            let detail = format!("agent {} obeys epoch {} after {highest}", obeyed.agent, obeyed.epoch);
            found.add(Rule::NoAgentActsOnALowerEpoch, detail);
        }
        *highest = obeyed.epoch.max(*highest);
    }
    let ran: BTreeSet<(&TaskKey, &str)> = history.runs.iter().map(|run| (&run.key, run.agent.as_str())).collect();
    for launch in &history.launches {
        let (key, epoch) = (&launch.key, launch.offer_epoch);
        if launch.outcome == Outcome::Accepted && epoch < launch.session_epoch {
            let detail = format!("{key} was launched on an offer of epoch {epoch} in epoch {}", launch.session_epoch);
            found.add(Rule::NoOfferOfAnOldEpochIsHonoured, detail);
        }
        let later = history.obeyed.iter().find(|obeyed| {
            obeyed.agent == launch.agent && obeyed.at < launch.at && obeyed.epoch > launch.session_epoch
        });
        if let Some(obeyed) = later
            && ran.contains(&(key, launch.agent.as_str()))
        {
            let detail = format!(
                "{key} was launched in epoch {} and ran on agent {}, which obeyed epoch {} already",
                launch.session_epoch, launch.agent, obeyed.epoch
            );
            found.add(Rule::NoAgentActsOnALowerEpoch, detail);
        }
    }
}
