//! What holds when a world has come to rest: the faults are over, and everything has found its place.

use crate::{
    agents::AgentHost,
    hosts::{AgentIndex, SchedulerIndex},
    violation::{Invariant, Violation},
    world::World,
};
use master_core::effect::AgentStanding;
use proto_types::{FrameworkId, TaskKey, TaskState};
use std::time::Duration;

/// How long a message about an offer may be under way before one side is said not to know.
const UNDER_WAY: Duration = Duration::from_secs(15);

type Check = fn(&World) -> Option<String>;

const CHECKS: [(Invariant, Check); 10] = [
    (Invariant::SomebodyLeads, somebody_leads),
    (Invariant::EveryLivingAgentIsConnected, every_living_agent_is_connected),
    (Invariant::EveryLivingSchedulerIsSubscribed, every_living_scheduler_is_subscribed),
    (Invariant::ASchedulerHoldsNoOfferThatIsGone, a_scheduler_holds_no_offer_that_is_gone),
    (Invariant::ARemovedFrameworksTasksEnd, a_removed_frameworks_tasks_end),
    (Invariant::AKilledTaskEnds, a_killed_task_ends),
    (Invariant::EveryAcceptedTaskEndsOrRuns, every_accepted_task_ends_or_runs),
    (Invariant::EveryUpdateIsAcknowledged, every_update_is_acknowledged),
    (Invariant::TheMasterKnowsWhatRuns, the_master_knows_what_runs),
    (Invariant::NoOfferIsHeldByNobody, no_offer_is_held_by_nobody),
];

/// The first thing that has not found its place yet.
#[must_use]
pub fn first_unrest(world: &World) -> Option<Violation> {
    CHECKS.iter().find_map(|(invariant, check)| check(world).map(|detail| Violation { invariant: *invariant, detail }))
}

fn agents(world: &World) -> impl Iterator<Item = (AgentIndex, &AgentHost)> {
    world.agents.iter().enumerate().map(|(index, agent)| (AgentIndex(index as u32), agent))
}

fn somebody_leads(world: &World) -> Option<String> {
    world.leading().is_none().then(|| "nobody leads".to_owned())
}

fn every_living_agent_is_connected(world: &World) -> Option<String> {
    agents(world).filter(|(_, agent)| !agent.lost).find_map(|(index, agent)| {
        let standing = agent.id.as_ref().and_then(|id| world.model.agents.get(id)).map(|view| view.standing);
        let here = agent.is_up() && agent.registered && standing == Some(AgentStanding::Connected);
        (!here).then(|| format!("{index} is {standing:?}, up: {}, registered: {}", agent.is_up(), agent.registered))
    })
}

/// The scheduler of a framework that lives and should be heard.
fn scheduler_of(world: &World, id: &FrameworkId) -> Option<SchedulerIndex> {
    let framework = world.framework(*world.checker.evidence.frameworks.get(id)?);
    (framework.id.as_ref() == Some(id)).then_some(framework.scheduler?)
}

fn every_living_scheduler_is_subscribed(world: &World) -> Option<String> {
    world.frameworks.iter().filter(|framework| !framework.over).find_map(|framework| {
        let index = framework.scheduler?;
        let scheduler = world.scheduler(index);
        (scheduler.session.is_some() && !scheduler.subscribed).then(|| format!("{index} of {}", framework.name))
    })
}

fn a_scheduler_holds_no_offer_that_is_gone(world: &World) -> Option<String> {
    let now = world.kernel.now;
    world.schedulers.iter().enumerate().filter(|(_, scheduler)| scheduler.subscribed).find_map(|(index, scheduler)| {
        let old = scheduler.offers.iter().filter(|(_, (_, since))| now - *since > UNDER_WAY);
        let gone = old.map(|(offer, _)| offer).find(|offer| !world.model.offers.contains_key(*offer))?;
        Some(format!("{} holds {gone}", SchedulerIndex(index as u32)))
    })
}

fn no_offer_is_held_by_nobody(world: &World) -> Option<String> {
    let now = world.kernel.now;
    world.model.offers.values().find_map(|offer| {
        let made = world.checker.offers.made_at(&offer.id)?;
        let scheduler = world.scheduler(scheduler_of(world, &offer.framework)?);
        let lost = scheduler.subscribed && now - made > UNDER_WAY && !scheduler.offers.contains_key(&offer.id);
        lost.then(|| format!("{} for {}", offer.id, offer.framework))
    })
}

fn a_removed_frameworks_tasks_end(world: &World) -> Option<String> {
    agents(world).find_map(|(index, agent)| {
        let dead = |key: &&TaskKey| world.checker.registry.is_removed(&key.framework);
        agent.machine.running().find(dead).map(|key| format!("{key} runs on {index}"))
    })
}

fn a_killed_task_ends(world: &World) -> Option<String> {
    agents(world).filter(|(_, agent)| agent.is_up()).find_map(|(index, agent)| {
        let killed = |key: &&TaskKey| world.checker.evidence.tasks.get(*key).is_some_and(|record| record.killed);
        agent.machine.running().find(killed).map(|key| format!("{key} runs on {index}"))
    })
}

fn every_accepted_task_ends_or_runs(world: &World) -> Option<String> {
    world.checker.evidence.open.iter().find_map(|key| {
        if !world.checker.registry.is_alive(&key.framework) {
            return None;
        }
        let scheduler = world.scheduler(scheduler_of(world, &key.framework)?);
        scheduler.session.as_ref()?;
        let record = world.checker.evidence.tasks.get(key)?;
        let alive = matches!(
            record.seen,
            Some(TaskState::Staging | TaskState::Starting | TaskState::Running | TaskState::Killing)
        );
        // An agent that nobody knows any more may hold it for all the master knows.
        if record.started.is_none() && ghosts(world) {
            return None;
        }
        let on_lost = record.started.is_some_and(|index| world.agents[index.0 as usize].lost);
        let settled = (alive && record.runs()) || (on_lost && record.seen == Some(TaskState::Unreachable));
        (!settled).then(|| {
            let (seen, started, ended) = (record.seen, record.started, record.ended);
            format!("{key}: seen {seen:?}, started {started:?}, ended {ended:?}")
        })
    })
}

/// Whether the master waits for an agent that forgot who it was before it had written it down.
fn ghosts(world: &World) -> bool {
    let waiting = |standing| matches!(standing, AgentStanding::Unreachable | AgentStanding::Recovered);
    world
        .model
        .agents
        .iter()
        .any(|(id, view)| waiting(view.standing) && !world.agents.iter().any(|agent| agent.id.as_ref() == Some(id)))
}

fn every_update_is_acknowledged(world: &World) -> Option<String> {
    agents(world).filter(|(_, agent)| agent.is_up()).find_map(|(index, agent)| {
        let heard = |key: &TaskKey| {
            let scheduler = scheduler_of(world, &key.framework).map(|index| world.scheduler(index));
            scheduler.is_none_or(|scheduler| scheduler.session.is_some())
        };
        let waiting = agent.unacknowledged.iter().find(|(key, _)| heard(key))?;
        Some(format!("{} of {} on {index}", waiting.1, waiting.0))
    })
}

fn the_master_knows_what_runs(world: &World) -> Option<String> {
    let unknown = agents(world).filter(|(_, agent)| agent.is_up()).find_map(|(index, agent)| {
        agent.machine.running().find_map(|key| {
            let state = world.model.tasks.get(key).map(|view| view.latest.state);
            let known = state.is_some_and(|state| !state.is_terminal() && state != TaskState::Unreachable);
            (!known).then(|| format!("{key} runs on {index}, the master says {state:?}"))
        })
    });
    unknown.or_else(|| {
        world.model.tasks.iter().find_map(|(key, view)| {
            let state = view.latest.state;
            let should_run = !state.is_terminal() && state != TaskState::Unreachable;
            let runs = world.checker.evidence.tasks.get(key).is_some_and(super::TaskRecord::runs);
            (should_run && !runs).then(|| format!("the master says that {key} is {state}, and it does not run"))
        })
    })
}
