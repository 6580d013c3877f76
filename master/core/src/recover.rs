//! From the registry to a master, and back.

use crate::{
    Config, Master,
    adoption::Adoption,
    agents::{Agent, Agents},
    allocator::RoundReport,
    effect::AgentStanding,
    frameworks::{Framework, Frameworks},
    history::History,
    minted::Mint,
    offers::Offers,
    output::Output,
    roles::{Roles, WEIGHT_DEFAULT_MILLI},
    timers::{Timer, Timers},
};
use proto_types::{
    ClusterId, Epoch, FrameworkId, Now, Principal,
    agent::Duty,
    registry::{Fact, RegistryChange},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

impl Master {
    /// A master that begins its term with what its registry holds, oldest change first.
    #[must_use]
    pub fn recover(
        config: Config,
        cluster: ClusterId,
        epoch: Epoch,
        registry: impl IntoIterator<Item = RegistryChange>,
        now: Now,
    ) -> Self {
        let mut master = Self {
            config,
            cluster,
            epoch,
            now,
            mint: Mint::new(epoch),
            agents: Agents::default(),
            frameworks: Frameworks::default(),
            offers: Offers::default(),
            roles: Roles::default(),
            timers: Timers::default(),
            out: Output::default(),
            last_tick: None,
            last_round: RoundReport::default(),
            history: History::default(),
            last_marked: None,
            absence: None,
            last_removal: None,
            adoption: None,
        };
        let mut remaining = BTreeMap::new();
        for change in registry {
            master.replay(change, &mut remaining);
        }
        master.arm(&remaining);
        master
    }

    fn replay(&mut self, change: RegistryChange, remaining: &mut BTreeMap<FrameworkId, Duration>) {
        match change.fact {
            Fact::ClusterAdopted { above } => {
                let until = self.now.monotonic + self.config.reregistration_timeout;
                self.adoption = Some(Adoption::new(above, until));
            }
            Fact::AgentAdmitted { agent: id, info } => match self.agents.change(&id) {
                Some(agent) => (agent.info, agent.principal) = (info, change.principal),
                None => {
                    let agent = Agent::new(info, change.principal, AgentStanding::Recovered, self.now.wall);
                    self.agents.insert(id, agent);
                }
            },
            Fact::AgentMarkedUnreachable { agent: id, since } => {
                if let Some(agent) = self.agents.change(&id) {
                    (agent.standing, agent.since) = (AgentStanding::Unreachable, since);
                    agent.marked_by = change.principal;
                }
            }
            Fact::AgentMarkedReachable { agent: id } => {
                if let Some(agent) = self.agents.change(&id) {
                    (agent.standing, agent.since) = (AgentStanding::Recovered, self.now.wall);
                }
            }
            Fact::AgentMarkedGone { agent: id, since } => {
                self.agents.set_gone(&id, since, &change.principal);
            }
            Fact::AgentForgotten { agent: id } => {
                self.agents.remove(&id);
                self.remember_forgotten_agent(&id);
            }
            Fact::AgentDeactivated { agent: id } => {
                self.agents.set_duty(&id, Duty::Deactivated, &change.principal);
            }
            Fact::AgentReactivated { agent: id } => self.agents.set_duty(&id, Duty::Active, &change.principal),
            Fact::AgentDrainBegun { agent: id, drain } => {
                self.agents.set_duty(&id, Duty::Draining(drain), &change.principal);
            }
            Fact::AgentDrained { agent: id } => {
                let drain = self.agents.get(&id).and_then(|agent| agent.duty.drain()).unwrap_or_default();
                self.agents.set_duty(&id, Duty::Drained(drain), &change.principal);
            }
            Fact::AgentMaintenanceScheduled { agent: id, unavailability } => {
                self.agents.set_unavailability(&id, Some(unavailability), &change.principal);
            }
            Fact::AgentMaintenanceEnded { agent: id } => self.agents.end_maintenance(&id, &change.principal),
            Fact::FrameworkRegistered { info, incarnation, registered } => {
                let Some(id) = info.id.clone() else { return };
                match self.frameworks.change(&id) {
                    Some(framework) => (framework.info, framework.incarnation) = (info, incarnation),
                    None => {
                        let framework = Framework::new(info, incarnation, change.principal, registered);
                        self.frameworks.insert(id, framework);
                    }
                }
            }
            Fact::FrameworkDisconnected { framework, remaining: left } => drop(remaining.insert(framework, left)),
            Fact::FrameworkConnected { framework } => drop(remaining.remove(&framework)),
            Fact::FrameworkRemoved { framework } => {
                self.frameworks.remove(&framework);
                self.remember_dead_framework(&framework);
            }
            Fact::RoleUpdated { role, weight_milli, limit } => {
                self.roles.configure(&role, weight_milli, limit, change.principal);
            }
        }
    }

    /// Sets the clocks of a new term: agents have the re-registration period to come back, frameworks what was left of
    /// their failover timeout when a leader last led.
    fn arm(&mut self, remaining: &BTreeMap<FrameworkId, Duration>) {
        let deadline = self.now.monotonic + self.config.reregistration_timeout;
        let recovered: Vec<_> = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.standing == AgentStanding::Recovered)
            .map(|(id, _)| id.clone())
            .collect();
        for id in recovered {
            let timer = self.timers.set(deadline, Timer::Missing(id.clone()));
            if let Some(agent) = self.agents.change(&id) {
                self.roles.expect(&agent.info.resources);
                agent.liveness.timer = Some(timer);
            }
        }
        let unreachable: Vec<_> = self
            .agents
            .iter()
            .filter(|(_, agent)| agent.standing == AgentStanding::Unreachable)
            .map(|(id, agent)| (id.clone(), self.waits_for(agent.since)))
            .collect();
        for (id, left) in unreachable {
            self.arm_giving_up(&id, left);
        }
        for id in self.agents.draining.clone() {
            self.arm_drain(&id);
        }
        let frameworks: Vec<_> =
            self.frameworks.iter().map(|(id, framework)| (id.clone(), framework.info.failover_timeout)).collect();
        for (id, timeout) in frameworks {
            let left = remaining.get(&id).copied().unwrap_or(timeout);
            self.arm_failover(&id, left);
            self.subscribe_roles(&id);
        }
    }

    /// The changes that rebuild the present registry, for a snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Vec<RegistryChange> {
        let mut changes = Vec::new();
        let mut push =
            |principal: &Principal, fact| changes.push(RegistryChange { principal: principal.clone(), fact });
        for fact in self.adoption.iter().flat_map(Adoption::facts) {
            push(&Principal::anonymous(), fact);
        }
        for (role, node) in self.roles.iter() {
            if node.weight_milli != WEIGHT_DEFAULT_MILLI || !node.limit.is_empty() {
                let (weight_milli, limit) = (node.weight_milli, node.limit.clone());
                push(&node.configured_by, Fact::RoleUpdated { role: role.clone(), weight_milli, limit });
            }
        }
        for (id, agent) in self.agents.iter() {
            push(&agent.principal, Fact::AgentAdmitted { agent: id.clone(), info: Arc::clone(&agent.info) });
            let since = agent.since;
            match agent.standing {
                AgentStanding::Unreachable => {
                    push(&agent.marked_by, Fact::AgentMarkedUnreachable { agent: id.clone(), since });
                }
                AgentStanding::Gone => push(&agent.marked_by, Fact::AgentMarkedGone { agent: id.clone(), since }),
                AgentStanding::Connected | AgentStanding::Disconnected | AgentStanding::Recovered => {}
            }
            let by = &agent.duty_by;
            if agent.duty == Duty::Deactivated {
                push(by, Fact::AgentDeactivated { agent: id.clone() });
            }
            if let Some(drain) = agent.duty.drain() {
                push(by, Fact::AgentDrainBegun { agent: id.clone(), drain });
            }
            if matches!(agent.duty, Duty::Drained(_)) {
                push(by, Fact::AgentDrained { agent: id.clone() });
            }
            if let Some(unavailability) = agent.unavailability {
                let fact = Fact::AgentMaintenanceScheduled { agent: id.clone(), unavailability };
                push(&agent.unavailability_by, fact);
            }
        }
        for (id, framework) in self.frameworks.iter().filter(|(_, framework)| !framework.removed) {
            let (incarnation, registered) = (framework.incarnation, framework.registered);
            let info = Arc::clone(&framework.info);
            push(&framework.principal, Fact::FrameworkRegistered { info, incarnation, registered });
            if let Some(away) = &framework.away {
                let remaining = away.deadline.since(self.now.monotonic);
                push(&framework.principal, Fact::FrameworkDisconnected { framework: id.clone(), remaining });
            }
        }
        changes
    }
}
