//! Why not, with numbers.

use crate::{
    Master,
    agents::Agent,
    allocator::{WhyNot, offerable},
    effect::AgentStanding,
    frameworks::Framework,
};
use proto_types::{
    FrameworkId, ResourceName, Resources, Role, Scalar, TaskKey, TaskState,
    agent::Duty,
    resources::Quantities,
    scheduling::{Explanation, ReasonLine, Refusal, Subject},
    time::Monotonic,
};
use std::time::Duration;

/// Agents by what keeps their resources from a framework.
#[derive(Debug, Default)]
struct Census {
    agents: u32,
    away: u32,
    withdrawn: u32,
    busy: u32,
    excluded: u32,
    limited: u32,
    small: u32,
    filtered: u32,
    filtered_until: Option<Monotonic>,
    offerable: u32,
}

impl Master {
    pub(crate) fn explain_to_framework(&self, id: &FrameworkId, subject: &Subject) -> Result<Explanation, Refusal> {
        match subject {
            Subject::Framework => self.explain_framework(id),
            Subject::Task(task) => self.explain_task(&TaskKey { framework: id.clone(), task: task.clone() }),
            Subject::Shape { resources, role } => self.explain_shape(id, resources, role.as_ref()),
        }
    }

    pub(crate) fn explain_framework(&self, id: &FrameworkId) -> Result<Explanation, Refusal> {
        let missing = || Refusal::NotFound(format!("there is no framework {id}"));
        let framework = self.frameworks.get(id).ok_or_else(missing)?;
        let mut reasons = Vec::new();
        if framework.removed {
            reasons.push(line("removed", "the framework was removed; its tasks are being ended".to_owned(), 0));
        } else if let Some(away) = &framework.away {
            let left = away.deadline.since(self.now.monotonic);
            let message = format!("its scheduler is not connected; the framework is removed in {} s", seconds(left));
            reasons.push(line("disconnected", message, 0));
        }
        if !framework.offers.is_empty() {
            let message =
                format!("it holds {} offers with {}; it has only to accept", framework.offers.len(), framework.offered);
            reasons.push(line("offered", message, 0));
        }
        for role in &framework.info.roles {
            self.explain_role_of(id, framework, role, &mut reasons);
        }
        if reasons.is_empty() {
            reasons.push(line("waiting", "nothing keeps it from offers; the next round makes them".to_owned(), 0));
        }
        Ok(explanation(reasons))
    }

    fn explain_role_of(&self, id: &FrameworkId, framework: &Framework, role: &Role, reasons: &mut Vec<ReasonLine>) {
        if framework.suppressed.contains(role) {
            let message = format!("it suppressed offers for role {role} and has to revive it");
            reasons.push(line("suppressed", message, 0));
            return;
        }
        let census = self.census(id, framework, role);
        self.explain_limits(role, &census, reasons);
        let mut push = |count: u32, code, message: String| {
            if count > 0 {
                reasons.push(line(code, format!("role {role}: {message}"), count));
            }
        };
        if census.agents == 0 && census.withdrawn == 0 {
            push(1, "no_agents", "no agent is connected".to_owned());
        }
        let withdrawn = format!("{} draining, drained or deactivated by an operator", count_of(census.withdrawn));
        push(census.withdrawn, "withdrawn", withdrawn);
        let until = census.filtered_until.map_or(Duration::ZERO, |until| until.since(self.now.monotonic));
        let filtered = format!(
            "{} filtered because the framework refused them, the first for {} s more",
            count_of(census.filtered),
            seconds(until)
        );
        push(census.filtered, "filtered", filtered);
        push(census.busy, "busy", format!("{} without anything free", count_of(census.busy)));
        push(census.small, "insufficient", self.explain_minimum(framework, role, &census));
        push(census.excluded, "constraint", format!("{} excluded by its constraints", count_of(census.excluded)));
        push(census.away, "away", format!("{} not connected", count_of(census.away)));
    }

    fn explain_limits(&self, role: &Role, census: &Census, reasons: &mut Vec<ReasonLine>) {
        if census.limited == 0 {
            return;
        }
        let lineage = std::iter::successors(Some(role.clone()), Role::parent);
        for ancestor in lineage {
            let Some(node) = self.roles.get(&ancestor).filter(|node| !node.limit.is_empty()) else { continue };
            let message = format!(
                "role {ancestor} is at its limit: it may have {} and has {}{}",
                node.limit,
                some(&node.allocated),
                self.explain_missing()
            );
            reasons.push(line("limit", message, census.limited));
        }
    }

    /// What limits count although nobody knows whose it is.
    fn explain_missing(&self) -> String {
        let missing = self.roles.missing();
        if missing.is_empty() {
            return String::new();
        }
        format!(", and may have up to {missing} more on agents that are not back since this master leads")
    }

    fn explain_minimum(&self, framework: &Framework, role: &Role, census: &Census) -> String {
        let minimum = framework.wants.constraints.get(role).map(|constraints| &constraints.minimum);
        match minimum.filter(|minimum| !minimum.is_empty()) {
            Some(minimum) => format!(
                "it wants at least {minimum} on one agent, the largest has {} free",
                self.largest_free(role, minimum)
            ),
            None => format!("{} with too little free to be worth an offer", count_of(census.small)),
        }
    }

    fn census(&self, id: &FrameworkId, framework: &Framework, role: &Role) -> Census {
        let mut census = Census::default();
        let headroom = self.roles.headroom(role);
        for (_, agent) in self.agents.iter() {
            match agent.standing {
                AgentStanding::Connected if !agent.may_be_offered() => {
                    census.withdrawn += 1;
                    continue;
                }
                AgentStanding::Connected => census.agents += 1,
                AgentStanding::Gone => continue,
                AgentStanding::Disconnected | AgentStanding::Recovered | AgentStanding::Unreachable => {
                    census.away += 1;
                    continue;
                }
            }
            match offerable(agent, id, framework, role, &headroom) {
                Ok(_) | Err(WhyNot::NoCredit) => census.offerable += 1,
                Err(WhyNot::Constraint) => census.excluded += 1,
                Err(WhyNot::Limit) => census.limited += 1,
                Err(WhyNot::TooLittle) if agent.free.is_empty() => census.busy += 1,
                Err(WhyNot::TooLittle) => census.small += 1,
                Err(WhyNot::Filtered(until)) => {
                    census.filtered += 1;
                    let first = census.filtered_until.map_or(until, |first| first.min(until));
                    census.filtered_until = Some(first);
                }
            }
        }
        census
    }

    fn explain_shape(
        &self,
        id: &FrameworkId,
        resources: &Resources,
        role: Option<&Role>,
    ) -> Result<Explanation, Refusal> {
        let missing = || Refusal::NotFound(format!("there is no framework {id}"));
        let framework = self.frameworks.get(id).ok_or_else(missing)?;
        let role = match role.or(framework.info.roles.first()) {
            Some(role) => role,
            None => return Err(missing()),
        };
        let need = resources.quantities();
        let usable = |all: &Resources| all.usable_by(role);
        let connected = || self.agents.iter().filter(|(_, agent)| agent.may_be_offered());
        let held = |agent: &Agent| {
            let mut available = usable(&agent.free);
            let own = agent.offers.iter().filter_map(|offer| self.offers.get(offer));
            own.filter(|offer| offer.framework == *id).for_each(|offer| available.add(&offer.resources));
            available
        };
        let fits_now = count(connected().filter(|(_, agent)| fits(&need, &held(agent))));
        let fits_ever = count(connected().filter(|(_, agent)| fits(&need, &usable(&agent.info.resources))));
        let all = count(connected());
        let mut reasons = Vec::new();
        if fits_now > 0 {
            reasons.push(line("fits", format!("{need} fit on {} now", count_of(fits_now)), fits_now));
        } else if fits_ever > 0 {
            let message = format!(
                "needs {need} on one agent, the largest has {} free; {} would have room if nothing ran there",
                self.largest_free(role, &need),
                count_of(fits_ever)
            );
            reasons.push(line("insufficient", message, all));
        } else {
            let message = format!(
                "needs {need} on one agent, the largest of {} has {} in all; it will never run here",
                count_of(all),
                self.largest_total(role, &need)
            );
            reasons.push(line("impossible", message, all));
        }
        if !self.roles.headroom(role).admit(&need) {
            let headroom = self.roles.headroom(role);
            reasons.push(line("limit", format!("role {role} may get only {headroom} more by its limits"), 0));
        }
        self.explain_role_of(id, framework, role, &mut reasons);
        Ok(explanation(reasons))
    }

    pub(crate) fn explain_task(&self, key: &TaskKey) -> Result<Explanation, Refusal> {
        let Some(task) = self.frameworks.task(key) else {
            let present = self.frameworks.get(&key.framework).and_then(|f| f.completed_on.get(&key.task));
            let agent = present.or_else(|| self.history.agent_of(&key.framework, &key.task));
            let agent = agent.ok_or_else(|| Refusal::NotFound(format!("there is no task {key}")))?;
            return Ok(explanation(vec![line("over", format!("the task is over; it was on agent {agent}"), 0)]));
        };
        let state = task.state();
        let since = self.now.wall.0.saturating_sub(task.latest.timestamp.0);
        let agent = self.agents.get(&task.agent);
        let place = agent.map_or_else(|| task.agent.to_string(), |a| format!("{} ({})", task.agent, a.info.hostname));
        let mut message = format!("{state} for {} s on agent {place}", seconds(Duration::from_millis(since)));
        if !task.latest.message.is_empty() {
            message.push_str(": ");
            message.push_str(&task.latest.message);
        }
        let mut reasons = vec![line("state", message, 0)];
        if let Some(agent) = agent.filter(|agent| agent.standing != AgentStanding::Connected) {
            reasons.push(line(
                "agent",
                format!("agent {} is {} and says nothing new", task.agent, agent.standing.name()),
                1,
            ));
        }
        if let Some(agent) = agent.filter(|agent| agent.duty != Duty::Active) {
            let message = match agent.duty {
                Duty::Draining(_) => format!("agent {} is draining: the task was told to end", task.agent),
                duty => format!("agent {} is {}", task.agent, duty.name()),
            };
            reasons.push(line("duty", message, 1));
        }
        if state == TaskState::Staging && task.received == 0 {
            let message = "the agent has not said anything about it yet".to_owned();
            reasons.push(line("staging", message, 1));
        }
        if agent.is_some_and(|agent| agent.kills.contains_key(key)) {
            reasons.push(line("killing", "it was asked to end".to_owned(), 0));
        }
        if !task.tail.is_empty() {
            let message = format!("its scheduler has {} updates still to acknowledge", task.tail.len());
            reasons.push(line("unacknowledged", message, 0));
        }
        Ok(explanation(reasons))
    }

    pub(crate) fn explain_role(&self, role: &Role) -> Result<Explanation, Refusal> {
        let missing = || Refusal::NotFound(format!("there is no role {role}: nobody subscribed for it or set it"));
        let node = self.roles.get(role).ok_or_else(missing)?;
        let share = Scalar::from_milli(self.roles.share_milli(node) * 100);
        let weight = Scalar::from_milli(node.weight_milli);
        let message = format!("it has {} ({share} % of the cluster) at weight {weight}", some(&node.allocated));
        let mut reasons = vec![line("share", message, 0)];
        if !node.limit.is_empty() {
            let left = self.roles.headroom(role);
            let missing = self.explain_missing();
            let message = format!("its limit is {}, with those above it {left} are left{missing}", node.limit);
            reasons.push(line("limit", message, 0));
        }
        for id in node.frameworks() {
            let Some(framework) = self.frameworks.get(id) else { continue };
            let standing = match (framework.is_connected(), framework.suppressed.contains(role)) {
                (false, _) => "not connected",
                (true, true) => "suppressed",
                (true, false) => "served",
            };
            let message =
                format!("framework {id} ({}) is {standing} and has {}", framework.info.name, some(&framework.used));
            reasons.push(line("framework", message, 0));
        }
        Ok(explanation(reasons))
    }

    fn largest_free(&self, role: &Role, need: &Quantities) -> Quantities {
        self.largest(need, |agent| agent.free.usable_by(role))
    }

    fn largest_total(&self, role: &Role, need: &Quantities) -> Quantities {
        self.largest(need, |agent| agent.info.resources.usable_by(role))
    }

    /// The amounts, of the names asked for, of the agent that comes nearest to having enough.
    fn largest(&self, need: &Quantities, of: impl Fn(&Agent) -> Resources) -> Quantities {
        let connected = self.agents.iter().filter(|(_, agent)| agent.may_be_offered());
        let amounts = connected.map(|(_, agent)| of(agent).quantities());
        let cover = |have: &Quantities| {
            let part = |(name, amount): &(ResourceName, Scalar)| {
                have.get(name).milli().saturating_mul(1000).checked_div(amount.milli()).unwrap_or(1000).min(1000)
            };
            need.iter().map(part).min().unwrap_or(0)
        };
        let best = amounts.max_by_key(cover).unwrap_or_default();
        need.iter().map(|(name, _)| (name.clone(), best.get(name))).collect()
    }
}

fn fits(need: &Quantities, have: &Resources) -> bool {
    need.iter().all(|(name, amount)| have.scalar(name) >= *amount)
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn count_of(agents: u32) -> String {
    if agents == 1 { "1 agent".to_owned() } else { format!("{agents} agents") }
}

/// Seconds with one decimal.
fn seconds(duration: Duration) -> Scalar {
    Scalar::from_milli(u64::try_from(duration.as_millis() / 100 * 100).unwrap_or(u64::MAX))
}

fn some(amounts: &Quantities) -> String {
    if amounts.is_empty() { "nothing".to_owned() } else { amounts.to_string() }
}

fn line(code: &'static str, message: String, agents: u32) -> ReasonLine {
    ReasonLine { code: code.into(), message, agents }
}

fn explanation(reasons: Vec<ReasonLine>) -> Explanation {
    let summary = reasons.iter().map(|reason| reason.message.as_str()).take(3).collect::<Vec<_>>().join("; ");
    Explanation { summary, reasons }
}
