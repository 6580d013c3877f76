//! Using offers. First everything is planned against the present state, with a verdict for each task; then the plan is
//! carried out. Nothing is changed by what is refused.

use crate::{CallId, Master, accounts::Charges, minted::epoch_of, roles::lineage, tasks::Task};
use proto_types::{
    AgentId, ExecutorId, Filters, FrameworkId, OfferId, Principal, Rejection, RejectionKind, Resources, Role, Scalar,
    TaskId, TaskInfo, TaskKey, TaskState, TaskStatus,
    container::{Container, Network},
    link::{AgentLaunch, HeldExecutor, ToAgent},
    resources::Quantities,
    scheduling::{Accept, Acceptance, Reply},
    status::Source,
    task::{ExecutorInfo, Launch},
    verdict::TaskVerdict,
    weight::{BATCH_MAX, Weigh},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// What an accept would do.
#[derive(Debug, Default)]
struct Plan {
    steps: Vec<Step>,
    verdicts: Vec<TaskVerdict>,
    task_ids: BTreeSet<TaskId>,
    offers: BTreeSet<OfferId>,
    /// What is left on each agent.
    pools: BTreeMap<AgentId, Resources>,
    /// What each role, with those below it, gets beyond what was offered.
    beyond: BTreeMap<Role, Quantities>,
    executors: BTreeMap<(AgentId, ExecutorId), ExecutorInfo>,
}

/// What is done with the offers of one acceptance.
#[derive(Debug)]
struct Step {
    agent: AgentId,
    role: Role,
    offers: Vec<OfferId>,
    launches: Vec<Launch>,
    new_executors: Vec<ExecutorInfo>,
    /// What of the offers no task took.
    left: Resources,
    /// What of them no task may take, because the role is over its limit by so much.
    barred: Quantities,
    filters: Filters,
}

impl Master {
    pub(crate) fn on_accept(&mut self, call: CallId, principal: &Principal, id: &FrameworkId, accept: Accept) {
        let Some(framework) = self.frameworks.get(id) else { return };
        let written = framework.written;
        if let Some(answer) = framework.answers.get(&accept.request) {
            let verdicts = Vec::clone(answer);
            self.out.reply(written, call, Ok(Reply::Verdicts(verdicts)));
            return;
        }
        let mut plan = Plan::default();
        for (index, acceptance) in accept.acceptances.into_iter().enumerate() {
            self.plan_acceptance(&mut plan, id, index, acceptance);
        }
        if accept.all_or_nothing && plan.verdicts.iter().any(|verdict| verdict.result.is_err()) {
            abort(&mut plan);
        }
        for step in std::mem::take(&mut plan.steps) {
            self.carry_out(principal, id, step);
        }
        let mut verdicts = plan.verdicts;
        shorten(&mut verdicts);
        if let Some(framework) = self.frameworks.change(id) {
            framework.answers.keep(accept.request, Arc::new(verdicts.clone()));
        }
        self.out.reply(written, call, Ok(Reply::Verdicts(verdicts)));
    }

    fn plan_acceptance(&self, plan: &mut Plan, id: &FrameworkId, index: usize, acceptance: Acceptance) {
        let at = format!("accepts[{index}]");
        let mut step = match self.plan_offers(plan, id, &at, &acceptance) {
            Ok(step) => step,
            Err(rejection) => {
                let tasks = acceptance.launches.iter().flat_map(|launch| &launch.tasks);
                plan.verdicts
                    .extend(tasks.map(|task| TaskVerdict { task: task.id.clone(), result: Err(rejection.clone()) }));
                return;
            }
        };
        for (position, launch) in acceptance.launches.into_iter().enumerate() {
            let kind = if launch.group { "launch_group" } else { "launch" };
            let at = format!("{at}.operations[{position}].{kind}");
            self.plan_launch(plan, id, &at, &mut step, launch);
        }
        plan.steps.push(step);
    }

    /// Checks the offers of an acceptance and puts what they hold into the pool of their agent.
    fn plan_offers(
        &self,
        plan: &mut Plan,
        id: &FrameworkId,
        at: &str,
        acceptance: &Acceptance,
    ) -> Result<Step, Rejection> {
        let mut place: Option<(AgentId, Role)> = None;
        let mut left = Resources::default();
        for (index, offer_id) in acceptance.offers.iter().enumerate() {
            let field = || format!("{at}.offer_ids[{index}]");
            let offer = self.offers.get(offer_id).filter(|offer| offer.framework == *id);
            let Some(offer) = offer.filter(|_| !plan.offers.contains(offer_id)) else {
                return Err(self.offer_gone(field(), offer_id));
            };
            let (agent, role) = place.get_or_insert_with(|| (offer.agent.clone(), offer.role.clone()));
            if (&offer.agent, &offer.role) != (&*agent, &*role) {
                let message = format!(
                    "offer {offer_id} is of agent {} for role {}, the others are of agent {agent} for role {role}; accept them apart",
                    offer.agent, offer.role
                );
                return Err(reject(RejectionKind::Invalid, field(), message));
            }
            left.add(&offer.resources);
        }
        let Some((agent_id, role)) = place else {
            let message = "must name at least one offer".to_owned();
            return Err(reject(RejectionKind::Invalid, format!("{at}.offer_ids"), message));
        };
        let Some(agent) = self.agents.get(&agent_id).filter(|agent| agent.may_be_offered()) else {
            let message = format!("agent {agent_id} is not connected, or an operator took it out of use");
            return Err(reject(RejectionKind::AgentGone, at.to_owned(), message));
        };
        plan.offers.extend(acceptance.offers.iter().cloned());
        plan.pools.entry(agent_id.clone()).or_insert_with(|| agent.free.clone()).add(&left);
        let offers = acceptance.offers.clone();
        let (launches, new_executors, filters) = (Vec::new(), Vec::new(), acceptance.filters);
        let barred = self.roles.excess(&role);
        Ok(Step { agent: agent_id, role, offers, launches, new_executors, left, barred, filters })
    }

    fn offer_gone(&self, field: String, offer: &OfferId) -> Rejection {
        match epoch_of(offer.as_str()) {
            Some(epoch) if epoch < self.epoch => {
                let message =
                    format!("offer {offer} is of epoch {epoch}, this is epoch {}; reconcile the tasks", self.epoch);
                reject(RejectionKind::OutcomeUnknown, field, message)
            }
            _ => {
                let message = format!(
                    "offer {offer} is not outstanding: it was never made to this framework, or is used, expired or rescinded"
                );
                reject(RejectionKind::OfferGone, field, message)
            }
        }
    }

    /// Plans the tasks of one launch: each for itself, or as a group all or none.
    fn plan_launch(&self, plan: &mut Plan, id: &FrameworkId, at: &str, step: &mut Step, launch: Launch) {
        let first = plan.verdicts.len();
        let undo = launch.group.then(|| (plan.pools.clone(), plan.beyond.clone(), step.left.clone()));
        let mut needs_executor = match self.plan_executor(plan, id, at, step, launch.executor.as_ref()) {
            Ok(needed) => needed,
            Err(rejection) => {
                let refused =
                    |task: &Arc<TaskInfo>| TaskVerdict { task: task.id.clone(), result: Err(rejection.clone()) };
                plan.verdicts.extend(launch.tasks.iter().map(refused));
                return;
            }
        };
        let mut accepted = Vec::new();
        for (index, task) in launch.tasks.into_iter().enumerate() {
            let at = format!("{at}.tasks[{index}]");
            let extra = if needs_executor { launch.executor.as_ref() } else { None };
            let result = self.plan_task(plan, id, &at, step, &task, extra);
            if result.is_ok() {
                needs_executor = false;
            }
            plan.verdicts.push(TaskVerdict { task: task.id.clone(), result: result.clone() });
            if result.is_ok() {
                accepted.push(task);
            }
        }
        let refused = plan.verdicts.len() - first - accepted.len();
        if refused > 0
            && let Some((pools, beyond, left)) = undo
        {
            (plan.pools, plan.beyond, step.left) = (pools, beyond, left);
            abort_from(plan, first, "another task of the group was refused");
            return;
        }
        if accepted.is_empty() {
            return;
        }
        if let Some(executor) = &launch.executor {
            let key = (step.agent.clone(), executor.id.clone());
            if plan.executors.insert(key, executor.clone()).is_none()
                && !self.has_executor(&step.agent, id, &executor.id)
            {
                step.new_executors.push(executor.clone());
            }
        }
        step.launches.push(Launch { executor: launch.executor, tasks: accepted, group: launch.group });
    }

    fn has_executor(&self, agent: &AgentId, framework: &FrameworkId, executor: &ExecutorId) -> bool {
        let key = (framework.clone(), executor.clone());
        self.agents.get(agent).is_some_and(|agent| agent.executors.contains_key(&key))
    }

    /// Checks a framework's own executor; says whether it has to be started, and so paid for.
    fn plan_executor(
        &self,
        plan: &Plan,
        id: &FrameworkId,
        at: &str,
        step: &Step,
        executor: Option<&ExecutorInfo>,
    ) -> Result<bool, Rejection> {
        let Some(executor) = executor else { return Ok(false) };
        let field = format!("{at}.executor.id");
        if executor.id.is_built_in() {
            let message = "\"built-in\" names the executor of Proffer; leave the executor out to use it".to_owned();
            return Err(reject(RejectionKind::Invalid, field, message));
        }
        let running =
            self.agents.get(&step.agent).and_then(|agent| agent.executors.get(&(id.clone(), executor.id.clone())));
        let planned = plan.executors.get(&(step.agent.clone(), executor.id.clone()));
        match running.map(|held| &held.info).or(planned) {
            None => Ok(true),
            Some(other) if other == executor => Ok(false),
            Some(_) => {
                let message = format!(
                    "an executor {} with another description runs on agent {}; use another id or the same description",
                    executor.id, step.agent
                );
                Err(reject(RejectionKind::Invalid, field, message))
            }
        }
    }

    fn plan_task(
        &self,
        plan: &mut Plan,
        id: &FrameworkId,
        at: &str,
        step: &mut Step,
        task: &TaskInfo,
        executor: Option<&ExecutorInfo>,
    ) -> Result<(), Rejection> {
        validate_task(at, task)?;
        let used = self.frameworks.get(id).is_some_and(|framework| framework.had_task(&task.id));
        if used || !plan.task_ids.insert(task.id.clone()) {
            let message = format!("task id {} was used before; every task needs a new one", task.id);
            return Err(reject(RejectionKind::Invalid, format!("{at}.id"), message));
        }
        let mut need = task.resources.clone();
        if let Some(executor) = executor {
            need.add(&executor.resources);
        }
        let field = || format!("{at}.resources");
        if let Some(foreign) = need.iter().find(|resource| !resource.kind.usable_by(&step.role)) {
            let message = format!("{foreign} is reserved for another role than {}", step.role);
            return Err(reject(RejectionKind::Invalid, field(), message));
        }
        let beyond = need.minus(&step.left);
        if !beyond.is_empty() {
            let (more, headroom) = (beyond.quantities(), self.roles.headroom_beside(&step.role, &plan.beyond));
            if !headroom.admit(&more) {
                let message = format!("needs {more} more than was offered, role {} may get {headroom} more", step.role);
                let free = Some(step.left.clone());
                return Err(Rejection { kind: RejectionKind::Conflict, field: field(), message, free });
            }
        }
        if let Some(message) = over_limit(step, &need) {
            let free = Some(step.left.clone());
            return Err(Rejection { kind: RejectionKind::Conflict, field: field(), message, free });
        }
        let pool = plan.pools.entry(step.agent.clone()).or_default();
        if let Err(insufficient) = pool.subtract(&need) {
            let message = format!("{insufficient} left of what was offered and is free on agent {}", step.agent);
            return Err(Rejection { kind: RejectionKind::Conflict, field: field(), message, free: Some(pool.clone()) });
        }
        if !beyond.is_empty() {
            lineage(&step.role).for_each(|role| plan.beyond.entry(role).or_default().add(&beyond));
        }
        step.left = step.left.minus(&need);
        Ok(())
    }

    fn carry_out(&mut self, principal: &Principal, id: &FrameworkId, step: Step) {
        for offer in &step.offers {
            self.let_go(offer);
        }
        for executor in step.new_executors {
            self.charge(&step.agent, id, &step.role, &executor.resources);
            let held = HeldExecutor { framework: id.clone(), info: executor, role: step.role.clone() };
            if let Some(agent) = self.agents.change(&step.agent) {
                agent.executors.insert((id.clone(), held.info.id.clone()), held);
            }
        }
        for launch in step.launches {
            self.launch(principal, id, &step.agent, &step.role, launch);
        }
        self.refuse(&step.agent, id, &step.role, &step.left, step.filters);
    }

    fn launch(&mut self, principal: &Principal, id: &FrameworkId, agent_id: &AgentId, role: &Role, launch: Launch) {
        let executor = launch.executor.as_ref().map_or_else(ExecutorId::built_in, |executor| executor.id.clone());
        let mut charges = Charges::default();
        for info in &launch.tasks {
            let key = TaskKey { framework: id.clone(), task: info.id.clone() };
            let mut latest = TaskStatus::new(info.id.clone(), TaskState::Staging, Source::Master, self.now.wall);
            latest.agent = Some(agent_id.clone());
            latest.executor = Some(executor.clone());
            let mut task = Task {
                info: Some(Arc::clone(info)),
                agent: agent_id.clone(),
                executor: executor.clone(),
                role: role.clone(),
                principal: principal.clone(),
                latest,
                tail: VecDeque::new(),
                sent: 0,
                acknowledged: 0,
                received: 0,
                mastered: 0,
                charged: false,
            };
            charges.add(id, &mut task);
            self.insert_task(&key, task);
        }
        self.charge_tasks(agent_id, charges);
        let Some(agent) = self.agents.get(agent_id) else { return };
        let Some(framework) = self.frameworks.get(id) else { return };
        let after = agent.written.max(framework.written);
        let message =
            AgentLaunch { framework: id.clone(), user: framework.info.user.clone(), role: role.clone(), launch };
        if let Some(link) = agent.link {
            self.out.send_agent(after, link, ToAgent::Launch(Box::new(message)));
        }
    }
}

/// What of the offers a task would take although its role is over its limit.
fn over_limit(step: &Step, need: &Resources) -> Option<String> {
    let rest = step.left.minus(need);
    let (name, over) =
        step.barred.iter().find(|(name, over)| need.scalar(name) > Scalar::ZERO && rest.scalar(name) < *over)?;
    Some(format!(
        "needs {name}:{}, but role {} is over its limit by {name}:{over} since the offer was made",
        need.scalar(name),
        step.role
    ))
}

fn reject(kind: RejectionKind, field: String, message: String) -> Rejection {
    Rejection { kind, field, message, free: None }
}

/// What is free is told until it makes up a message, for it may be long and there may be thousands of verdicts.
fn shorten(verdicts: &mut [TaskVerdict]) {
    let mut weight = 0;
    for rejection in verdicts.iter_mut().filter_map(|verdict| verdict.result.as_mut().err()) {
        weight += rejection.free.as_ref().map_or(0, Weigh::weight);
        if weight > BATCH_MAX {
            rejection.free = None;
        }
    }
}

/// Gives up the whole plan: the tasks that would have been accepted are told why they are not.
fn abort(plan: &mut Plan) {
    plan.steps.clear();
    abort_from(plan, 0, "another part of the all-or-nothing request was refused");
}

fn abort_from(plan: &mut Plan, first: usize, message: &str) {
    for verdict in &mut plan.verdicts[first..] {
        if verdict.result.is_ok() {
            verdict.result = Err(reject(RejectionKind::GangAborted, String::new(), message.to_owned()));
        }
    }
}

/// What the description alone can be wrong about and the vocabulary does not exclude.
fn validate_task(at: &str, task: &TaskInfo) -> Result<(), Rejection> {
    let invalid = |field: &str, message: String| Err(reject(RejectionKind::Invalid, format!("{at}.{field}"), message));
    if task.resources.is_empty() {
        return invalid("resources", "must not be empty; name at least some cpus or mem".to_owned());
    }
    let Some(Container::Docker(docker)) = &task.container else { return Ok(()) };
    if docker.port_mappings.is_empty() {
        return Ok(());
    }
    if matches!(docker.network, Network::Host | Network::None) {
        let message = "port mappings need a bridge or named network".to_owned();
        return invalid("container.docker.port_mappings", message);
    }
    let ports = task.resources.ports();
    let strange = |port: u16| !ports.contains(&proto_types::resources::Ranges::single(u64::from(port)));
    match docker.port_mappings.iter().find(|mapping| strange(mapping.host_port)) {
        Some(mapping) => {
            let message = format!("host port {} is not among the task's ports {ports}", mapping.host_port);
            invalid("container.docker.port_mappings", message)
        }
        None => Ok(()),
    }
}
