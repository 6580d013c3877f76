//! What must hold after every input, as named checks.

use crate::{Agent, frameworks::Framework, recover::UPDATES_LOST_MAX};
use proto_types::{FrameworkId, Resources};

/// A rule that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// Where and how.
    pub detail: String,
}

impl Agent {
    /// Looks at everything.
    #[must_use]
    pub fn check(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        self.check_used(&mut violations);
        self.check_connections(&mut violations);
        for (id, framework) in &self.frameworks.all {
            check_tasks(id, framework, &mut violations);
            check_executors(id, framework, &mut violations);
        }
        violations
    }

    fn check_used(&self, violations: &mut Vec<Violation>) {
        let mut used = Resources::default();
        for framework in self.frameworks.all.values() {
            for task in framework.tasks.values().filter(|task| !task.is_over()) {
                used.add(&task.info.as_ref().map(|info| info.resources.clone()).unwrap_or_default());
            }
            for executor in framework.executors.values() {
                used.add(&executor.info.resources);
            }
        }
        if used != self.frameworks.used {
            let detail = format!("the tasks use {used}, the books say {}", self.frameworks.used);
            violations.push(Violation { rule: "what is used is what tasks and executors use", detail });
        }
        if !self.shrunk && !self.info.resources.contains(&used) {
            let detail = format!("used {used} of {}", self.info.resources);
            violations.push(Violation { rule: "no more is used than there is", detail });
        }
    }

    fn check_connections(&self, violations: &mut Vec<Violation>) {
        for (connection, (framework, id)) in &self.connections {
            let bound = self.frameworks.executor(framework, id).and_then(crate::executors::Executor::any_connection);
            if bound != Some(*connection) {
                let detail = format!("{connection:?} of {framework}/{id}");
                violations.push(Violation { rule: "a connection belongs to its executor", detail });
            }
        }
    }
}

fn check_tasks(id: &FrameworkId, framework: &Framework, violations: &mut Vec<Violation>) {
    for (task_id, task) in &framework.tasks {
        let numbers: Vec<u64> = task.tail.iter().map(|status| status.sequence).collect();
        // Only a restart of the machine leaves a gap, before the end that it brings.
        let follows = |pair: &[u64]| pair[1] == pair[0] + 1 || pair[1] == pair[0] + 1 + UPDATES_LOST_MAX;
        let in_order = numbers.windows(2).all(follows) && numbers.last().is_none_or(|last| *last == task.sequence);
        if !in_order {
            let detail = format!("{id}/{task_id}: {numbers:?}, the newest is {}", task.sequence);
            violations.push(Violation { rule: "updates of a task are numbered without gaps", detail });
        }
        if task.is_over() && task.tail.is_empty() {
            let detail = format!("{id}/{task_id}");
            violations.push(Violation { rule: "a task that is over and acknowledged is forgotten", detail });
        }
        let held = framework.executors.get(&task.executor).is_some_and(|executor| executor.tasks.contains(task_id));
        if held == task.is_over() {
            let detail = format!("{id}/{task_id} of executor {}", task.executor);
            violations.push(Violation { rule: "a task that is not over has an executor", detail });
        }
        if task.retry.is_none() && !task.tail.is_empty() {
            let detail = format!("{id}/{task_id}");
            violations.push(Violation { rule: "what is not acknowledged will be sent again", detail });
        }
    }
}

fn check_executors(id: &FrameworkId, framework: &Framework, violations: &mut Vec<Violation>) {
    for (executor_id, executor) in &framework.executors {
        let strays = executor.tasks.iter().filter(|task| framework.tasks.get(*task).is_none_or(|task| task.is_over()));
        for task in strays {
            let detail = format!("{id}/{executor_id}: {task}");
            violations.push(Violation { rule: "an executor's tasks are not over", detail });
        }
    }
}
