//! The invariants of a master's state, as named functions. Simulations run them all the time, operators on demand.

use crate::{Master, agents::Agent, effect::AgentStanding};
use proto_types::{AgentId, Resources, agent::Duty, resources::Quantities, status::MASTER_SEQUENCES};
use std::collections::BTreeSet;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which: the name of the function that found it.
    pub invariant: &'static str,
    /// Of what, with numbers.
    pub detail: String,
}

type Check = fn(&Master, &mut Vec<String>);

/// All invariants by name.
const CHECKS: [(&str, Check); 11] = [
    ("agents_use_what_their_tasks_and_executors_use", agents_use_what_their_tasks_and_executors_use),
    ("agents_offer_what_their_offers_hold", agents_offer_what_their_offers_hold),
    ("no_resource_is_promised_twice", no_resource_is_promised_twice),
    ("frameworks_have_what_their_tasks_and_offers_hold", frameworks_have_what_their_tasks_and_offers_hold),
    ("roles_have_what_their_frameworks_have", roles_have_what_their_frameworks_have),
    ("limits_count_agents_that_are_not_back", limits_count_agents_that_are_not_back),
    ("offers_are_of_active_agents_to_connected_frameworks", offers_are_of_active_agents_to_connected_frameworks),
    ("only_tasks_that_may_run_use_resources", only_tasks_that_may_run_use_resources),
    ("updates_wait_in_order", updates_wait_in_order),
    ("filters_are_in_both_books", filters_are_in_both_books),
    ("agents_out_of_use_have_nothing_left", agents_out_of_use_have_nothing_left),
];

impl Master {
    /// Every invariant that does not hold. Empty in a sound master. Looks at everything: not for every event of a
    /// large cluster.
    #[must_use]
    pub fn check(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (invariant, check) in CHECKS {
            let mut details = Vec::new();
            check(self, &mut details);
            violations.extend(details.into_iter().map(|detail| Violation { invariant, detail }));
        }
        violations
    }
}

fn agents_use_what_their_tasks_and_executors_use(master: &Master, details: &mut Vec<String>) {
    for (id, agent) in master.agents.iter() {
        let used = used_on(master, agent);
        if used != agent.used {
            details.push(format!("agent {id}: the book says {}, tasks and executors use {used}", agent.used));
        }
    }
}

fn used_on(master: &Master, agent: &Agent) -> Resources {
    let mut used = Resources::default();
    for key in &agent.tasks {
        if let Some(task) = master.frameworks.task(key).filter(|task| task.charged) {
            used.add(&task.resources());
        }
    }
    for executor in agent.executors.values() {
        used.add(&executor.info.resources);
    }
    used
}

fn agents_offer_what_their_offers_hold(master: &Master, details: &mut Vec<String>) {
    for (id, agent) in master.agents.iter() {
        let offered =
            sum(agent.offers.iter().filter_map(|offer| master.offers.get(offer)).map(|offer| &offer.resources));
        if offered != agent.offered {
            details.push(format!("agent {id}: the book says {}, offers hold {offered}", agent.offered));
        }
    }
}

fn no_resource_is_promised_twice(master: &Master, details: &mut Vec<String>) {
    for (id, agent) in master.agents.iter() {
        // An agent that came back smaller may use more than it has; it must then have nothing on offer.
        let free_of_tasks = agent.info.resources.minus(&agent.used);
        if !free_of_tasks.contains(&agent.offered) {
            details.push(format!("agent {id}: offered {}, not used are {free_of_tasks}", agent.offered));
        }
        let free = free_of_tasks.minus(&agent.offered);
        if agent.may_be_offered() && agent.free != free {
            details.push(format!("agent {id}: the book says {} are free, it is {free}", agent.free));
        }
    }
}

fn frameworks_have_what_their_tasks_and_offers_hold(master: &Master, details: &mut Vec<String>) {
    for (id, framework) in master.frameworks.iter() {
        let mut used = Quantities::default();
        for task in framework.tasks.values().filter(|task| task.charged) {
            used.add(&task.resources());
        }
        for (_, agent) in master.agents.iter() {
            let own = agent.executors.iter().filter(|((owner, _), _)| owner == id);
            own.for_each(|(_, executor)| used.add(&executor.info.resources));
        }
        if used != framework.used {
            details.push(format!("framework {id}: the book says {}, it uses {used}", framework.used));
        }
        let mut offered = Quantities::default();
        for offer in framework.offers.iter().filter_map(|offer| master.offers.get(offer)) {
            offered.add(&offer.resources);
        }
        if offered != framework.offered {
            details.push(format!("framework {id}: the book says {} offered, it is {offered}", framework.offered));
        }
    }
}

fn roles_have_what_their_frameworks_have(master: &Master, details: &mut Vec<String>) {
    for (role, node) in master.roles.iter() {
        let mut allocated = Quantities::default();
        for (_, framework) in master.frameworks.iter() {
            let tasks = framework.tasks.values().filter(|task| task.charged && task.role.is_within(role));
            tasks.for_each(|task| allocated.add(&task.resources()));
        }
        // The executors of a removed framework use what they have until they end.
        for (_, agent) in master.agents.iter() {
            let own = agent.executors.values().filter(|held| held.role.is_within(role));
            own.for_each(|executor| allocated.add(&executor.info.resources));
        }
        for offer in master.offers.iter().filter(|offer| offer.role.is_within(role)) {
            allocated.add(&offer.resources);
        }
        if allocated != node.allocated {
            details.push(format!("role {role}: the book says {}, it has {allocated}", node.allocated));
        }
    }
}

fn limits_count_agents_that_are_not_back(master: &Master, details: &mut Vec<String>) {
    let mut missing = Quantities::default();
    let away = master.agents.iter().filter(|(_, agent)| agent.standing == AgentStanding::Recovered);
    away.for_each(|(_, agent)| missing.add(&agent.info.resources));
    if missing != *master.roles.missing() {
        details.push(format!("the book says {}, agents that are not back have {missing}", master.roles.missing()));
    }
}

fn offers_are_of_active_agents_to_connected_frameworks(master: &Master, details: &mut Vec<String>) {
    for offer in master.offers.iter() {
        let agent = master.agents.get(&offer.agent);
        if !agent.is_some_and(Agent::may_be_offered) {
            let standing = agent.map(|agent| (agent.standing.name(), agent.duty.name()));
            details.push(format!("offer {}: agent {} is {standing:?}", offer.id, offer.agent));
        }
        if !master.frameworks.get(&offer.framework).is_some_and(|f| f.is_connected() && !f.removed) {
            details.push(format!("offer {}: framework {} is not connected", offer.id, offer.framework));
        }
    }
}

fn only_tasks_that_may_run_use_resources(master: &Master, details: &mut Vec<String>) {
    for (id, framework) in master.frameworks.iter() {
        for (task_id, task) in &framework.tasks {
            if task.is_active() != task.charged {
                details.push(format!("task {id}/{task_id} is {} and charged: {}", task.state(), task.charged));
            }
            if !holds_task(master, &task.agent, id, task_id) {
                details.push(format!("task {id}/{task_id} is not in the book of agent {}", task.agent));
            }
        }
    }
}

fn holds_task(
    master: &Master,
    agent: &AgentId,
    framework: &proto_types::FrameworkId,
    task: &proto_types::TaskId,
) -> bool {
    let key = proto_types::TaskKey { framework: framework.clone(), task: task.clone() };
    master.agents.get(agent).is_some_and(|agent| agent.tasks.contains(&key))
}

fn updates_wait_in_order(master: &Master, details: &mut Vec<String>) {
    for (id, framework) in master.frameworks.iter() {
        let sent: usize = framework.tasks.values().map(|task| task.sent).sum();
        if framework.is_connected() && sent != framework.in_flight as usize {
            details.push(format!("framework {id}: {sent} updates sent, the book says {}", framework.in_flight));
        }
        for (task_id, task) in &framework.tasks {
            let rising = |masters: bool| {
                let own = task.tail.iter().map(|status| status.sequence);
                own.filter(|sequence| (*sequence >= MASTER_SEQUENCES) == masters).is_sorted_by(|a, b| a < b)
            };
            if !rising(true) || !rising(false) || task.sent > task.tail.len() {
                let sequences: Vec<u64> = task.tail.iter().map(|status| status.sequence).collect();
                details.push(format!("task {id}/{task_id}: {} sent of {sequences:?}", task.sent));
            }
        }
    }
}

fn filters_are_in_both_books(master: &Master, details: &mut Vec<String>) {
    let by_agent: BTreeSet<_> = master
        .agents
        .iter()
        .flat_map(|(agent, found)| found.filters.keys().map(move |(framework, role)| (framework, agent, role)))
        .collect();
    let by_framework: BTreeSet<_> = master
        .frameworks
        .iter()
        .flat_map(|(framework, found)| found.filtered.iter().map(move |(agent, role)| (framework, agent, role)))
        .collect();
    for (framework, agent, role) in by_agent.symmetric_difference(&by_framework) {
        details.push(format!("framework {framework}, agent {agent}, role {role}: a filter is in one book only"));
    }
}

/// An agent that is gone has no link and runs nothing; one that is drained and here runs nothing.
fn agents_out_of_use_have_nothing_left(master: &Master, details: &mut Vec<String>) {
    for (id, agent) in master.agents.iter() {
        let gone = agent.standing == AgentStanding::Gone;
        let drained = matches!(agent.duty, Duty::Drained(_)) && agent.standing == AgentStanding::Connected;
        let left = master.tasks_of_agent(id).len();
        if (gone || drained) && left > 0 {
            details.push(format!(
                "agent {id} is {}, {}, and has {left} tasks",
                agent.standing.name(),
                agent.duty.name()
            ));
        }
        if gone && agent.link.is_some() {
            details.push(format!("agent {id} is gone and has a link"));
        }
    }
}

fn sum<'a>(all: impl Iterator<Item = &'a Resources>) -> Resources {
    all.fold(Resources::default(), |mut sum, resources| {
        sum.add(resources);
        sum
    })
}
