//! All that an agent's journal amounts to, as the fewest facts: what a new file of it begins with.

use crate::{
    Agent,
    fact::{ExecutorStart, Fact, LaunchRecord, UpdateRecord},
    frameworks::{Framework, Standing},
    tasks::{GroupId, Task},
};
use proto_types::{ExecutorId, FrameworkId, Role, TaskKey};
use std::{collections::BTreeMap, sync::Arc};

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
        let abandoned = |framework: &&Framework| framework.standing == Standing::Abandoned;
        for (id, framework) in self.frameworks.all.iter().filter(|(_, framework)| abandoned(framework)) {
            framework_facts(id, framework, &mut facts);
        }
        if self.frameworks.all.values().any(|framework| abandoned(&framework)) {
            facts.push(Fact::Abandoned);
        }
        if let (Some(agent), Some(cluster)) = (self.id.clone(), self.cluster.clone()) {
            facts.push(Fact::Identified { agent, cluster });
        }
        for (id, framework) in self.frameworks.all.iter().filter(|(_, framework)| !abandoned(framework)) {
            framework_facts(id, framework, &mut facts);
        }
        facts
    }
}

fn framework_facts(id: &FrameworkId, framework: &Framework, facts: &mut Vec<Fact>) {
    for executor in framework.executors.values() {
        facts.push(Fact::ExecutorStarting(Box::new(ExecutorStart {
            framework: id.clone(),
            info: executor.info.clone(),
            token: executor.token.clone(),
            role: executor.role.clone(),
            user: executor.user.clone(),
        })));
    }
    let mut launches: BTreeMap<Launched, LaunchRecord> = BTreeMap::new();
    for task in framework.tasks.values() {
        let Some(info) = &task.info else { continue };
        let common = (task.executor.clone(), task.role.clone(), task.user.clone(), task.group);
        let launch = launches.entry(common).or_insert_with(|| LaunchRecord {
            framework: id.clone(),
            executor: task.executor.clone(),
            tasks: Vec::new(),
            group: task.group.is_some(),
            role: task.role.clone(),
            user: task.user.clone(),
        });
        launch.tasks.push(Arc::clone(info));
    }
    facts.extend(launches.into_values().map(|launch| Fact::TaskLaunched(Box::new(launch))));
    for (task_id, task) in &framework.tasks {
        update_facts(&TaskKey { framework: id.clone(), task: task_id.clone() }, task, facts);
    }
    if framework.standing != Standing::Active {
        facts.push(Fact::FrameworkShutDown(id.clone()));
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
