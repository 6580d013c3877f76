//! A world's state as people read it.

use crate::{
    brief,
    hosts::{AgentIndex, SchedulerIndex},
    masters::MasterState,
    world::World,
};
use std::fmt::Write as _;

/// Everything, in short.
#[must_use]
pub fn state(world: &World) -> String {
    let mut text =
        format!("at {} s, event {}, epoch {}\n", world.kernel.now, world.kernel.event, world.coordination.epoch);
    for (index, master) in world.masters.iter().enumerate() {
        let what = match &master.state {
            MasterState::Down => "down".to_owned(),
            MasterState::Standby => "standby".to_owned(),
            MasterState::Reading(epoch) => format!("reading the log for epoch {epoch}"),
            MasterState::Leading(term) => format!("leading in epoch {}", term.epoch),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "m{} {what}", index + 1);
    }
    text.push_str(&agents(world));
    text.push_str(&schedulers(world));
    text.push_str(&tasks(world));
    text.push_str(&offers(world));
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
            format!("{:?}, used {}, offered {}", view.standing, view.used, view.offered)
        });
        let id = agent.id.as_ref().map_or("-", |id| id.as_str());
        let running = agent.machine.running().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let up = if agent.is_up() { "up" } else { "down" };
        let _ = writeln!(text, "agent {index} {id} {up}: {shown}; runs [{running}]");
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
            "scheduler {index} of {} {id}, incarnation {}: {what}; holds [{offers}]",
            framework.name, scheduler.incarnation
        );
    }
    text
}

/// Tasks, as the master shows them.
#[must_use]
pub fn tasks(world: &World) -> String {
    let mut text = String::new();
    for (key, view) in &world.model.tasks {
        let reason = view.latest.reason.map_or(String::new(), |reason| format!(" ({reason:?})"));
        let _ = writeln!(
            text,
            "task {key} on {}: {}{reason}, {} unacknowledged",
            view.agent,
            brief::status(&view.latest),
            view.unacknowledged
        );
    }
    text
}

/// Outstanding offers.
#[must_use]
pub fn offers(world: &World) -> String {
    let mut text = String::new();
    for offer in world.model.offers.values() {
        let _ = writeln!(
            text,
            "offer {} to {} for {} of {}: {}",
            offer.id, offer.framework, offer.role, offer.agent, offer.resources
        );
    }
    text
}
