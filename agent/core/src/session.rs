//! The link to the master, and the fence: no master of a lower epoch than was seen is heard.

use crate::{
    Agent, Closed, LinkId,
    fact::Fact,
    frameworks::Standing,
    sabotage::Switch,
    timers::{Timer, TimerKey},
};
use proto_types::{
    AgentId, ClusterId, Epoch, TaskKey,
    link::{FromAgent, HeldExecutor, HeldTask, RefusedReason, Registration, ToAgent},
    task::ExecutorInfo,
};
use std::time::Duration;

/// The link to a master.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// Whether the master admitted the agent on it.
    pub(crate) registered: bool,
    /// How long the master may be silent.
    silence: Duration,
    timer: Option<TimerKey>,
}

impl Agent {
    pub(crate) fn on_link_opened(&mut self, link: LinkId) {
        if let Some(old) = self.link.take() {
            self.timers.cancel(old.timer);
            self.close_link(old.id, Closed::Replaced);
        }
        let silence = self.config.silence;
        self.link = Some(Link { id: link, registered: false, silence, timer: None });
        self.hear();
        self.register();
    }

    pub(crate) fn on_link_closed(&mut self, link: LinkId) {
        if self.link.as_ref().is_some_and(|present| present.id == link) {
            self.drop_link();
        }
    }

    pub(crate) fn on_silence(&mut self) {
        if let Some(link) = self.drop_link() {
            self.close_link(link, Closed::Silent);
        }
    }

    pub(crate) fn on_master(&mut self, link: LinkId, epoch: Epoch, message: ToAgent) {
        if self.link.as_ref().is_none_or(|present| present.id != link) {
            return;
        }
        if let ToAgent::Refused { reason, message } = message {
            self.on_refused(link, epoch, reason, message);
            return;
        }
        if self.is_deposed(epoch) {
            self.depose(link, epoch);
            return;
        }
        self.hear();
        if let ToAgent::Registered { id, cluster, ping_interval, ping_misses, .. } = message {
            if self.is_foreign(link, &cluster) {
                return;
            }
            self.see(epoch);
            self.on_registered(id, cluster, ping_interval * ping_misses);
        } else if self.link.as_ref().is_some_and(|present| present.registered) {
            self.see(epoch);
            self.on_order(message);
        }
    }

    /// What a master says that has admitted the agent.
    fn on_order(&mut self, message: ToAgent) {
        match message {
            // Both are heard before the agent is admitted.
            ToAgent::Registered { .. } | ToAgent::Refused { .. } => {}
            ToAgent::Launch(launch) => self.on_launch(*launch),
            ToAgent::Kill { framework, tasks, grace, max_grace } => {
                self.on_kill(&framework, tasks, grace, max_grace);
            }
            ToAgent::Acknowledge(acknowledgements) => self.on_acknowledge(acknowledgements),
            ToAgent::Ping(number) => self.tell_master(None, FromAgent::Pong(number)),
            ToAgent::ShutdownFramework(framework) => self.on_shutdown_framework(&framework, Standing::ShutDown),
            ToAgent::Message(message) => self.on_message_for_executor(message),
        }
    }

    fn is_deposed(&self, epoch: Epoch) -> bool {
        epoch < self.epoch && !self.breaks(Switch::AcceptLowerEpoch)
    }

    fn depose(&mut self, link: LinkId, epoch: Epoch) {
        self.drop_link();
        self.close_link(link, Closed::Deposed { epoch, seen: self.epoch });
    }

    /// Raises the fence. Only a master of the agent's own cluster may: epochs of others count differently.
    fn see(&mut self, epoch: Epoch) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.append(Fact::EpochSeen(epoch));
            self.touched = true;
        }
    }

    /// Whether a master took the agent for one of another cluster; its link is ended then.
    fn is_foreign(&mut self, link: LinkId, cluster: &ClusterId) -> bool {
        let Some(ours) = self.cluster.as_ref().filter(|ours| *ours != cluster) else { return false };
        let message = format!("the master admits the agent to cluster {cluster}, the agent is of cluster {ours}");
        self.drop_link();
        self.close_link(link, Closed::Refused { reason: RefusedReason::WrongCluster, message });
        true
    }

    fn on_registered(&mut self, id: AgentId, cluster: ClusterId, silence: Duration) {
        if self.id.as_ref() != Some(&id) || self.cluster.as_ref() != Some(&cluster) {
            self.append(Fact::Identified { agent: id.clone(), cluster: cluster.clone() });
            self.id = Some(id);
            self.cluster = Some(cluster);
        }
        if let Some(link) = &mut self.link {
            link.registered = true;
            link.silence = silence;
        }
        self.touched = true;
        self.hear();
    }

    /// A refusal says nothing of the agent's own cluster, so that its epoch is no fence for others. What it says reaches
    /// the operator whatever its epoch is.
    fn on_refused(&mut self, link: LinkId, epoch: Epoch, reason: RefusedReason, message: String) {
        if reason == RefusedReason::Gone && self.is_deposed(epoch) {
            self.depose(link, epoch);
            return;
        }
        self.drop_link();
        if reason == RefusedReason::Gone && self.id.is_some() {
            self.abandon();
        }
        self.close_link(link, Closed::Refused { reason, message });
    }

    /// An operator said that the agent is gone: everything ends, and nobody waits for it. Should another link be
    /// opened, a new id is asked for.
    fn abandon(&mut self) {
        let frameworks: Vec<_> = self.frameworks.all.keys().cloned().collect();
        self.append(Fact::Abandoned);
        self.frameworks.abandon_tasks();
        self.id = None;
        self.touched = true;
        for framework in frameworks {
            self.on_shutdown_framework(&framework, Standing::Abandoned);
        }
    }

    /// Tells the master who the agent is and what it holds.
    fn register(&mut self) {
        if self.link.is_none() {
            return;
        }
        let mut tasks = Vec::new();
        let mut executors = Vec::new();
        let mut written = None;
        for (id, framework) in &self.frameworks.all {
            for (task_id, task) in framework.tasks.iter().filter(|(_, task)| !task.abandoned) {
                written = written.max(task.written);
                let tail = if self.breaks(Switch::DropTailOnReconnect) {
                    Vec::new()
                } else {
                    task.tail.iter().cloned().collect()
                };
                tasks.push(HeldTask {
                    key: TaskKey { framework: id.clone(), task: task_id.clone() },
                    executor: task.executor.clone(),
                    role: task.role.clone(),
                    info: task.info.clone(),
                    latest: task.latest.clone(),
                    unacknowledged: tail,
                });
            }
            let abandoned = framework.standing == Standing::Abandoned;
            for executor in framework.executors.values().filter(|_| !abandoned) {
                let info: ExecutorInfo = executor.info.clone();
                executors.push(HeldExecutor { framework: id.clone(), info, role: executor.role.clone() });
            }
        }
        let registration = Registration {
            id: self.id.clone(),
            cluster: self.cluster.clone(),
            info: (*self.info).clone(),
            epoch: self.epoch,
            tasks,
            executors,
        };
        self.tell_master(written, FromAgent::Register(Box::new(registration)));
        for key in self.frameworks.select(|task| !task.tail.is_empty()) {
            self.arm_retry(&key, true);
        }
    }

    /// The master was heard.
    fn hear(&mut self) {
        let Some(link) = &mut self.link else { return };
        self.timers.cancel(link.timer.take());
        link.timer = Some(self.timers.set(self.now.monotonic + link.silence, Timer::Silence));
    }

    fn drop_link(&mut self) -> Option<LinkId> {
        let link = self.link.take()?;
        self.timers.cancel(link.timer);
        self.touched = true;
        Some(link.id)
    }
}
