//! The conversation with operators.

use super::{
    agent_record,
    files::{Chunks, Transfers},
    framework_record,
    principal::{Action, authorise, principal},
    role_record, task_record,
};
use crate::{
    handle::Handle,
    lists,
    read_model::{Batch, PageError, PageRequest, Snapshot},
};
use futures::{Stream, StreamExt};
use master_core::{Change, OperatorCall, OperatorReply};
use proffer_proto::{
    convert::{Invalid, limits_from_wire},
    v1::{
        self, WatchKind, explain_subject_request::Subject, operator_service_server::OperatorService,
        watch_event::Change as WireChange,
    },
};
use proto_types::{FrameworkId, Principal, Role, TaskId, scheduling::Explanation};
use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;
use tonic::{Request, Response, Status};

#[derive(Debug)]
pub(crate) struct Operators {
    pub(crate) handle: Arc<Handle>,
    pub(crate) transfers: Arc<Transfers>,
}

type Changes = Pin<Box<dyn Stream<Item = Result<v1::WatchEvent, Status>> + Send>>;

/// Which parts of the state a watcher wants.
#[derive(Debug, Clone)]
struct Kinds(BTreeSet<WatchKind>);

fn viewer<T>(request: &Request<T>) -> Result<(), Status> {
    authorise(&principal(request)?, Action::View)
}

fn operator<T>(request: &Request<T>) -> Result<Principal, Status> {
    let principal = principal(request)?;
    authorise(&principal, Action::Operate)?;
    Ok(principal)
}

fn page_request(page: Option<v1::Page>) -> Result<PageRequest, Status> {
    let page = page.unwrap_or_default();
    PageRequest::new(page.size as usize, &page.token).map_err(stale)
}

fn stale(error: PageError) -> Status {
    invalid("page.token", error)
}

fn invalid(field: &str, message: impl ToString) -> Status {
    Invalid { field: field.to_owned(), message: message.to_string() }.into()
}

/// A task as people name it: its id, or its framework, a slash and its id.
fn task_name(framework: &str, task: &str) -> Result<(Option<FrameworkId>, TaskId), Status> {
    let (framework, task) = match (framework, task.split_once('/')) {
        ("", Some((framework, task))) => (framework, task),
        _ => (framework, task),
    };
    let framework = match framework {
        "" => None,
        id => Some(FrameworkId::new(id).map_err(|error| invalid("framework_id", error))?),
    };
    Ok((framework, TaskId::new(task).map_err(|error| invalid("task", error))?))
}

impl Operators {
    async fn explain(&self, principal: Principal, call: OperatorCall) -> Result<Explanation, Status> {
        match self.handle.operate(principal, call).await? {
            OperatorReply::Explanation(explanation) => Ok(explanation),
            _ => Err(Status::internal("an explanation was asked for and something else came")),
        }
    }
}

#[tonic::async_trait]
impl OperatorService for Operators {
    type WatchStream = Changes;
    type ReadFilesStream = Chunks;

    async fn get_cluster(&self, request: Request<v1::GetClusterRequest>) -> Result<Response<v1::Cluster>, Status> {
        viewer(&request)?;
        Ok(Response::new(lists::cluster(&*self.handle.model()?)))
    }

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        viewer(&request)?;
        let page = page_request(request.into_inner().page)?;
        Ok(Response::new(lists::agents(&*self.handle.model()?, &page).map_err(stale)?))
    }

    async fn list_frameworks(
        &self,
        request: Request<v1::ListFrameworksRequest>,
    ) -> Result<Response<v1::ListFrameworksResponse>, Status> {
        viewer(&request)?;
        let page = page_request(request.into_inner().page)?;
        Ok(Response::new(lists::frameworks(&*self.handle.model()?, &page).map_err(stale)?))
    }

    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        viewer(&request)?;
        let request = request.into_inner();
        let page = page_request(request.page.clone())?;
        Ok(Response::new(lists::tasks(&*self.handle.model()?, &page, &request).map_err(stale)?))
    }

    async fn list_offers(
        &self,
        request: Request<v1::ListOffersRequest>,
    ) -> Result<Response<v1::ListOffersResponse>, Status> {
        viewer(&request)?;
        let page = page_request(request.into_inner().page)?;
        Ok(Response::new(lists::offers(&*self.handle.model()?, &page).map_err(stale)?))
    }

    async fn list_roles(
        &self,
        request: Request<v1::ListRolesRequest>,
    ) -> Result<Response<v1::ListRolesResponse>, Status> {
        viewer(&request)?;
        let page = page_request(request.into_inner().page)?;
        Ok(Response::new(lists::roles(&*self.handle.model()?, &page).map_err(stale)?))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Changes>, Status> {
        viewer(&request)?;
        let kinds = Kinds::new(&request.into_inner())?;
        let (snapshot, batches) = self.handle.model()?.watch();
        let begin = futures::stream::iter(everything(&snapshot, &kinds).map(Ok).collect::<Vec<_>>());
        let version = snapshot.version;
        let changes = futures::stream::unfold(Some(batches), move |batches| {
            let kinds = kinds.clone();
            async move {
                let mut batches = batches?;
                match tokio::time::timeout(WATCH_HEARTBEAT, batches.recv()).await {
                    Err(_) => Some((vec![Ok(heartbeat())], Some(batches))),
                    Ok(Ok(batch)) if batch.version <= version => Some((Vec::new(), Some(batches))),
                    Ok(Ok(batch)) => Some((changed(&batch, &kinds), Some(batches))),
                    Ok(Err(RecvError::Lagged(missed))) => {
                        let message = format!("{missed} batches of changes were missed; watch again");
                        Some((vec![Err(Status::resource_exhausted(message))], None))
                    }
                    Ok(Err(RecvError::Closed)) => None,
                }
            }
        });
        Ok(Response::new(Box::pin(begin.chain(changes.flat_map(futures::stream::iter)))))
    }

    async fn explain_subject(
        &self,
        request: Request<v1::ExplainSubjectRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        viewer(&request)?;
        let principal = principal(&request)?;
        let call = match request.into_inner().subject {
            Some(Subject::FrameworkId(id)) => {
                OperatorCall::ExplainFramework(FrameworkId::new(id).map_err(|error| invalid("framework_id", error))?)
            }
            Some(Subject::Task(name)) => {
                let (framework, task) = task_name("", &name)?;
                OperatorCall::ExplainTask { framework, task }
            }
            Some(Subject::Role(role)) => {
                OperatorCall::ExplainRole(Role::new(role).map_err(|error| invalid("role", error))?)
            }
            None => return Err(invalid("subject", "name a framework, a task or a role")),
        };
        Ok(Response::new(self.explain(principal, call).await?.into()))
    }

    async fn update_role(
        &self,
        request: Request<v1::UpdateRoleRequest>,
    ) -> Result<Response<v1::UpdateRoleResponse>, Status> {
        let principal = operator(&request)?;
        let request = request.into_inner();
        let role = Role::new(&request.role).map_err(|error| invalid("role", error))?;
        let limit = if request.set_limit { Some(limits_from_wire(request.limit, "limit")?) } else { None };
        let call = OperatorCall::UpdateRole { role, weight_milli: request.weight_milli, limit };
        self.handle.operate(principal, call).await?;
        Ok(Response::new(v1::UpdateRoleResponse {}))
    }

    async fn kill_task(&self, request: Request<v1::KillTaskRequest>) -> Result<Response<v1::KillTaskResponse>, Status> {
        let principal = operator(&request)?;
        let request = request.into_inner();
        let (framework, task) = task_name(&request.framework_id, &request.task_id)?;
        let grace = request.grace_ms.map(Duration::from_millis);
        match self.handle.operate(principal, OperatorCall::KillTask { framework, task, grace }).await? {
            OperatorReply::Killed(framework) => {
                Ok(Response::new(v1::KillTaskResponse { framework_id: framework.to_string() }))
            }
            _ => Err(Status::internal("a kill was asked for and something else came")),
        }
    }

    async fn teardown_framework(
        &self,
        request: Request<v1::TeardownFrameworkRequest>,
    ) -> Result<Response<v1::TeardownFrameworkResponse>, Status> {
        let principal = operator(&request)?;
        let id = FrameworkId::new(request.into_inner().framework_id);
        let id = id.map_err(|error| invalid("framework_id", error))?;
        self.handle.operate(principal, OperatorCall::TeardownFramework(id)).await?;
        Ok(Response::new(v1::TeardownFrameworkResponse {}))
    }

    async fn read_files(&self, request: Request<v1::FileRequest>) -> Result<Response<Chunks>, Status> {
        viewer(&request)?;
        let principal = principal(&request)?;
        let mut request = request.into_inner();
        if request.framework_id.is_empty()
            && let Some((framework, task)) = request.task_id.clone().split_once('/')
        {
            (request.framework_id, request.task_id) = (framework.to_owned(), task.to_owned());
        }
        Ok(Response::new(self.transfers.read(&self.handle, principal, request).await?))
    }
}

/// Between signs of life of a silent watch.
const WATCH_HEARTBEAT: Duration = Duration::from_secs(15);

impl Kinds {
    fn new(request: &v1::WatchRequest) -> Result<Self, Status> {
        let all = [WatchKind::Agents, WatchKind::Frameworks, WatchKind::Tasks, WatchKind::Offers, WatchKind::Roles];
        if request.kinds.is_empty() {
            return Ok(Self(all.into()));
        }
        let known = |kind: &i32| WatchKind::try_from(*kind).ok().filter(|kind| all.contains(kind));
        let kinds: Option<BTreeSet<WatchKind>> = request.kinds.iter().map(known).collect();
        kinds.map(Self).ok_or_else(|| invalid("kinds", "must be agents, frameworks, tasks, offers or roles"))
    }

    fn want(&self, kind: WatchKind) -> bool {
        self.0.contains(&kind)
    }
}

/// All there is, as if each thing were new.
fn everything(snapshot: &Snapshot, kinds: &Kinds) -> impl Iterator<Item = v1::WatchEvent> {
    let agents = snapshot.agents.iter().map(|(id, view)| Change::Agent(id.clone(), Arc::clone(view)));
    let frameworks = snapshot.frameworks.iter().map(|(id, view)| Change::Framework(id.clone(), Arc::clone(view)));
    let tasks = snapshot.tasks.iter().map(|(key, view)| Change::Task(key.clone(), Arc::clone(view)));
    let offers = snapshot.offers.iter().map(|(id, offer)| Change::Offer(id.clone(), Arc::clone(offer)));
    let roles = snapshot.roles.iter().map(|(role, view)| Change::Role(role.clone(), Arc::clone(view)));
    let all = agents.chain(frameworks).chain(tasks).chain(offers).chain(roles);
    let told: Vec<WireChange> = all.filter_map(|change| write(&change, kinds)).collect();
    let version = snapshot.version;
    let synced = WireChange::Synced(v1::Synced {});
    told.into_iter().chain([synced]).map(move |change| v1::WatchEvent { version, change: Some(change) })
}

fn changed(batch: &Batch, kinds: &Kinds) -> Vec<Result<v1::WatchEvent, Status>> {
    let changes = batch.changes.iter().filter_map(|change| write(change, kinds));
    changes.map(|change| Ok(v1::WatchEvent { version: batch.version, change: Some(change) })).collect()
}

fn heartbeat() -> v1::WatchEvent {
    v1::WatchEvent { version: 0, change: Some(WireChange::Heartbeat(v1::Heartbeat {})) }
}

fn write(change: &Change, kinds: &Kinds) -> Option<WireChange> {
    let removed = |kind: WatchKind, id: String| WireChange::Removed(v1::Removed { kind: kind.into(), id });
    let (kind, written) = match change {
        Change::Agent(id, view) => (WatchKind::Agents, WireChange::Agent(agent_record(id, view))),
        Change::Framework(id, view) => (WatchKind::Frameworks, WireChange::Framework(framework_record(id, view))),
        Change::Task(key, view) => (WatchKind::Tasks, WireChange::Task(task_record(key, view))),
        Change::Offer(_, offer) => (WatchKind::Offers, WireChange::Offer((&**offer).into())),
        Change::Role(role, view) => (WatchKind::Roles, WireChange::Role(role_record(role, view))),
        Change::AgentRemoved(id) => (WatchKind::Agents, removed(WatchKind::Agents, id.to_string())),
        Change::FrameworkForgotten(id) => (WatchKind::Frameworks, removed(WatchKind::Frameworks, id.to_string())),
        Change::TaskForgotten(key) => (WatchKind::Tasks, removed(WatchKind::Tasks, key.to_string())),
        Change::OfferRemoved(id) => (WatchKind::Offers, removed(WatchKind::Offers, id.to_string())),
        Change::RoleRemoved(role) => (WatchKind::Roles, removed(WatchKind::Roles, role.to_string())),
    };
    kinds.want(kind).then_some(written)
}
