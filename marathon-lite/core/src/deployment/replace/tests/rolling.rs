//! Whole replacements in a small world of instances that start, fall ill and die by chance.

use super::*;

/// Something that happens to an instance: the place in the list, and what.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// What is staged runs; what runs and is not healthy becomes healthy; what is healthy becomes ready; what is being
    /// killed ends.
    Moves(usize),
    /// It dies by itself.
    Dies(usize),
    /// It is no longer healthy.
    FallsIll(usize),
    /// Somebody decides.
    Decides,
}

struct World {
    strategy: UpgradeStrategy,
    instances: u32,
    resident: bool,
    views: Vec<InstanceView>,
    canary: Canary,
    seconds: u64,
    launched: usize,
}

impl World {
    fn new(strategy: UpgradeStrategy, instances: u32, resident: bool, old: &str) -> Self {
        let views = views(old);
        Self { strategy, instances, resident, views, canary: Canary::default(), seconds: 0, launched: 1000 }
    }

    fn minimum(&self) -> u32 {
        (f64::from(self.instances) * self.strategy.minimum_health_capacity).ceil() as u32
    }

    fn maximum(&self) -> u32 {
        (f64::from(self.instances) * (1.0 + self.strategy.maximum_over_capacity)) as u32
    }

    fn healthy(&self) -> u32 {
        let works = |view: &&InstanceView| if view.is_new { view.took_over() } else { view.serves() };
        self.views.iter().filter(works).count() as u32
    }

    /// Asks once, checks what must hold, and does what is said. Says whether it was finished.
    fn decide(&mut self) -> bool {
        let decision = replace(&Replace {
            resident: self.resident,
            canary: self.canary,
            now: Timestamp::from_millis(self.seconds * 1000),
            ..input(&self.strategy, self.instances, &self.views)
        });
        let Kill::These(kill) = &decision.kill else { unreachable!() };
        let (before, active_before) = (self.healthy(), self.views.len() as u32);
        for view in self.views.iter_mut().filter(|view| kill.contains(&view.id)) {
            assert!(!view.goal_stopped, "{} is killed twice", view.id);
            view.goal_stopped = true;
        }
        let equal = self.minimum() == self.maximum();
        let floor = if self.resident && equal { self.minimum().saturating_sub(1) } else { self.minimum() };
        assert!(self.healthy() >= before.min(floor), "{} of {before} stay healthy, {floor} must", self.healthy());
        let ceiling = self.maximum() + u32::from(equal && !self.resident);
        if decision.launch > 0 {
            assert!(active_before + decision.launch <= ceiling, "{active_before} + {} > {ceiling}", decision.launch);
        }
        for _ in 0..decision.launch {
            self.views.push(view('n', self.launched));
            self.launched += 1;
        }
        self.canary = decision.canary;
        self.seconds += 1;
        decision.is_finished()
    }

    fn happens(&mut self, happening: Happening) {
        let len = self.views.len().max(1);
        match happening {
            Happening::Decides => {
                self.decide();
            }
            Happening::Moves(at) if at % len < self.views.len() => self.moves(at % len),
            Happening::Dies(at) if at % len < self.views.len() => {
                self.views.remove(at % len);
            }
            Happening::FallsIll(at) if at % len < self.views.len() => self.views[at % len].healthy = false,
            _ => {}
        }
    }

    fn moves(&mut self, at: usize) {
        let view = &mut self.views[at];
        if view.goal_stopped {
            self.views.remove(at);
        } else if view.condition != Condition::Task(TaskState::Running) {
            view.condition = Condition::Task(TaskState::Running);
        } else if !view.healthy {
            // An old one that is ill stays so: whoever replaces it must not wait for it.
            view.healthy = view.is_new;
        } else {
            view.ready = true;
        }
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0..100usize).prop_map(Happening::Moves),
        1 => (0..100usize).prop_map(Happening::Dies),
        1 => (0..100usize).prop_map(Happening::FallsIll),
        6 => Just(Happening::Decides),
    ]
}

fn strategies() -> impl Strategy<Value = (UpgradeStrategy, bool)> {
    let share = prop_oneof![Just(0.0), Just(0.5), Just(1.0), 0.0..=1.0f64];
    let size = prop_oneof![(1..12u32).prop_map(CanarySize::Instances), (0.001..=1.0f64).prop_map(CanarySize::Share)];
    let step = (size, 0..20u64).prop_map(|(size, seconds)| CanaryStep { size, pause: Duration::from_secs(seconds) });
    let steps = prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(step, 1..3)];
    (share.clone(), share, steps, any::<bool>()).prop_map(|(minimum, over, canary_steps, resident)| {
        let over = if resident { 0.0 } else { over };
        (UpgradeStrategy { canary_steps, ..UpgradeStrategy::new(minimum, over) }, resident)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn capacity_stays_within_bounds_and_it_ends(
        (strategy, resident) in strategies(),
        instances in 1..12u32,
        old in "[Hus]{0,14}",
        happenings in proptest::collection::vec(happening(), 0..120),
    ) {
        let mut world = World::new(strategy, instances, resident, &old);
        for one in happenings {
            world.happens(one);
        }
        // From here on new ones become healthy, and nobody dies.
        let mut finished = false;
        for _ in 0..400 {
            finished = world.decide();
            if finished {
                break;
            }
            for at in (0..world.views.len()).rev() {
                world.moves(at);
            }
        }
        prop_assert!(finished, "not finished: {:?}", world.views);
        prop_assert_eq!(world.views.len() as u32, instances);
        prop_assert!(world.views.iter().all(|view| view.is_new && view.took_over()));
    }
}
