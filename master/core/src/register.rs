//! Agents come, come back and go.

use crate::{
    Body, LinkId, Master,
    accounts::Charges,
    agents::Agent,
    effect::{AgentStanding, LogIndex},
    tasks::Task,
    timers::Timer,
};
use proto_types::{
    AgentId, ExecutorId, FrameworkId, Principal, TaskKey, TaskState, TaskStatus,
    link::{ExecutorMessage, HeldExecutor, HeldTask, RefusedReason, Registration, ToAgent},
    registry::Fact,
    scheduling::Event,
    status::{Reason, Source},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

/// Between two agents that come back, on average: a master takes in an agent with its connection and tasks in about
/// this time. A few agents are back at once, ten thousand within two seconds and a half.
const REGISTRATION_PAUSE: Duration = Duration::from_micros(250);

/// What comes of the tasks that an agent came with, once all were looked at: it has many, and what they have in common
/// is done once.
#[derive(Debug, Default)]
struct Taken {
    /// Tasks that this master did not know.
    new: BTreeSet<TaskKey>,
    charges: Charges,
    /// Frameworks for which there are updates.
    told: BTreeSet<FrameworkId>,
}

impl Master {
    pub(crate) fn on_register(&mut self, link: LinkId, principal: Principal, registration: Registration) {
        if let Err((reason, message)) = self.may_register(&registration) {
            // It ends all that is its if it is told that it is gone: that has to be stored first.
            let written = registration.id.as_ref().and_then(|id| self.agents.get(id)).and_then(|agent| agent.written);
            self.out.send_agent(written, link, ToAgent::Refused { reason, message });
            self.out.push(written, Body::CloseLink(link));
            return;
        }
        let newest = registration.id.as_ref().and_then(|id| self.agents.get(id)).and_then(|agent| agent.link);
        if newest.is_some_and(|newest| link < newest) {
            // What an agent said before it opened its present link comes late: its tasks were others then.
            self.out.push(None, Body::CloseLink(link));
            return;
        }
        let id = registration.id.clone().unwrap_or_else(|| self.mint.agent());
        let was_unreachable = self.agents.get(&id).is_some_and(|agent| agent.standing == AgentStanding::Unreachable);
        let written = self.admit_agent(&id, &principal, Arc::new(registration.info));
        self.link(&id, link);
        let message = ToAgent::Registered {
            id: id.clone(),
            cluster: self.cluster.clone(),
            ping_interval: self.config.ping_interval,
            ping_misses: self.config.ping_misses,
            reconnect_within: self.reconnect_within(),
        };
        self.out.send_agent(written, link, message);
        self.take_lost_frameworks(&principal, &registration.executors, &registration.tasks);
        self.take_executors(&id, link, registration.executors);
        self.take_tasks(&id, link, registration.tasks, was_unreachable);
        self.resend_kills(&id, link);
        self.drain_again(&id);
        self.agents.account(&id);
    }

    /// Over how long agents should spread when they come back to another master.
    fn reconnect_within(&self) -> Duration {
        let agents = u32::try_from(self.agents.iter().len()).unwrap_or(u32::MAX);
        REGISTRATION_PAUSE * agents
    }

    fn may_register(&self, registration: &Registration) -> Result<(), (RefusedReason, String)> {
        if let Some(theirs) = registration.cluster.as_ref().filter(|theirs| **theirs != self.cluster) {
            let message = format!(
                "this is cluster {}, the agent is of cluster {theirs}; check the master's address, or the storage of the masters if it was moved or wiped",
                self.cluster
            );
            return Err((RefusedReason::WrongCluster, message));
        }
        if registration.epoch > self.epoch {
            let message = format!("the agent has seen epoch {}, this master has {}", registration.epoch, self.epoch);
            return Err((RefusedReason::NotLeader, message));
        }
        // An agent that names this cluster was admitted to it: if it is not known, it was gone and is forgotten.
        let gone = |id: &AgentId| match self.agents.get(id) {
            Some(agent) => agent.standing == AgentStanding::Gone,
            None => registration.cluster.is_some() && !self.may_be_lost_agent(id),
        };
        if let Some(id) = registration.id.as_ref().filter(|id| gone(id)) {
            return Err((
                RefusedReason::Gone,
                format!("agent {id} is gone: an operator said so, or it was away for too long"),
            ));
        }
        if registration.info.hostname.is_empty() {
            return Err((RefusedReason::Invalid, "agent.hostname: must not be empty".to_owned()));
        }
        Ok(())
    }

    /// Stores what is new about the agent, and takes it over.
    fn admit_agent(
        &mut self,
        id: &AgentId,
        principal: &Principal,
        info: Arc<proto_types::AgentInfo>,
    ) -> Option<LogIndex> {
        let old = self.agents.get(id).map(|agent| (Arc::clone(&agent.info), agent.standing, agent.counts()));
        let mut written = None;
        if old.as_ref().is_none_or(|(old, ..)| **old != *info) {
            let fact = Fact::AgentAdmitted { agent: id.clone(), info: Arc::clone(&info) };
            written = Some(self.out.append(principal, fact));
        }
        if old.as_ref().is_some_and(|(_, standing, _)| *standing == AgentStanding::Unreachable) {
            written = Some(self.out.append(principal, Fact::AgentMarkedReachable { agent: id.clone() }));
        }
        match old {
            None => {
                let agent = Agent::new(Arc::clone(&info), principal.clone(), AgentStanding::Recovered, self.now.wall);
                self.agents.insert(id.clone(), agent);
            }
            Some((old, _, true)) => self.roles.subtract_total(&old.resources),
            Some((old, AgentStanding::Recovered, _)) => self.roles.expect_no_more(&old.resources),
            Some(_) => {}
        }
        self.roles.add_total(&info.resources);
        let wall = self.now.wall;
        if let Some(agent) = self.agents.change(id) {
            if agent.info != info {
                (agent.info, agent.principal) = (info, principal.clone());
            }
            agent.written = written.or(agent.written);
            if agent.standing != AgentStanding::Connected {
                (agent.standing, agent.since) = (AgentStanding::Connected, wall);
            }
            agent.known = true;
            return agent.written;
        }
        written
    }

    /// Binds the agent to its newest link; an older one is ended, and what was offered through it taken back.
    fn link(&mut self, id: &AgentId, link: LinkId) {
        let due = self.now.monotonic + self.config.ping_interval;
        let ping = self.timers.set(due, Timer::Ping(id.clone()));
        let Some(agent) = self.agents.change(id) else { return };
        self.timers.cancel(agent.liveness.timer.replace(ping));
        agent.liveness.unanswered = 0;
        let old = agent.link.replace(link).filter(|old| *old != link);
        let offers: Vec<_> = agent.offers.iter().cloned().collect();
        if let Some(old) = old {
            self.agents.unbind(old);
            self.out.push(None, Body::CloseLink(old));
        }
        self.agents.bind(link, id);
        self.rescind(offers);
        self.clear_agent_filters(id);
    }

    fn take_executors(&mut self, id: &AgentId, link: LinkId, held: Vec<HeldExecutor>) {
        let mut executors = BTreeMap::new();
        for executor in held {
            if executor.info.id.is_built_in() {
                continue;
            }
            if self.is_dead(&executor.framework) {
                self.out.send_agent(self.last_removal, link, ToAgent::ShutdownFramework(executor.framework));
                continue;
            }
            executors.insert((executor.framework.clone(), executor.info.id.clone()), executor);
        }
        let old = match self.agents.change(id) {
            Some(agent) => std::mem::take(&mut agent.executors),
            None => return,
        };
        for executor in old.values() {
            self.discharge(id, &executor.framework, &executor.role, &executor.info.resources);
        }
        for executor in executors.values() {
            self.charge(id, &executor.framework, &executor.role, &executor.info.resources);
        }
        if let Some(agent) = self.agents.change(id) {
            agent.executors = executors;
        }
    }

    /// Compares the agent's tasks with ours. What it has is so; what it does not have is no more.
    fn take_tasks(&mut self, id: &AgentId, link: LinkId, held: Vec<HeldTask>, was_unreachable: bool) {
        let mut missing = self.agents.get(id).map(|agent| agent.tasks.clone()).unwrap_or_default();
        let mut dead = BTreeSet::new();
        let mut done = Vec::new();
        let mut taken = Taken::default();
        if let Some(agent) = self.agents.change(id) {
            agent.strays.clear();
        }
        for task in held {
            if self.is_dead(&task.key.framework) {
                self.note_stray(id, &task.key, &task.latest);
                done.extend(task.unacknowledged.iter().map(|status| (task.key.clone(), status.sequence)));
                if dead.insert(task.key.framework.clone()) {
                    self.out.send_agent(self.last_removal, link, ToAgent::ShutdownFramework(task.key.framework));
                }
                continue;
            }
            missing.remove(&task.key);
            self.take_task(id, task, was_unreachable, &mut taken);
        }
        if !done.is_empty() {
            self.out.send_agent(self.last_removal, link, ToAgent::Acknowledge(done));
        }
        if let Some(agent) = self.agents.change(id) {
            agent.tasks.append(&mut taken.new);
        }
        self.charge_tasks(id, taken.charges);
        for key in missing {
            self.on_task_missing(id, &key);
            taken.told.insert(key.framework);
        }
        for framework in taken.told {
            self.pump(&framework);
        }
    }

    fn take_task(&mut self, id: &AgentId, held: HeldTask, was_unreachable: bool, taken: &mut Taken) {
        let HeldTask { key, latest, unacknowledged, .. } = held;
        let Some(framework) = self.frameworks.change(&key.framework) else { return };
        let completed = framework.completed_on.contains_key(&key.task);
        let task = match framework.tasks.entry(key.task.clone()) {
            Entry::Occupied(known) if known.get().agent == *id => Some(known.into_mut()),
            Entry::Vacant(unknown) if !completed => {
                taken.new.insert(key.clone());
                let first = unacknowledged.first().map_or(latest.sequence + 1, |status| status.sequence);
                let acknowledged = first.saturating_sub(1);
                Some(unknown.insert(Task {
                    info: held.info,
                    agent: id.clone(),
                    executor: held.executor,
                    role: held.role,
                    principal: framework.principal.clone(),
                    latest: latest.clone(),
                    tail: VecDeque::new(),
                    sent: 0,
                    acknowledged,
                    received: acknowledged,
                    mastered: 0,
                    charged: false,
                }))
            }
            Entry::Occupied(_) | Entry::Vacant(_) => None,
        };
        let Some(task) = task else {
            self.end_stray(id, &key, &latest);
            return;
        };
        let mut told = false;
        for status in unacknowledged {
            if task.is_new(status.sequence) {
                task.push(status);
                told = true;
            }
        }
        if !told && task.state() == TaskState::Unreachable {
            task.latest = TaskStatus { sequence: 0, ..latest.clone() };
        }
        if task.is_active() {
            taken.charges.add(&key.framework, task);
        }
        if told {
            framework.backlog.insert(key.task.clone());
            taken.told.insert(key.framework.clone());
        }
        self.frameworks.touched_tasks.insert(key.clone());
        self.settle(&key);
        if was_unreachable && !told && !latest.state.is_terminal() {
            let status = TaskStatus { sequence: 0, ..latest }
                .because(Reason::AgentReregistered, "the agent came back and the task is still there");
            self.make_update(&key, status);
            taken.told.insert(key.framework);
        }
    }

    /// Keeps in mind that something still runs on the agent, though for nobody.
    fn note_stray(&mut self, id: &AgentId, key: &TaskKey, latest: &TaskStatus) {
        if !latest.state.is_terminal()
            && let Some(agent) = self.agents.change(id)
        {
            agent.strays.insert(key.clone());
        }
    }

    /// The agent holds a task that nobody waits for: it was over and acknowledged, and the agent has not heard of that
    /// yet; or an older task has the id of one that is elsewhere. If it still runs, it runs for nobody.
    fn end_stray(&mut self, id: &AgentId, key: &TaskKey, latest: &TaskStatus) {
        self.acknowledge_to_agent(id, vec![(key.clone(), latest.sequence)]);
        self.note_stray(id, key, latest);
        let Some(link) = self.agents.get(id).and_then(|agent| agent.link).filter(|_| !latest.state.is_terminal())
        else {
            return;
        };
        let (framework, tasks) = (key.framework.clone(), vec![key.task.clone()]);
        self.out.send_agent(self.last_removal, link, ToAgent::Kill { framework, tasks, grace: None, max_grace: None });
    }

    /// The agent came back without a task that was given to it.
    fn on_task_missing(&mut self, id: &AgentId, key: &TaskKey) {
        let Some(task) = self.frameworks.task(key) else { return };
        if task.state().is_terminal() {
            return;
        }
        let never_reported = task.received == 0;
        let (state, reason, message) = if never_reported {
            let message = "the agent did not take the task: its link broke before, or it could not write to its disk";
            (TaskState::Dropped, Reason::AgentDisconnected, message)
        } else {
            (TaskState::Gone, Reason::AgentRestarted, "the agent came back without the task")
        };
        let mut status =
            TaskStatus::new(key.task.clone(), state, Source::Master, self.now.wall).because(reason, message);
        status.agent = Some(id.clone());
        self.make_update(key, status);
    }

    fn resend_kills(&mut self, id: &AgentId, link: LinkId) {
        let Some(agent) = self.agents.get(id) else { return };
        let mut kills: BTreeMap<(FrameworkId, Option<Duration>), Vec<_>> = BTreeMap::new();
        for (key, grace) in &agent.kills {
            kills.entry((key.framework.clone(), *grace)).or_default().push(key.task.clone());
        }
        for ((framework, grace), tasks) in kills {
            self.out.send_agent(None, link, ToAgent::Kill { framework, tasks, grace, max_grace: None });
        }
    }

    pub(crate) fn on_link_closed(&mut self, link: LinkId) {
        let Some(id) = self.agents.unbind(link) else { return };
        // What it did not answer before its link broke counts.
        let unanswered = self.agents.get(&id).map_or(0, |agent| agent.liveness.unanswered);
        let window = self.config.ping_interval * self.config.ping_misses.saturating_sub(unanswered);
        let missing = self.timers.set(self.now.monotonic + window, Timer::Missing(id.clone()));
        let wall = self.now.wall;
        let Some(agent) = self.agents.change(&id) else { return };
        (agent.link, agent.standing, agent.since) = (None, AgentStanding::Disconnected, wall);
        self.timers.cancel(agent.liveness.timer.replace(missing));
        let offers: Vec<_> = agent.offers.iter().cloned().collect();
        self.agents.account(&id);
        self.rescind(offers);
    }

    pub(crate) fn on_executor_message(&mut self, id: &AgentId, message: ExecutorMessage) {
        let event = Event::Message { agent: id.clone(), executor: message.executor, data: message.data };
        self.tell(&message.framework, None, event);
    }

    pub(crate) fn on_executor_exited(
        &mut self,
        id: &AgentId,
        framework: FrameworkId,
        executor: ExecutorId,
        message: String,
    ) {
        // For a launch that the agent has not heard of yet it starts the executor again.
        if !self.has_launch_under_way(id, &framework, &executor)
            && let Some(agent) = self.agents.change(id)
            && let Some(held) = agent.executors.remove(&(framework.clone(), executor.clone()))
        {
            self.discharge(id, &framework, &held.role, &held.info.resources);
        }
        let event = Event::Failure { agent: id.clone(), executor: Some(executor), message };
        self.tell(&framework, None, event);
    }

    fn has_launch_under_way(&self, id: &AgentId, framework: &FrameworkId, executor: &ExecutorId) -> bool {
        let under_way = |task: &Task| task.received == 0 && task.executor == *executor && !task.state().is_terminal();
        let tasks = self.agents.get(id).map(|agent| &agent.tasks).into_iter().flatten();
        let mut own = tasks.filter(|key| key.framework == *framework);
        own.any(|key| self.frameworks.task(key).is_some_and(under_way))
    }

    /// Whether the framework is torn down or was never registered: its tasks must end.
    pub(crate) fn is_dead(&self, framework: &FrameworkId) -> bool {
        self.frameworks.get(framework).is_none_or(|framework| framework.removed)
    }

    /// The tasks that are or were last known to be on the agent and are not over.
    pub(crate) fn tasks_of_agent(&self, id: &AgentId) -> Vec<TaskKey> {
        let tasks = self.agents.get(id).map(|agent| &agent.tasks).into_iter().flatten();
        let active = |key: &&TaskKey| self.frameworks.task(key).is_some_and(|task| !task.state().is_terminal());
        tasks.filter(active).cloned().collect()
    }
}
