//! Ends: of a framework, or of everything.

use crate::{Agent, executors::Phase, fact::Fact, frameworks::Standing};
use proto_types::{ExecutorId, FrameworkId, TaskKey, executing::ToExecutor, status::Reason};
use std::time::Duration;

impl Agent {
    /// Ends all that is a framework's. Its updates still flow, unless nobody waits for them.
    pub(crate) fn on_shutdown_framework(&mut self, framework: &FrameworkId, standing: Standing) {
        let Some(known) = self.frameworks.all.get_mut(framework) else { return };
        let begun = known.standing != Standing::Active;
        known.standing = known.standing.max(standing);
        if standing == Standing::Abandoned {
            self.let_go(framework);
        }
        if begun {
            return;
        }
        self.append(Fact::FrameworkShutDown(framework.clone()));
        self.end_framework(framework, Reason::FrameworkRemoved);
    }

    pub(crate) fn on_end_all(&mut self) {
        self.ending = true;
        let frameworks: Vec<FrameworkId> = self.frameworks.all.keys().cloned().collect();
        for framework in frameworks {
            self.end_framework(&framework, Reason::TaskKilledDuringLaunch);
        }
    }

    fn end_framework(&mut self, framework: &FrameworkId, reason: Reason) {
        let Some(known) = self.frameworks.all.get(framework) else { return };
        let executors: Vec<ExecutorId> = known.executors.keys().cloned().collect();
        let tasks: Vec<TaskKey> = known
            .tasks
            .iter()
            .filter(|(_, task)| !task.is_over())
            .map(|(task, _)| TaskKey { framework: framework.clone(), task: task.clone() })
            .collect();
        for key in tasks {
            let built_in = self.frameworks.task(&key).is_some_and(|task| task.executor.is_built_in());
            if built_in && let Some(connection) = self.kill(&key, None, reason) {
                let tasks = vec![key.task];
                self.tell_executor(None, connection, ToExecutor::Kill { tasks, grace: None });
            }
        }
        for executor in executors {
            self.end_executor(framework, &executor);
        }
    }

    /// Tells an executor to end. The built-in one does so when its tasks are over: it must not leave any behind.
    pub(crate) fn end_executor(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        let Some(executor) = self.frameworks.executor(framework, id) else { return };
        if executor.is_built_in() {
            if executor.tasks.is_empty() && !matches!(executor.phase, Phase::Ending(_) | Phase::Dying) {
                self.dismiss_idle(framework, id);
            }
            return;
        }
        match executor.phase {
            Phase::Connected(connection) => {
                let limit = self.config.shutdown_grace + self.longest_grace(framework, id);
                self.tell_executor(None, connection, ToExecutor::Shutdown { grace: None });
                self.enter(framework, id, Phase::Ending(Some(connection)), Some(limit));
            }
            Phase::Starting | Phase::Away | Phase::Resting => self.put_down(framework, id, None),
            Phase::Ending(_) | Phase::Dying => {}
        }
    }

    fn dismiss_idle(&mut self, framework: &FrameworkId, id: &ExecutorId) {
        match self.frameworks.executor(framework, id).map(|executor| executor.phase) {
            Some(Phase::Connected(connection)) => {
                self.tell_executor(None, connection, ToExecutor::Shutdown { grace: None });
                self.enter(framework, id, Phase::Ending(Some(connection)), Some(self.config.shutdown_grace));
            }
            Some(Phase::Starting | Phase::Away) => self.put_down(framework, id, None),
            _ => {}
        }
    }

    fn longest_grace(&self, framework: &FrameworkId, id: &ExecutorId) -> Duration {
        let tasks = self.tasks_of(framework, id);
        let graces = tasks.iter().filter_map(|key| self.frameworks.task(key)?.info.as_ref()?.kill_grace);
        graces.max().unwrap_or(self.config.kill_grace)
    }

    /// Forgets the abandoned tasks of a framework that are over: nobody will acknowledge their updates.
    fn let_go(&mut self, framework: &FrameworkId) {
        let Some(known) = self.frameworks.all.get(framework) else { return };
        let over: Vec<_> = known
            .tasks
            .iter()
            .filter(|(_, task)| task.abandoned && task.is_over())
            .map(|(id, task)| (TaskKey { framework: framework.clone(), task: id.clone() }, task.sequence))
            .collect();
        self.on_acknowledge(over);
    }
}

impl Agent {
    /// Goes on with an end that an earlier process of the agent began.
    pub(crate) fn resume_end(&mut self, framework: &FrameworkId) {
        let Some(known) = self.frameworks.all.get(framework) else { return };
        let standing = known.standing;
        if standing == Standing::Abandoned {
            self.let_go(framework);
        }
        if standing != Standing::Active {
            self.end_framework(framework, Reason::FrameworkRemoved);
        }
        self.frameworks.trim(framework);
    }
}
