//! Whole deployments in a small world: instances start, die and end by chance, and leaders change.

use super::{
    small_world::{at, deployment, instances, trees},
    *,
};
use crate::{
    app::{AppDefinition, PathId, Timestamp},
    group::Root,
    instances::{Condition, Instance},
    pods::PodDefinition,
};
use proptest::prelude::*;
use proto_types::TaskState;
use std::{collections::BTreeMap, sync::Arc};

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// An instance goes on: one that is staged runs, one that is being killed ends.
    Moves(usize),
    /// It dies by itself.
    Dies(usize),
    /// Everybody looks at everything.
    Works,
    /// Another leader takes over, with what is stored.
    LeaderChanges,
}

struct World {
    deployment: Deployment,
    /// The instances of each app.
    running: BTreeMap<PathId, Vec<Arc<Instance>>>,
    now: u64,
    launched: u64,
}

/// The versions that the two roots have.
struct Kept(Root, Root);

impl Versions for Kept {
    fn app(&self, id: &PathId, version: Timestamp) -> Option<Arc<AppDefinition>> {
        let both = [&self.0, &self.1].into_iter().filter_map(|root| root.app(id));
        both.into_iter().find(|app| app.version == version).cloned()
    }

    fn pod(&self, _: &PathId, _: Timestamp) -> Option<Arc<PodDefinition>> {
        None
    }
}

impl World {
    fn new(original: &Root, target: &Root) -> Self {
        let running = original.apps().map(|app| {
            let letters = "R".repeat(app.instances as usize);
            let config = app.version_info.last_config_change_at.millis();
            (app.id.clone(), instances(app.id.as_str(), &letters, app.version.millis(), config))
        });
        Self { deployment: deployment("d", original, target), running: running.collect(), now: 2000, launched: 0 }
    }

    fn happens(&mut self, happening: Happening) {
        self.now += 100;
        match happening {
            Happening::Works => self.works(),
            Happening::LeaderChanges => self.leader_changes(),
            Happening::Moves(at) => self.with_instance(at, |instance| {
                let mut instance = Instance::clone(&instance);
                let ends = instance.goal_stopped;
                instance.condition = Condition::Task(TaskState::Running);
                (!ends).then(|| Arc::new(instance))
            }),
            Happening::Dies(at) => self.with_instance(at, |_| None),
        }
    }

    fn with_instance(&mut self, at: usize, then: impl Fn(Arc<Instance>) -> Option<Arc<Instance>>) {
        let count: usize = self.running.values().map(Vec::len).sum();
        let Some(mut at) = at.checked_rem(count) else { return };
        for all in self.running.values_mut() {
            if at < all.len() {
                let instance = all.remove(at);
                all.splice(at..at, then(instance));
                return;
            }
            at -= all.len();
        }
    }

    fn works(&mut self) {
        let open: Vec<PathId> = self.deployment.progress.all_open().map(|(id, _)| id.clone()).collect();
        for id in open {
            let all = self.running.entry(id.clone()).or_default().clone();
            let decision = self.deployment.decide(&id, &all, 0, at(self.now)).unwrap();
            self.carry_out(&id, &decision);
            self.deployment.record(&id, &decision, at(self.now));
        }
        self.deployment.advance(at(self.now));
    }

    fn carry_out(&mut self, id: &PathId, decision: &Decision) {
        let before = self.serving(id);
        let all = self.running.entry(id.clone()).or_default();
        let mut left = 0;
        let killed = |instance: &Instance, left: &mut u32| match &decision.kill {
            Kill::These(these) => these.contains(&instance.id),
            Kill::Any(_) => std::mem::replace(left, left.saturating_sub(1)) > 0,
        };
        if let Kill::Any(count) = decision.kill {
            left = count;
        }
        for instance in all.iter_mut().filter(|instance| !instance.goal_stopped) {
            if killed(instance, &mut left) {
                Arc::make_mut(instance).goal_stopped = true;
            }
        }
        let restarts =
            self.deployment.progress.open(id).is_some_and(|open| open.kind == ActionKind::RestartApplication);
        if restarts && let Some(wanted) = self.deployment.target.app(id) {
            // The minimum is all of them.
            assert!(self.serving(id) >= before.min(wanted.instances), "{id}: {before} serve");
        }
        let Some(wanted) = self.deployment.target.app(id).cloned() else { return };
        let config = wanted.version_info.last_config_change_at.millis();
        for _ in 0..decision.launch {
            self.launched += 1;
            let mut instance = Instance::clone(&instances(id.as_str(), "s", wanted.version.millis(), config)[0]);
            instance.id = proto_types::TaskId::new(format!("{}.n{}", id.safe_path(), self.launched)).unwrap();
            instance.staged_at = at(self.now);
            self.running.entry(id.clone()).or_default().push(Arc::new(instance));
        }
    }

    fn serving(&self, id: &PathId) -> u32 {
        self.running.get(id).into_iter().flatten().filter(|one| one.runs() && !one.goal_stopped).count() as u32
    }

    fn leader_changes(&mut self) {
        let (plan, progress) = (self.deployment.stored_plan(), self.deployment.stored_progress());
        let kept = Kept(self.deployment.original.clone(), self.deployment.target.clone());
        let found = recover(self.deployment.id.clone(), &plan, &progress, &self.deployment.target, &kept).unwrap();
        assert_eq!((&found.steps, &found.progress), (&self.deployment.steps, &self.deployment.progress));
        self.deployment = found;
        self.deployment.resume(at(self.now));
    }

    /// What is done for apps when no deployment is under way.
    fn keeps(&mut self) {
        let apps: Vec<Arc<AppDefinition>> = self.deployment.target.apps().cloned().collect();
        for app in apps {
            let wanted = RunSpec::App(Arc::clone(&app));
            let all = self.running.entry(app.id.clone()).or_default();
            let views: Vec<InstanceView> = all.iter().map(|one| InstanceView::of(one, &wanted)).collect();
            let decision = scale(&Scale { instances: app.instances, ended: 0, views: &views });
            self.carry_out(&app.id, &decision);
        }
    }

    fn everything_moves(&mut self) {
        let count: usize = self.running.values().map(Vec::len).sum();
        (0..count).rev().for_each(|at| self.happens(Happening::Moves(at)));
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (0..100usize).prop_map(Happening::Moves),
        1 => (0..100usize).prop_map(Happening::Dies),
        8 => Just(Happening::Works),
        1 => Just(Happening::LeaderChanges),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_target_is_reached(
        original in trees(),
        target in trees(),
        happenings in proptest::collection::vec(happening(), 0..100),
    ) {
        let mut world = World::new(&original, &target);
        for one in happenings {
            world.happens(one);
        }
        let mut rounds = 0;
        while !world.deployment.is_over() {
            rounds += 1;
            prop_assert!(rounds < 200, "not over: {:?} {:?}", world.deployment.step(), world.deployment.progress);
            world.works();
            world.everything_moves();
        }
        for _ in 0..20 {
            world.keeps();
            world.everything_moves();
        }
        for (id, all) in &world.running {
            let wanted = target.app(id).map_or(0, |app| app.instances);
            prop_assert_eq!(all.len() as u32, wanted, "{}", id);
            let config = target.app(id).map(|app| app.version_info.last_config_change_at);
            prop_assert!(all.iter().all(|one| Some(one.config_version) == config), "{} has old instances", id);
        }
    }
}
