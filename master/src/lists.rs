//! Lists in pages, from the read model.

use crate::{
    read_model::{Page, PageError, PageRequest, ReadModel, Snapshot},
    rpc::{agent_record, framework_record, role_record, task_record},
};
use imbl::OrdMap;
use master_core::effect::AgentStanding;
use proffer_proto::{convert::resources_to_wire, v1};
use proto_types::{AgentId, FrameworkId, OfferId, Role, TaskId, TaskKey};
use std::{sync::Arc, time::UNIX_EPOCH};

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
        total: resources_to_wire(&counts.total),
        used: resources_to_wire(&counts.used),
        offered: resources_to_wire(&counts.offered),
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A page of agents.
pub(crate) fn agents(model: &ReadModel, page: &PageRequest) -> Result<v1::ListAgentsResponse, PageError> {
    let page = cut(model, page, |s| &s.agents, |text| AgentId::new(text).ok(), |_, _| true)?;
    let agents = page.items.iter().map(|(id, view)| agent_record(id, view)).collect();
    Ok(v1::ListAgentsResponse { agents, next_page_token: page.next })
}

/// A page of frameworks.
pub(crate) fn frameworks(model: &ReadModel, page: &PageRequest) -> Result<v1::ListFrameworksResponse, PageError> {
    let page = cut(model, page, |s| &s.frameworks, |text| FrameworkId::new(text).ok(), |_, _| true)?;
    let frameworks = page.items.iter().map(|(id, view)| framework_record(id, view)).collect();
    Ok(v1::ListFrameworksResponse { frameworks, next_page_token: page.next })
}

/// A page of tasks that satisfy the request's filters.
pub(crate) fn tasks(
    model: &ReadModel,
    page: &PageRequest,
    request: &v1::ListTasksRequest,
) -> Result<v1::ListTasksResponse, PageError> {
    let is = |wanted: &str, text: &str| wanted.is_empty() || wanted == text;
    let page = cut(
        model,
        page,
        |s| &s.tasks,
        task_key,
        |key, view| {
            is(&request.framework_id, key.framework.as_str())
                && is(&request.agent_id, view.agent.as_str())
                && is(&request.task_id, key.task.as_str())
                && !(request.active_only && view.latest.state.is_terminal())
        },
    )?;
    let tasks = page.items.iter().map(|(key, view)| task_record(key, view)).collect();
    Ok(v1::ListTasksResponse { tasks, next_page_token: page.next })
}

/// A page of offers.
pub(crate) fn offers(model: &ReadModel, page: &PageRequest) -> Result<v1::ListOffersResponse, PageError> {
    let page = cut(model, page, |s| &s.offers, |text| OfferId::new(text).ok(), |_, _| true)?;
    let offers = page.items.iter().map(|(_, offer)| (&**offer).into()).collect();
    Ok(v1::ListOffersResponse { offers, next_page_token: page.next })
}

/// A page of roles.
pub(crate) fn roles(model: &ReadModel, page: &PageRequest) -> Result<v1::ListRolesResponse, PageError> {
    let page = cut(model, page, |s| &s.roles, |text| Role::new(text).ok(), |_, _| true)?;
    let roles = page.items.iter().map(|(role, view)| role_record(role, view)).collect();
    Ok(v1::ListRolesResponse { roles, next_page_token: page.next })
}

/// Cuts a page out of the state that it is of, and keeps that state if more follow.
fn cut<K, V>(
    model: &ReadModel,
    page: &PageRequest,
    of: impl Fn(&Snapshot) -> &OrdMap<K, Arc<V>>,
    parse: impl Fn(&str) -> Option<K>,
    wanted: impl Fn(&K, &V) -> bool,
) -> Result<Page<(K, Arc<V>)>, PageError>
where
    K: Ord + Clone + ToString,
{
    let snapshot = model.page(page)?;
    let cut = page.cut(snapshot.version, of(&snapshot), parse, ToString::to_string, |key, view| wanted(key, view))?;
    if !cut.next.is_empty() {
        model.pin(&snapshot);
    }
    Ok(cut)
}

fn task_key(text: &str) -> Option<TaskKey> {
    let (framework, task) = text.split_once('/')?;
    Some(TaskKey { framework: FrameworkId::new(framework).ok()?, task: TaskId::new(task).ok()? })
}
