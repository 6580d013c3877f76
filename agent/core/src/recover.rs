//! A new process of the agent knows what the old one journalled.

use crate::{
    Agent, Body, Config, Effect,
    executors::{Executor, Phase},
    fact::{ExecutorStart, Fact, LaunchRecord, UpdateRecord},
    forgotten::Forgotten,
    frameworks::{Frameworks, Standing},
    output::Output,
    tasks::{Delivery, Task},
    timers::Timers,
};
use proto_types::{
    Epoch, ExecutorId, FrameworkId, Now, TaskKey, TaskState, TaskStatus,
    status::{Reason, Source},
};
use std::{collections::BTreeMap, sync::Arc};

/// How many updates of one task may be missing at the end of a journal: a machine that goes down loses those that are not
/// ends, which are written but not synced; a damaged file may lack any. The updates made afterwards are numbered beyond all of them, since a master that has an
/// update of a number takes another one of that number for a repetition.
pub(crate) const UPDATES_LOST_MAX: u64 = 1_000_000;

/// What the journal held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The facts, in order.
    pub facts: Vec<Fact>,
    /// Whether the machine was started since: nothing that ran then runs now.
    pub rebooted: bool,
    /// Whether records may be missing that were written, and that others have heard of.
    pub incomplete: bool,
}

impl Agent {
    /// The agent as its journal knows it, and what it does first.
    #[must_use]
    pub fn recover(config: Config, recovered: Recovered, now: Now) -> (Self, Vec<Effect>) {
        let info = Arc::new(config.info.clone());
        let mut agent = Self {
            config,
            info,
            now,
            id: None,
            cluster: None,
            epoch: Epoch::default(),
            link: None,
            frameworks: Frameworks::default(),
            connections: BTreeMap::new(),
            forgotten: Forgotten::default(),
            timers: Timers::default(),
            out: Output::default(),
            starts: 0,
            ending: false,
            shrunk: false,
            touched: true,
        };
        for fact in recovered.facts {
            agent.replay(fact);
        }
        agent.shrunk = !agent.info.resources.contains(&agent.frameworks.used);
        if recovered.rebooted || recovered.incomplete {
            agent.number_beyond_the_lost();
        }
        agent.resume(recovered.rebooted);
        agent.frameworks.untouch_absent();
        agent.publish();
        let effects = std::mem::take(&mut agent.out.effects);
        (agent, effects)
    }

    fn replay(&mut self, fact: Fact) {
        match fact {
            Fact::Identified { agent, cluster } => {
                self.id = Some(agent);
                self.cluster = Some(cluster);
            }
            Fact::Abandoned => {
                self.id = None;
                self.frameworks.abandon_tasks();
                self.frameworks.all.values_mut().for_each(|framework| framework.standing = Standing::Abandoned);
            }
            Fact::EpochSeen(epoch) => self.epoch = self.epoch.max(epoch),
            Fact::ExecutorStarting(start) => self.replay_start(*start),
            Fact::ExecutorEnded { framework, executor } => {
                self.frameworks.remove_executor(&framework, &executor);
                self.frameworks.trim(&framework);
            }
            Fact::TaskLaunched(launch) => self.replay_launch(*launch),
            Fact::UpdateMade(update) => self.replay_update(*update),
            Fact::UpdateAcknowledged { key, sequence } => {
                self.apply_acknowledgement(&key, sequence);
                self.frameworks.trim(&key.framework);
            }
            Fact::FrameworkShutDown(framework) => {
                if let Some(known) = self.frameworks.all.get_mut(&framework) {
                    known.standing = known.standing.max(Standing::ShutDown);
                }
            }
            Fact::TasksForgotten { framework, tasks } => {
                for task in tasks {
                    let key = TaskKey { framework: framework.clone(), task };
                    self.forgotten.insert(key, self.config.finished_max);
                }
            }
        }
    }

    fn replay_start(&mut self, start: ExecutorStart) {
        let (framework, id) = (start.framework.clone(), start.info.id.clone());
        self.orphan_tasks(&framework, &id);
        match self.frameworks.change_executor(&framework, &id) {
            Some(executor) => executor.token = start.token,
            None => self.frameworks.insert_executor(&framework, Executor::new(start, Phase::Away)),
        }
    }

    fn replay_launch(&mut self, launch: LaunchRecord) {
        let group = launch.group.then(|| self.frameworks.new_group());
        for info in launch.tasks {
            let key = TaskKey { framework: launch.framework.clone(), task: info.id.clone() };
            if self.frameworks.task(&key).is_some() {
                continue;
            }
            let staging = TaskStatus::new(info.id.clone(), TaskState::Staging, Source::Agent, self.now.wall);
            let mut task = Task::new(launch.executor.clone(), launch.role.clone(), staging);
            (task.info, task.group, task.user) = (Some(info), group, launch.user.clone());
            task.delivery = Delivery::Given;
            self.frameworks.insert_task(&key, task);
        }
    }

    fn replay_update(&mut self, update: UpdateRecord) {
        let UpdateRecord { framework, status, number, role } = update;
        let key = TaskKey { framework, task: status.task.clone() };
        if self.frameworks.task(&key).is_none() {
            let executor = status.executor.clone().unwrap_or_else(ExecutorId::built_in);
            let staging = TaskStatus::new(key.task.clone(), TaskState::Staging, Source::Agent, self.now.wall);
            self.frameworks.insert_task(&key, Task::new(executor, role, staging));
        }
        if self.frameworks.task(&key).is_some_and(|task| status.sequence > task.sequence) {
            self.apply_update(&key, number, status, None);
        }
    }

    fn number_beyond_the_lost(&mut self) {
        for key in self.frameworks.select(|task| !task.is_over()) {
            if let Some(task) = self.frameworks.change_task(&key) {
                task.sequence += UPDATES_LOST_MAX;
            }
        }
    }

    /// Goes on where the old process ended: executors that may live are expected, what cannot live has ended.
    fn resume(&mut self, rebooted: bool) {
        for key in self.frameworks.select(|task| !task.tail.is_empty()) {
            self.arm_retry(&key, true);
        }
        let executors: Vec<(FrameworkId, ExecutorId)> = self
            .frameworks
            .all
            .iter()
            .flat_map(|(framework, known)| known.executors.keys().map(|id| (framework.clone(), id.clone())))
            .collect();
        for (framework, id) in executors {
            if rebooted {
                let why = "the machine of the agent was restarted".to_owned();
                self.end_with_tasks(&framework, &id, Some((Reason::AgentRestarted, why.clone())), &why);
                continue;
            }
            self.enter(&framework, &id, Phase::Away, Some(self.config.reconnect_timeout));
            let Some(executor) = self.frameworks.executor(&framework, &id) else { continue };
            let token = executor.token.clone();
            self.out.push(None, Body::WatchExecutor { framework, executor: id, token });
        }
        for key in self.frameworks.select(|task| !task.is_over()) {
            let Some(task) = self.frameworks.task(&key) else { continue };
            if self.frameworks.executor(&key.framework, &task.executor).is_none() {
                let why = "the executor ended";
                self.make_update(&key, TaskState::Failed, Reason::ExecutorTerminated, why);
            }
        }
        let frameworks: Vec<FrameworkId> = self.frameworks.all.keys().cloned().collect();
        for framework in frameworks {
            self.resume_end(&framework);
        }
    }
}
