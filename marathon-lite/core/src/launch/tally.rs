//! The instances of an app, counted: kept from batch to batch, so that a batch costs what changed since the last one.

use super::RunSpec;
use crate::{
    app::{Constraint, Timestamp},
    constraints::{Place, Placed, Rules},
    instances::Instance,
};
use imbl::{OrdMap, ordmap::DiffItem};
use proto_types::{AgentId, TaskId};
use std::{collections::BTreeMap, sync::Arc};

/// The instances of an app that run or may run, as its present version counts them.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) rules: Rules,
    pub(super) placed: Placed,
    /// By agent: instances of this version that are to stay, and the others.
    pub(super) on_agents: BTreeMap<AgentId, (u32, u32)>,
    constraints: Vec<Constraint>,
    config_version: Timestamp,
    /// What is counted.
    counted: OrdMap<TaskId, Arc<Instance>>,
}

impl Tally {
    /// Nothing is counted yet.
    pub(super) fn new(spec: &RunSpec) -> Self {
        let rules = Rules::new(spec.constraints());
        Self {
            placed: Placed::new(&rules),
            rules,
            on_agents: BTreeMap::new(),
            constraints: spec.constraints().to_vec(),
            config_version: spec.config_version(),
            counted: OrdMap::new(),
        }
    }

    /// Whether this counts as `spec` wants it.
    pub(super) fn is_of(&self, spec: &RunSpec) -> bool {
        self.config_version == spec.config_version() && self.constraints == spec.constraints()
    }

    /// Counts what there is now. What did not change since the last time is not looked at.
    pub(super) fn follow(&mut self, instances: &OrdMap<TaskId, Arc<Instance>>) {
        let counted = std::mem::replace(&mut self.counted, instances.clone());
        for change in counted.diff(instances) {
            match change {
                DiffItem::Add(_, after) => self.count(after, true),
                DiffItem::Remove(_, before) => self.count(before, false),
                DiffItem::Update { old: (_, before), new: (_, after) } => {
                    self.count(before, false);
                    self.count(after, true);
                }
            }
        }
    }

    /// Counts an instance that is about to be launched.
    pub(super) fn launched(&mut self, instance: &Instance) {
        let instance = Arc::new(instance.clone());
        self.count(&instance, true);
        if let Some(before) = self.counted.insert(instance.id.clone(), instance) {
            self.count(&before, false);
        }
    }

    fn count(&mut self, instance: &Instance, there: bool) {
        if !instance.condition.is_active() {
            return;
        }
        let own = instance.config_version == self.config_version && instance.is_wanted();
        let place = Place::from(instance);
        if there {
            self.placed.add(&self.rules, &place, own);
        } else {
            self.placed.remove(&self.rules, &place, own);
        }
        let counts = self.on_agents.entry(instance.agent.clone()).or_default();
        let count = if own { &mut counts.0 } else { &mut counts.1 };
        *count = if there { count.saturating_add(1) } else { count.saturating_sub(1) };
        if *counts == (0, 0) {
            self.on_agents.remove(&instance.agent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::PathId,
        instances::Condition,
        launch::tests::world::{app_spec, at},
    };
    use proptest::prelude::*;
    use proto_types::{TaskState, resources::parse_attributes};
    use serde_json::json;

    fn instance(id: u8, agent: u8, own: bool, state: u8) -> Instance {
        let agent_id = AgentId::new(format!("a{agent}")).unwrap();
        let id = TaskId::new(format!("t{id}")).unwrap();
        Instance {
            config_version: if own { Timestamp::default() } else { at(9) },
            condition: Condition::Task(if state == 0 { TaskState::Failed } else { TaskState::Running }),
            goal_stopped: state == 1,
            attributes: Arc::new(parse_attributes(&format!("rack:r{}", agent % 3)).unwrap()),
            ..Instance::new(id, PathId::root(), agent_id, format!("h{agent}"), at(1))
        }
    }

    proptest! {
        #[test]
        fn following_changes_is_counting_anew(
            changes in proptest::collection::vec((any::<bool>(), 0_u8..20, 0_u8..6, any::<bool>(), 0_u8..4), 0..60)
        ) {
            let constraints = json!([["hostname", "UNIQUE"], ["rack", "GROUP_BY"]]);
            let spec = app_spec(json!({"id": "/a", "cmd": "x", "constraints": constraints}));
            let mut tally = Tally::new(&spec);
            let mut instances = OrdMap::new();
            for (index, (launch, id, agent, own, state)) in changes.into_iter().enumerate() {
                let one = instance(id, agent, own, state);
                if launch && !instances.contains_key(&one.id) {
                    tally.launched(&one);
                    instances.insert(one.id.clone(), Arc::new(one));
                } else if state == 3 {
                    instances.remove(&one.id);
                } else {
                    instances.insert(one.id.clone(), Arc::new(one));
                }
                if index % 3 == 0 {
                    tally.follow(&instances);
                }
            }
            tally.follow(&instances);
            let mut anew = Tally::new(&spec);
            anew.follow(&instances);
            prop_assert_eq!(&tally.on_agents, &anew.on_agents);
            prop_assert_eq!(&tally.placed, &anew.placed);
        }
    }
}
