//! A world's state as people read it.

use crate::{
    brief,
    hosts::{AgentIndex, MasterIndex, SchedulerIndex},
    masters::{MasterState, TermLog},
    world::World,
};
use proto_types::{AgentId, FrameworkId, TaskKey, agent::Duty};
use std::{collections::BTreeSet, fmt::Write as _};

/// Everything, in short.
#[must_use]
pub fn state(world: &World) -> String {
    let mut text =
        format!("at {} s, event {}, epoch {}\n", world.kernel.now, world.kernel.event, world.coordination.epoch);
    text.push_str(&masters(world));
    text.push_str(&agents(world));
    text.push_str(&schedulers(world));
    text.push_str(&tasks(world));
    text.push_str(&offers(world));
    text
}

/// Master processes.
#[must_use]
pub fn masters(world: &World) -> String {
    let mut text = String::new();
    for (index, master) in world.masters.iter().enumerate() {
        let what = match &master.state {
            MasterState::Down => "down".to_owned(),
            MasterState::Standby => "standby".to_owned(),
            MasterState::Reading(epoch) => format!("reading the log for epoch {epoch}"),
            MasterState::Leading(term) => format!("leading in epoch {}", term.epoch),
        };
        let stalled = if master.stalled.is_some() { ", stalled" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {what}{stalled}", MasterIndex(index as u32));
    }
    text
}

/// Agents, as they are and as the master shows them.
#[must_use]
pub fn agents(world: &World) -> String {
    let mut text = String::new();
    for (index, agent) in world.agents.iter().enumerate() {
        let index = AgentIndex(index as u32);
        let view = agent.id.as_ref().and_then(|id| world.model.agents.get(id));
        let shown = view.map_or("unknown".to_owned(), |view| {
            let duty = if view.duty == Duty::Active { String::new() } else { format!(" {}", view.duty.name()) };
            format!("{}{duty}, used {}, offered {}", view.standing.name(), view.used, view.offered)
        });
        let id = agent.id.as_ref().map_or("-", |id| id.as_str());
        let running = agent.machine.running().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let up = if agent.is_up() { "up" } else { "down" };
        let _ = writeln!(text, "{index} {id} {up}: {shown}; runs [{running}]");
    }
    text
}

/// Scheduler processes.
#[must_use]
pub fn schedulers(world: &World) -> String {
    let mut text = String::new();
    for (index, scheduler) in world.schedulers.iter().enumerate() {
        let index = SchedulerIndex(index as u32);
        let framework = world.framework(scheduler.framework);
        let id = framework.id.as_ref().map_or("-", |id| id.as_str());
        let what = match (&scheduler.outcome, scheduler.session.is_some(), scheduler.subscribed) {
            (Some(outcome), ..) => format!("{outcome:?}"),
            (None, false, _) => "down".to_owned(),
            (None, true, true) => "subscribed".to_owned(),
            (None, true, false) => "not subscribed".to_owned(),
        };
        let offers = scheduler.offers.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let _ = writeln!(
            text,
            "{index} of {} {id}, incarnation {}: {what}; holds [{offers}]",
            framework.name, scheduler.incarnation
        );
    }
    text
}

/// Tasks, as the master shows them, as their schedulers saw them, and where they run.
#[must_use]
pub fn tasks(world: &World) -> String {
    let evidence = &world.checker.evidence;
    let running = world.agents.iter().flat_map(|agent| agent.machine.running());
    let keys: BTreeSet<&TaskKey> = world.model.tasks.keys().chain(&evidence.open).chain(running).collect();
    keys.into_iter().map(|key| task(world, key)).collect()
}

fn task(world: &World, key: &TaskKey) -> String {
    let mut text = format!("{} of {}", key.task, framework_name(world, &key.framework));
    match world.model.tasks.get(key) {
        Some(view) => {
            let reason = view.latest.reason.map_or(String::new(), |reason| format!(" ({reason:?})"));
            let status = &view.latest;
            let number = brief::sequence(status.sequence);
            let _ = write!(text, " on {}: {} {number}{reason}", agent_name(world, &view.agent), status.state);
            if view.unacknowledged > 0 {
                let _ = write!(text, ", {} unacknowledged", view.unacknowledged);
            }
        }
        None => text.push_str(": not shown"),
    }
    let record = world.checker.evidence.tasks.get(key);
    match record.and_then(|record| record.seen) {
        Some(seen) => {
            let _ = write!(text, "; seen {seen}");
        }
        None => text.push_str("; never seen"),
    }
    let _ = match record.map(|record| (record.started, record.ended)) {
        Some((Some(index), None)) => write!(text, "; runs on {index}"),
        Some((Some(index), Some(end))) => write!(text, "; ended on {index}: {end:?}"),
        Some((None, _)) | None => write!(text, "; never started"),
    };
    text.push('\n');
    text
}

/// Outstanding offers, and whether their schedulers hold them.
#[must_use]
pub fn offers(world: &World) -> String {
    let mut text = String::new();
    for offer in world.model.offers.values() {
        let held = world.schedulers.iter().any(|scheduler| scheduler.offers.contains_key(&offer.id));
        let _ = writeln!(
            text,
            "{} to {} for {} of {}: {}{}",
            offer.id,
            framework_name(world, &offer.framework),
            offer.role,
            agent_name(world, &offer.agent),
            offer.resources,
            if held { "" } else { ", held by nobody" }
        );
    }
    let held = world.schedulers.iter().flat_map(|scheduler| scheduler.offers.keys());
    for offer in held.filter(|offer| !world.model.offers.contains_key(*offer)) {
        let _ = writeln!(text, "{offer} is held and not outstanding");
    }
    text
}

/// The registry's log.
#[must_use]
pub fn log(world: &World) -> String {
    let mut text = format!("cluster {}\n", world.coordination.cluster);
    if world.coordination.ensemble.is_some() {
        text.push_str(&log_in_zookeeper(world));
        return text;
    }
    let log = &world.coordination.log;
    for (index, change) in log.entries().iter().enumerate() {
        let stored = if index < log.safe() { "" } else { ", being written" };
        let _ = writeln!(text, "{}{stored}", brief::fact(&change.fact));
    }
    text
}

fn log_in_zookeeper(world: &World) -> String {
    let written = world.checker.log.amount().iter().map(|change| format!("{}\n", brief::fact(&change.fact)));
    let mut text: String = written.collect();
    if let Some(TermLog::Fenced(writer)) = world.leading().map(|term| &term.log) {
        text.extend(writer.unstored().map(|change| format!("{}, being written\n", brief::fact(&change.fact))));
    }
    text
}

/// The name of an agent's machine, or the id of an agent that nobody is any more.
fn agent_name(world: &World, id: &AgentId) -> String {
    let position = world.agents.iter().position(|agent| agent.id.as_ref() == Some(id));
    position.map_or_else(|| id.to_string(), |index| AgentIndex(index as u32).to_string())
}

fn framework_name<'a>(world: &'a World, id: &'a FrameworkId) -> &'a str {
    let owner = world.checker.evidence.frameworks.get(id);
    owner.map_or(id.as_str(), |owner| world.framework(*owner).name.as_str())
}
