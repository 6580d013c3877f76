//! All that an agent's journal amounts to, as the fewest facts: what a new file of it begins with.

use crate::{
    Agent,
    executors::Executor,
    fact::{ExecutorStart, Fact, LaunchRecord, UpdateRecord},
    frameworks::{Framework, Standing},
    tasks::{GroupId, Task},
};
use proto_types::{
    AgentId, ExecutorId, FrameworkId, Role, TaskInfo, TaskKey,
    weight::{BATCH_MAX, batches},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What the tasks of one launch record have in common.
type Launched = (ExecutorId, Role, Option<String>, Option<GroupId>);

impl Agent {
    /// The facts that rebuild the agent as it is after everything that it has appended.
    #[must_use]
    pub fn image(&self) -> Vec<Fact> {
        let mut facts = vec![Fact::EpochSeen(self.epoch)];
        for (framework, tasks) in self.forgotten.by_framework() {
            facts.push(Fact::TasksForgotten { framework, tasks });
        }
        let abandoned = |framework: &Framework| framework.standing == Standing::Abandoned;
        for (id, framework) in self.frameworks.all.iter().filter(|(_, framework)| abandoned(framework)) {
            framework_facts(id, framework, &mut facts);
        }
        if let (None, Some(cluster), Ok(agent)) = (&self.id, self.cluster.clone(), AgentId::new("none")) {
            // The agent has no id at present, and its cluster all the same: nobody reads the one that is abandoned next.
            facts.extend([Fact::Identified { agent, cluster }, Fact::Abandoned]);
        } else if self.frameworks.all.values().any(abandoned) {
            facts.push(Fact::Abandoned);
        }
        if let (Some(agent), Some(cluster)) = (self.id.clone(), self.cluster.clone()) {
            facts.push(Fact::Identified { agent, cluster });
        }
        for (id, framework) in &self.frameworks.all {
            if abandoned(framework) {
                // What was refused since.
                task_facts(id, framework, false, &mut facts);
            } else {
                framework_facts(id, framework, &mut facts);
            }
        }
        facts
    }
}

fn framework_facts(id: &FrameworkId, framework: &Framework, facts: &mut Vec<Fact>) {
    let starting = |executor: &Executor| {
        Fact::ExecutorStarting(Box::new(ExecutorStart {
            framework: id.clone(),
            info: executor.info.clone(),
            token: executor.token.clone(),
            role: executor.role.clone(),
            user: executor.user.clone(),
        }))
    };
    facts.extend(framework.executors.values().map(starting));
    let active = framework.tasks.values().filter(|task| task.info.is_some());
    let (outlived, present): (Vec<_>, Vec<_>) = active.partition(|task| task.outlived);
    let orphaning: BTreeSet<_> = outlived.iter().map(|task| &task.executor).collect();
    launch_facts(id, outlived, facts);
    // Another start makes orphans of what was launched before it.
    let again = orphaning.into_iter().filter_map(|executor| framework.executors.get(executor));
    facts.extend(again.map(starting));
    launch_facts(id, present, facts);
    task_facts(id, framework, framework.standing == Standing::Abandoned, facts);
    if framework.standing != Standing::Active {
        facts.push(Fact::FrameworkShutDown(id.clone()));
    }
}

/// The launches of these tasks, in records of a bounded size. A group is one record, as it was when it came.
fn launch_facts(id: &FrameworkId, tasks: Vec<&Task>, facts: &mut Vec<Fact>) {
    let mut launches: BTreeMap<Launched, Vec<Arc<TaskInfo>>> = BTreeMap::new();
    for task in tasks {
        let Some(info) = &task.info else { continue };
        let common = (task.executor.clone(), task.role.clone(), task.user.clone(), task.group);
        launches.entry(common).or_default().push(Arc::clone(info));
    }
    for ((executor, role, user, group), tasks) in launches {
        let record = |tasks| {
            Fact::TaskLaunched(Box::new(LaunchRecord {
                framework: id.clone(),
                executor: executor.clone(),
                tasks,
                group: group.is_some(),
                role: role.clone(),
                user: user.clone(),
            }))
        };
        if group.is_some() {
            facts.push(record(tasks));
        } else {
            facts.extend(batches(tasks, BATCH_MAX).into_iter().map(record));
        }
    }
}

/// The updates of a framework's tasks that are abandoned, or of those that are not.
fn task_facts(id: &FrameworkId, framework: &Framework, abandoned: bool, facts: &mut Vec<Fact>) {
    for (task_id, task) in framework.tasks.iter().filter(|(_, task)| task.abandoned == abandoned) {
        update_facts(&TaskKey { framework: id.clone(), task: task_id.clone() }, task, facts);
    }
}

fn update_facts(key: &TaskKey, task: &Task, facts: &mut Vec<Fact>) {
    if task.sequence == 0 {
        return;
    }
    let record = |status: &proto_types::TaskStatus| {
        let number = if status.sequence == task.sequence { task.number } else { 0 };
        Fact::UpdateMade(Box::new(UpdateRecord {
            framework: key.framework.clone(),
            status: status.clone(),
            number,
            role: task.role.clone(),
        }))
    };
    if task.tail.is_empty() {
        facts.push(record(&task.latest));
        facts.push(Fact::UpdateAcknowledged { key: key.clone(), sequence: task.sequence });
        return;
    }
    facts.extend(task.tail.iter().map(record));
}
