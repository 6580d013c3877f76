//! Whatever happens, in whatever order, the invariants hold. `World::give` checks all of them after every input.

use super::world::{AgentHandle, Scheduler, World, framework, launch, task};
use crate::{Config, Input, OperatorCall, effect::AgentStanding};
use proptest::prelude::*;
use proto_types::{
    Filters, FrameworkInfo, RequestId, TaskKey, TaskState,
    agent::Unavailability,
    link::HeldTask,
    scheduling::{Accept, Acceptance, Call, Wants},
    time::Wall,
};
use std::{collections::BTreeMap, time::Duration};

#[derive(Debug, Clone)]
enum Step {
    AddAgent(u8),
    LoseLink(usize),
    ReturnAgent(usize, u8),
    AddFramework(u8),
    CloseScheduler(usize),
    Resubscribe(usize),
    Allocate,
    Accept { framework: usize, tasks: u8, milli: u16, gang: bool },
    Decline { framework: usize, seconds: u8 },
    Revive(usize),
    Suppress(usize),
    Update { task: usize, state: u8 },
    Acknowledge(usize),
    Kill(usize),
    Advance(u8),
    Teardown(usize),
    Operate { agent: usize, what: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (1_u8..8).prop_map(Step::AddAgent),
        1 => any::<usize>().prop_map(Step::LoseLink),
        2 => (any::<usize>(), 1_u8..8).prop_map(|(agent, cpus)| Step::ReturnAgent(agent, cpus)),
        2 => (0_u8..6).prop_map(Step::AddFramework),
        1 => any::<usize>().prop_map(Step::CloseScheduler),
        1 => any::<usize>().prop_map(Step::Resubscribe),
        8 => Just(Step::Allocate),
        8 => (any::<usize>(), 1_u8..4, 1_u16..3000, any::<bool>())
            .prop_map(|(framework, tasks, milli, gang)| Step::Accept { framework, tasks, milli, gang }),
        3 => (any::<usize>(), 0_u8..20).prop_map(|(framework, seconds)| Step::Decline { framework, seconds }),
        1 => any::<usize>().prop_map(Step::Revive),
        1 => any::<usize>().prop_map(Step::Suppress),
        8 => (any::<usize>(), any::<u8>()).prop_map(|(task, state)| Step::Update { task, state }),
        4 => any::<usize>().prop_map(Step::Acknowledge),
        1 => any::<usize>().prop_map(Step::Kill),
        2 => (1_u8..40).prop_map(Step::Advance),
        1 => any::<usize>().prop_map(Step::Teardown),
        3 => (any::<usize>(), 0_u8..12).prop_map(|(agent, what)| Step::Operate { agent, what }),
    ]
}

/// What runs outside the master: agents with their tasks, and schedulers.
struct Actors {
    world: World,
    agents: Vec<(AgentHandle, bool)>,
    schedulers: Vec<Scheduler>,
    tasks: Vec<(TaskKey, usize, String, u64, TaskState)>,
    names: u32,
}

const ROLES: [&str; 6] = ["*", "a", "a/x", "a/y", "b", "b/z"];

fn pick<T>(items: &[T], index: usize) -> Option<usize> {
    (!items.is_empty()).then(|| index % items.len())
}

impl Actors {
    fn take(&mut self, step: Step) {
        match step {
            Step::AddAgent(cpus) => {
                let agent = self.world.agent(&format!("cpus:{cpus};mem:4096;cpus(b):1"));
                self.agents.push((agent, true));
            }
            Step::LoseLink(index) => {
                let Some(index) = pick(&self.agents, index) else { return };
                let link = self.agents[index].0.link;
                self.agents[index].1 = false;
                self.world.give(Input::AgentLinkClosed { link });
            }
            Step::ReturnAgent(index, cpus) => self.return_agent(index, cpus),
            Step::AddFramework(role) => {
                let scheduler = self
                    .world
                    .scheduler("f", &[ROLES[usize::from(role) % ROLES.len()], "b"][..1 + usize::from(role % 4 == 1)]);
                self.schedulers.push(scheduler);
            }
            Step::CloseScheduler(index) => {
                let Some(index) = pick(&self.schedulers, index) else { return };
                let connection = self.schedulers[index].connection;
                self.world.give(Input::SchedulerClosed { connection, too_slow: false });
            }
            Step::Resubscribe(index) => self.resubscribe(index),
            Step::Allocate => self.world.allocate(),
            Step::Accept { framework, tasks, milli, gang } => self.accept(framework, tasks, milli, gang),
            Step::Decline { framework, seconds } => {
                let Some(index) = pick(&self.schedulers, framework) else { return };
                let scheduler = self.schedulers[index].clone();
                let offers = self.world.offers(&scheduler).iter().map(|offer| offer.id.clone()).collect();
                let filters = Filters { refuse: Duration::from_secs(u64::from(seconds)) };
                let _ = self.world.call(&scheduler, Call::Decline { offers, filters });
            }
            Step::Revive(index) => self.call(index, Call::Revive(Vec::new())),
            Step::Suppress(index) => self.call(index, Call::Suppress(Vec::new())),
            Step::Update { task, state } => self.update(task, state),
            Step::Acknowledge(index) => {
                let Some(index) = pick(&self.tasks, index) else { return };
                let (key, _, _, sequence, _) = self.tasks[index].clone();
                let Some(owner) = self.schedulers.iter().position(|s| s.id == key.framework) else { return };
                self.call(owner, Call::Acknowledge(vec![(key.task.clone(), sequence), (key.task, u64::MAX)]));
            }
            Step::Kill(index) => {
                let Some(index) = pick(&self.tasks, index) else { return };
                let key = self.tasks[index].0.clone();
                let Some(owner) = self.schedulers.iter().position(|s| s.id == key.framework) else { return };
                self.call(owner, Call::Kill { tasks: vec![key.task], grace: None });
            }
            Step::Advance(seconds) => self.world.advance(Duration::from_secs(u64::from(seconds))),
            Step::Teardown(index) => self.call(index, Call::Teardown),
            Step::Operate { agent, what } => self.operate(agent, what),
        }
    }

    fn operate(&mut self, agent: usize, what: u8) {
        let Some(index) = pick(&self.agents, agent) else { return };
        let agent = self.agents[index].0.id.clone();
        let seconds = |count: u8| Duration::from_secs(u64::from(count));
        let now = self.world.now.wall.0;
        let call = match what {
            0 => OperatorCall::MarkAgentGone(agent),
            1..=2 => OperatorCall::DeactivateAgent(agent),
            3..=5 => OperatorCall::DrainAgent {
                agent,
                max_grace: (what > 3).then(|| seconds(what)),
                deadline: (what > 4).then(|| seconds(what)),
                mark_gone: false,
            },
            6..=8 => OperatorCall::ReactivateAgent(agent),
            9 => OperatorCall::CancelMaintenance(vec![agent]),
            _ => OperatorCall::ScheduleMaintenance {
                agents: vec![agent],
                unavailability: Unavailability { start: Wall(now + 5_000), end: Some(Wall(now + 30_000)) },
            },
        };
        let _ = self.world.operate(call);
    }

    fn call(&mut self, index: usize, call: Call) {
        let Some(index) = pick(&self.schedulers, index) else { return };
        let scheduler = self.schedulers[index].clone();
        let _ = self.world.call(&scheduler, call);
    }

    fn return_agent(&mut self, index: usize, cpus: u8) {
        let Some(index) = pick(&self.agents, index) else { return };
        let id = self.agents[index].0.id.clone();
        let own = self.tasks.iter().filter(|(_, agent, ..)| *agent == index);
        let held: Vec<HeldTask> = own
            .filter(|(.., state)| !state.is_terminal())
            .map(|(key, _, resources, sequence, state)| {
                let unacknowledged: &[u64] = if *sequence == 0 { &[] } else { std::slice::from_ref(sequence) };
                self.world.held(key, resources, *state, unacknowledged)
            })
            .collect();
        if self.world.master.agents.get(&id).is_none_or(|agent| agent.standing == AgentStanding::Gone) {
            return;
        }
        let agent = self.world.register(Some(&id), &format!("cpus:{cpus};mem:4096"), held);
        self.agents[index] = (agent, true);
    }

    fn resubscribe(&mut self, index: usize) {
        let Some(index) = pick(&self.schedulers, index) else { return };
        let id = self.schedulers[index].id.clone();
        if self.world.master.is_dead(&id) {
            return;
        }
        let roles: Vec<String> =
            self.world.master.frameworks.get(&id).unwrap().info.roles.iter().map(ToString::to_string).collect();
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        let info = FrameworkInfo { id: Some(id), ..framework("f", &roles) };
        self.schedulers[index] = self.world.subscribe(info, 1, Wants::default(), None);
    }

    fn accept(&mut self, framework: usize, count: u8, milli: u16, gang: bool) {
        let Some(index) = pick(&self.schedulers, framework) else { return };
        let scheduler = self.schedulers[index].clone();
        let mut places = BTreeMap::new();
        let mut acceptances = Vec::new();
        for offer in self.world.offers(&scheduler).into_iter().take(3) {
            let mut tasks = Vec::new();
            for _ in 0..count {
                self.names += 1;
                let (name, resources) =
                    (format!("t{}", self.names), format!("cpus:{}.{:03}", milli / 1000, milli % 1000));
                let agent = self.agents.iter().position(|(agent, _)| agent.id == offer.agent).unwrap();
                tasks.push(task(&name, &resources));
                places.insert(name, (agent, resources));
            }
            let filters = Filters { refuse: Duration::from_secs(u64::from(milli % 3)) };
            acceptances.push(Acceptance { offers: vec![offer.id], launches: vec![launch(&tasks)], filters });
        }
        self.names += 1;
        let request = RequestId::new(format!("r{}", self.names)).unwrap();
        let Ok(proto_types::scheduling::Reply::Verdicts(verdicts)) =
            self.world.call(&scheduler, Call::Accept(Accept { request, acceptances, all_or_nothing: gang }))
        else {
            return;
        };
        assert!(!gang || verdicts.iter().all(|v| v.result.is_ok()) || verdicts.iter().all(|v| v.result.is_err()));
        for verdict in verdicts.into_iter().filter(|verdict| verdict.result.is_ok()) {
            let (agent, resources) = places.remove(verdict.task.as_str()).unwrap();
            let key = TaskKey { framework: scheduler.id.clone(), task: verdict.task };
            self.tasks.push((key, agent, resources, 0, TaskState::Staging));
        }
    }

    fn update(&mut self, task: usize, state: u8) {
        let Some(index) = pick(&self.tasks, task) else { return };
        let (key, agent, _, sequence, old) = &mut self.tasks[index];
        let states =
            [TaskState::Starting, TaskState::Running, TaskState::Finished, TaskState::Failed, TaskState::Killed];
        let state = states[usize::from(state) % states.len()];
        if !old.may_become(state) || !self.agents[*agent].1 {
            return;
        }
        (*sequence, *old) = (*sequence + 1, state);
        let (agent, key, sequence) = (self.agents[*agent].0.clone(), key.clone(), *sequence);
        self.world.update(&agent, &key, state, sequence);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_whatever_happens(steps in prop::collection::vec(step(), 1..120)) {
        let config = Config { completed_tasks_max: 3, completed_frameworks_max: 2, event_ring: 8, ..Config::default() };
        let world = World::with(config);
        let mut actors = Actors { world, agents: Vec::new(), schedulers: Vec::new(), tasks: Vec::new(), names: 0 };
        for step in steps {
            actors.take(step);
        }
    }
}
