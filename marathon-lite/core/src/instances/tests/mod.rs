//! The table of instances as a whole.

mod health;
mod orders;
mod pods;
mod recovery;
mod stopping;
mod unreachable;
mod updates;

use super::*;
use crate::app::{AppDefinition, HealthCheck, HealthProtocol, PathId, Timestamp, UnreachableStrategy};
use proto_types::{AgentId, TaskId, TaskState, TaskStatus, status::Source, time::Wall};
use std::time::Duration;

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn web() -> PathId {
    PathId::parse("/shop/web").unwrap()
}

/// The id of an instance of `/shop/web`.
fn id(number: u32) -> TaskId {
    instance_id(&web(), &format!("083be411-5d1f-11e5-88f7-{number:012}")).unwrap()
}

fn instance(number: u32) -> Instance {
    Instance::new(id(number), web(), AgentId::new("a1").unwrap(), "h1".into(), at(1))
}

fn status(number: u32, state: TaskState) -> TaskStatus {
    status_of(&id(number), state)
}

fn status_of(task: &TaskId, state: TaskState) -> TaskStatus {
    TaskStatus::new(task.clone(), state, Source::Agent, Wall(0))
}

/// One that is waited for so many seconds, and forgotten after so many.
fn unreachable_rules(inactive: u64, expunge: u64) -> Rules<'static> {
    let unreachable = UnreachableStrategy::Enabled {
        inactive_after: Duration::from_secs(inactive),
        expunge_after: Duration::from_secs(expunge),
    };
    Rules { unreachable, ..Rules::default() }
}

fn checks(protocols: &[HealthProtocol]) -> Vec<HealthCheck> {
    protocols.iter().map(|protocol| HealthCheck::new(*protocol, None)).collect()
}

/// A table with one instance that runs since the second 2.
fn running(rules: &Rules<'_>) -> Instances {
    let mut table = Instances::default();
    let _ = table.launched(instance(1), rules, at(1));
    let _ = table.update(&status(1, TaskState::Running), rules, at(2));
    table
}

fn kinds(transition: &Transition) -> Vec<&'static str> {
    transition.events.iter().map(|event| event.kind).collect()
}

fn condition(table: &Instances, number: u32) -> Option<Condition> {
    table.get(&id(number)).map(|one| one.condition)
}
