//! Lists in pages, from the read model.

use crate::{
    read_model::{ListError, Page, PageRequest, ReadModel, Snapshot},
    rpc::{agent_record, framework_record, quantities, role_record, task_record},
};
use imbl::OrdMap;
use master_core::effect::{AgentStanding, TaskView};
use proffer_proto::v1;
use prost::Message;
use proto_types::{AgentId, FrameworkId, OfferId, Role, TaskId, TaskKey};
use std::{ops::Bound, str::FromStr, sync::Arc, time::UNIX_EPOCH};

/// The cluster as a whole.
pub(crate) fn cluster(model: &ReadModel) -> v1::Cluster {
    let snapshot = model.snapshot();
    let counts = &snapshot.counts;
    let standing = |standing| narrow(counts.agents.get(&standing).copied().unwrap_or(0));
    let elected = model.elected.duration_since(UNIX_EPOCH).unwrap_or_default();
    v1::Cluster {
        cluster_id: model.cluster.to_string(),
        epoch: model.epoch.0,
        leader: model.leader.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        elected_ms: u64::try_from(elected.as_millis()).unwrap_or(u64::MAX),
        agents_connected: standing(AgentStanding::Connected),
        agents_disconnected: standing(AgentStanding::Disconnected),
        agents_unreachable: standing(AgentStanding::Unreachable),
        frameworks_connected: narrow(counts.frameworks_connected),
        frameworks_disconnected: narrow(counts.frameworks_disconnected),
        tasks_active: counts.tasks_active(),
        offers: counts.offers,
        total: quantities(&counts.total),
        used: quantities(&counts.used),
        offered: quantities(&counts.offered),
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A page of agents.
pub(crate) fn agents(model: &ReadModel, page: &PageRequest) -> Result<v1::ListAgentsResponse, ListError> {
    let page = list(model, page, |s| &s.agents, |text| AgentId::new(text).ok(), agent_record)?;
    Ok(v1::ListAgentsResponse { agents: page.items, next_page_token: page.next })
}

/// A page of frameworks.
pub(crate) fn frameworks(model: &ReadModel, page: &PageRequest) -> Result<v1::ListFrameworksResponse, ListError> {
    let page = list(model, page, |s| &s.frameworks, |text| FrameworkId::new(text).ok(), framework_record)?;
    Ok(v1::ListFrameworksResponse { frameworks: page.items, next_page_token: page.next })
}

/// A page of offers.
pub(crate) fn offers(model: &ReadModel, page: &PageRequest) -> Result<v1::ListOffersResponse, ListError> {
    let page = list(model, page, |s| &s.offers, |text| OfferId::new(text).ok(), |_, offer| offer.into())?;
    Ok(v1::ListOffersResponse { offers: page.items, next_page_token: page.next })
}

/// A page of roles.
pub(crate) fn roles(model: &ReadModel, page: &PageRequest) -> Result<v1::ListRolesResponse, ListError> {
    let page = list(model, page, |s| &s.roles, |text| Role::new(text).ok(), role_record)?;
    Ok(v1::ListRolesResponse { roles: page.items, next_page_token: page.next })
}

/// A page of tasks that satisfy the request's filters. Only tasks of the framework, or of the agent, are looked at if
/// one is named.
pub(crate) fn tasks(
    model: &ReadModel,
    page: &PageRequest,
    request: &v1::ListTasksRequest,
) -> Result<v1::ListTasksResponse, ListError> {
    let framework: Option<FrameworkId> = filter("framework_id", &request.framework_id)?;
    let agent: Option<AgentId> = filter("agent_id", &request.agent_id)?;
    let task: Option<TaskId> = filter("task_id", &request.task_id)?;
    let snapshot = model.page(page)?;
    let first = match (&framework, &task) {
        (Some(framework), Some(task)) => Bound::Included(TaskKey { framework: framework.clone(), task: task.clone() }),
        (Some(framework), None) => Bound::Included(TaskKey { framework: framework.clone(), task: least() }),
        (None, _) => Bound::Unbounded,
    };
    let begin = page.begin(first, task_key)?;
    let wanted = |key: &&TaskKey, view: &TaskView| {
        task.as_ref().is_none_or(|task| *task == key.task)
            && agent.as_ref().is_none_or(|agent| *agent == view.agent)
            && !(request.active_only && view.latest.state.is_terminal())
    };
    let within = |key: &&TaskKey| framework.as_ref().is_none_or(|framework| *framework == key.framework);
    let record = |(key, view): (_, &Arc<TaskView>)| wanted(&key, view).then(|| (key, task_record(key, view)));
    let stamp = (model.epoch, snapshot.version);
    let filled = match &agent {
        Some(agent) if framework.is_none() => {
            let placed = on_agent(&snapshot, agent, begin);
            page.fill(stamp, placed.filter_map(|key| Some((key, snapshot.tasks.get(key)?))).filter_map(record))
        }
        _ => {
            let range = snapshot.tasks.range((begin, Bound::Unbounded));
            page.fill(stamp, range.take_while(|(key, _)| within(key)).filter_map(record))
        }
    };
    let page = kept(model, &snapshot, filled);
    Ok(v1::ListTasksResponse { tasks: page.items, next_page_token: page.next })
}

/// The tasks of an agent, from a key on.
fn on_agent<'a>(
    snapshot: &'a Snapshot,
    agent: &'a AgentId,
    begin: Bound<TaskKey>,
) -> impl Iterator<Item = &'a TaskKey> {
    let first = || TaskKey { framework: FrameworkId::new(LEAST).expect("a space is an id"), task: least() };
    let begin = match begin {
        Bound::Unbounded => Bound::Included((agent.clone(), first())),
        Bound::Included(key) => Bound::Included((agent.clone(), key)),
        Bound::Excluded(key) => Bound::Excluded((agent.clone(), key)),
    };
    let range = snapshot.by_agent.range((begin, Bound::Unbounded));
    range.take_while(move |(of, _)| of == agent).map(|(_, key)| key)
}

/// The least of all ids: none is empty, and no character that may stand in one comes before the space.
const LEAST: &str = " ";

fn least() -> TaskId {
    TaskId::new(LEAST).expect("a space is an id")
}

fn filter<T: FromStr<Err: ToString>>(field: &'static str, text: &str) -> Result<Option<T>, ListError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error: T::Err| ListError::Filter { field, message: error.to_string() })
}

fn list<K, V, R>(
    model: &ReadModel,
    page: &PageRequest,
    of: impl Fn(&Snapshot) -> &OrdMap<K, Arc<V>>,
    parse: impl Fn(&str) -> Option<K>,
    record: impl Fn(&K, &V) -> R,
) -> Result<Page<R>, ListError>
where
    K: Ord + Clone + ToString,
    R: Message,
{
    let snapshot = model.page(page)?;
    let begin = page.begin(Bound::Unbounded, parse)?;
    let records = of(&snapshot).range((begin, Bound::Unbounded)).map(|(key, view)| (key, record(key, view)));
    let filled = page.fill((model.epoch, snapshot.version), records);
    Ok(kept(model, &snapshot, filled))
}

/// Keeps the state that a page is of if more pages follow.
fn kept<R>(model: &ReadModel, snapshot: &Arc<Snapshot>, page: Page<R>) -> Page<R> {
    if !page.next.is_empty() {
        model.pin(snapshot);
    }
    page
}

fn task_key(text: &str) -> Option<TaskKey> {
    let (framework, task) = text.split_once('/')?;
    Some(TaskKey { framework: FrameworkId::new(framework).ok()?, task: TaskId::new(task).ok()? })
}
