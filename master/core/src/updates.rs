//! The way of a status update: from the agent into the task's tail, to the scheduler, and out when acknowledged.

use crate::{Body, Change, LinkId, Master, accounts::Charges, frameworks::Framework, tasks::Task};
use proto_types::{
    AgentId, FrameworkId, TaskId, TaskKey, TaskState, TaskStatus,
    link::ToAgent,
    scheduling::Event,
    status::{MASTER_SEQUENCES, Source},
    weight::{BATCH_MAX, Weigh as _},
};
use std::{collections::BTreeSet, sync::Arc};

impl Master {
    pub(crate) fn on_updates(&mut self, agent: &AgentId, updates: Vec<(FrameworkId, TaskStatus)>) {
        let mut frameworks = BTreeSet::new();
        let mut known = Vec::new();
        for (framework, status) in updates {
            let key = TaskKey { framework, task: status.task.clone() };
            if status.state.is_terminal()
                && let Some(agent) = self.agents.change(agent)
            {
                agent.strays.remove(&key);
            }
            let Some(task) = self.frameworks.task(&key) else {
                // Nobody waits for it: its framework is dead, or it was over and acknowledged before.
                known.push((key, status.sequence));
                continue;
            };
            if task.agent != *agent {
                // An older task with the same id, for which nobody waits.
                known.push((key, status.sequence));
                continue;
            }
            if !task.is_new(status.sequence) {
                // The agent sends again what it has no acknowledgement for. If there is one, it was lost.
                if status.sequence <= task.acknowledged {
                    known.push((key, task.acknowledged));
                }
                continue;
            }
            frameworks.insert(key.framework.clone());
            self.take_update(&key, status);
            self.settle(&key);
        }
        self.acknowledge_to_agent(agent, known);
        for framework in frameworks {
            self.pump(&framework);
        }
    }

    pub(crate) fn insert_task(&mut self, key: &TaskKey, task: Task) {
        if let Some(agent) = self.agents.change(&task.agent) {
            agent.tasks.insert(key.clone());
        }
        if let Some(framework) = self.frameworks.change(&key.framework) {
            framework.tasks.insert(key.task.clone(), task);
        }
        self.frameworks.touched_tasks.insert(key.clone());
    }

    /// Takes an agent's new update into the task's tail.
    pub(crate) fn take_update(&mut self, key: &TaskKey, status: TaskStatus) {
        let Some(task) = self.frameworks.task(key) else { return };
        let status = self.with_cause(&task.agent, status);
        let Some(task) = self.frameworks.change_task(key) else { return };
        task.push(status);
        if let Some(framework) = self.frameworks.change(&key.framework) {
            framework.backlog.insert(key.task.clone());
        }
    }

    /// Makes an update of the master's own. It is sent until acknowledged like any other.
    pub(crate) fn make_update(&mut self, key: &TaskKey, mut status: TaskStatus) {
        let wall = self.now.wall.0;
        let Some(task) = self.frameworks.change_task(key) else { return };
        status.source = Source::Master;
        status.sequence = task.next_mastered(wall);
        status.executor = Some(task.executor.clone());
        task.push(status);
        if let Some(framework) = self.frameworks.change(&key.framework) {
            framework.backlog.insert(key.task.clone());
        }
        self.settle(key);
    }

    /// Brings the books in line with the task's state, and lets a dead framework's updates go.
    pub(crate) fn settle(&mut self, key: &TaskKey) {
        let Some(task) = self.frameworks.task(key) else { return };
        let (active, terminal) = (task.is_active(), task.state().is_terminal());
        if active != task.charged || terminal {
            let agent = task.agent.clone();
            self.settle_account(key, &agent, active);
            if terminal && let Some(agent) = self.agents.change(&agent) {
                agent.kills.remove(key);
            }
        }
        if self.frameworks.get(&key.framework).is_some_and(|framework| framework.removed) {
            self.acknowledge_all(key);
        }
    }

    fn settle_account(&mut self, key: &TaskKey, agent: &AgentId, active: bool) {
        if !active {
            self.discharge_task(key);
        } else if let Some(task) = self.frameworks.change_task(key) {
            let mut charges = Charges::default();
            charges.add(&key.framework, task);
            self.charge_tasks(agent, charges);
        }
    }

    /// Sends the framework what it has credit for.
    pub(crate) fn pump(&mut self, id: &FrameworkId) {
        loop {
            let Some(framework) = self.frameworks.change(id) else { return };
            if !framework.is_connected() {
                return;
            }
            let mut agents = BTreeSet::new();
            let batch = next_batch(framework, &mut agents);
            if batch.is_empty() {
                return;
            }
            let after = agents.iter().filter_map(|agent| self.agents.get(agent)?.written).max();
            self.tell(id, after, Event::Updates(batch));
        }
    }

    pub(crate) fn on_acknowledge(&mut self, id: &FrameworkId, acknowledgements: Vec<(TaskId, u64)>) {
        let mut by_link: std::collections::BTreeMap<LinkId, Vec<(TaskKey, u64)>> = std::collections::BTreeMap::new();
        for (task_id, sequence) in acknowledgements {
            let key = TaskKey { framework: id.clone(), task: task_id };
            let Some(task) = self.frameworks.change_task(&key) else { continue };
            let freed = u32::try_from(task.acknowledge(sequence)).unwrap_or(u32::MAX);
            let (agent, done) = (task.agent.clone(), task.is_done());
            if let Some(framework) = self.frameworks.change(id) {
                framework.in_flight = framework.in_flight.saturating_sub(freed);
            }
            if sequence < MASTER_SEQUENCES
                && let Some(link) = self.agents.get(&agent).and_then(|agent| agent.link)
            {
                by_link.entry(link).or_default().push((key.clone(), sequence));
            }
            if done {
                self.complete(&key);
            }
        }
        for (link, acknowledgements) in by_link {
            self.out.send_agent(None, link, ToAgent::Acknowledge(acknowledgements));
        }
        self.pump(id);
    }

    pub(crate) fn acknowledge_to_agent(&mut self, agent: &AgentId, acknowledgements: Vec<(TaskKey, u64)>) {
        if acknowledgements.is_empty() {
            return;
        }
        if let Some(link) = self.agents.get(agent).and_then(|agent| agent.link) {
            // Updates of a dead framework are gone once acknowledged, so its death has to be stored first.
            self.out.send_agent(self.last_removal, link, ToAgent::Acknowledge(acknowledgements));
        }
    }

    /// Nobody will acknowledge a dead framework's updates, so this master does.
    pub(crate) fn acknowledge_all(&mut self, key: &TaskKey) {
        let Some(task) = self.frameworks.change_task(key) else { return };
        let (agent, received) = (task.agent.clone(), task.received);
        task.acknowledge(received);
        task.acknowledge(u64::MAX);
        // A dead framework's task on an agent that does not answer is told to end when the agent comes back.
        let done = task.is_done() || task.state() == TaskState::Unreachable;
        if received > 0 {
            self.acknowledge_to_agent(&agent, vec![(key.clone(), received)]);
        }
        if done {
            self.complete(key);
        }
    }

    /// The task is over and its scheduler knows: it becomes history.
    fn complete(&mut self, key: &TaskKey) {
        let Some(framework) = self.frameworks.change(&key.framework) else { return };
        let Some(task) = framework.tasks.remove(&key.task) else { return };
        framework.backlog.remove(&key.task);
        if let Some(agent) = self.agents.change(&task.agent) {
            agent.tasks.remove(key);
            agent.kills.remove(key);
        }
        framework.completed.push_back(key.task.clone());
        framework.completed_on.insert(key.task.clone(), task.agent.clone());
        let mut forgotten = None;
        if framework.completed.len() > self.config.completed_tasks_max {
            forgotten = framework.completed.pop_front();
        }
        if let Some(id) = &forgotten {
            framework.completed_on.remove(id);
        }
        let empty_and_dead = framework.removed && framework.tasks.is_empty();
        let hostname = self.agents.get(&task.agent).map_or("", |agent| &agent.info.hostname);
        let view = task.view(hostname);
        self.out.push(None, Body::Changed(Change::Task(key.clone(), Arc::new(view))));
        self.frameworks.touched_tasks.remove(key);
        if let Some(task) = forgotten {
            let key = TaskKey { framework: key.framework.clone(), task };
            self.out.push(None, Body::Changed(Change::TaskForgotten(key)));
        }
        if empty_and_dead {
            self.bury(&key.framework.clone());
        }
    }
}

/// Takes the next updates that the framework has credit for.
fn next_batch(framework: &mut Framework, agents: &mut BTreeSet<AgentId>) -> Vec<TaskStatus> {
    let (mut batch, mut weight) = (Vec::new(), 0);
    let credit = framework.wants.credit.updates;
    while weight < BATCH_MAX && framework.in_flight < credit {
        let Some(task_id) = framework.backlog.first().cloned() else { break };
        let Some(task) = framework.tasks.get_mut(&task_id) else {
            framework.backlog.remove(&task_id);
            continue;
        };
        match task.tail.get(task.sent) {
            Some(status) => {
                weight += status.weight();
                batch.push(status.clone());
                agents.insert(task.agent.clone());
                task.sent += 1;
                framework.in_flight += 1;
            }
            None => drop(framework.backlog.remove(&task_id)),
        }
    }
    batch
}
