//! The conversation with operators.

use super::{
    files::{Chunks, Transfers},
    principal::{Action, authorise, principal},
    watch::{self, Changes, Kinds},
};
use crate::{
    handle::Handle,
    lists,
    read_model::{ListError, PageRequest},
};
use master_core::{OperatorCall, OperatorReply};
use proffer_proto::{
    convert::{Invalid, limits_from_wire, unavailability_from_wire},
    v1::{self, explain_subject_request::Subject, operator_service_server::OperatorService},
};
use proto_types::{AgentId, FrameworkId, Principal, Role, TaskId, scheduling::Explanation};
use std::{sync::Arc, time::Duration};
use tonic::{Request, Response, Status};

#[derive(Debug)]
pub(crate) struct Operators {
    pub(crate) handle: Arc<Handle>,
    pub(crate) transfers: Arc<Transfers>,
}

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
    PageRequest::new(page.size as usize, &page.token).map_err(unlisted)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn unlisted(error: ListError) -> Status {
    invalid(error.field().unwrap_or("page.token"), &error)
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

fn agent_id(text: &str) -> Result<AgentId, Status> {
    AgentId::new(text).map_err(|error| invalid("agent_id", error))
}

fn agent_ids(texts: &[String]) -> Result<Vec<AgentId>, Status> {
    let ids = texts.iter().enumerate();
    ids.map(|(index, text)| AgentId::new(text).map_err(|error| invalid(&format!("agent_ids[{index}]"), error)))
        .collect()
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
        Ok(Response::new(lists::agents(&*self.handle.model()?, &page).map_err(unlisted)?))
    }

    async fn list_frameworks(
        &self,
        request: Request<v1::ListFrameworksRequest>,
    ) -> Result<Response<v1::ListFrameworksResponse>, Status> {
        viewer(&request)?;
        let page = page_request(request.into_inner().page)?;
        Ok(Response::new(lists::frameworks(&*self.handle.model()?, &page).map_err(unlisted)?))
    }

    async fn list_tasks(
        &self,
        request: Request<v1::ListTasksRequest>,
    ) -> Result<Response<v1::ListTasksResponse>, Status> {
        viewer(&request)?;
        let request = request.into_inner();
        let page = page_request(request.page.clone())?;
        Ok(Response::new(lists::tasks(&*self.handle.model()?, &page, &request).map_err(unlisted)?))
    }

    async fn list_offers(
        &self,
        request: Request<v1::ListOffersRequest>,
    ) -> Result<Response<v1::ListOffersResponse>, Status> {
        viewer(&request)?;
        let page = page_request(request.into_inner().page)?;
        Ok(Response::new(lists::offers(&*self.handle.model()?, &page).map_err(unlisted)?))
    }

    async fn list_roles(
        &self,
        request: Request<v1::ListRolesRequest>,
    ) -> Result<Response<v1::ListRolesResponse>, Status> {
        viewer(&request)?;
        let page = page_request(request.into_inner().page)?;
        Ok(Response::new(lists::roles(&*self.handle.model()?, &page).map_err(unlisted)?))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Changes>, Status> {
        viewer(&request)?;
        let kinds = Kinds::new(&request.into_inner())?;
        Ok(Response::new(watch::changes(&self.handle.model()?, kinds)))
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

    async fn deactivate_agent(
        &self,
        request: Request<v1::DeactivateAgentRequest>,
    ) -> Result<Response<v1::DeactivateAgentResponse>, Status> {
        let principal = operator(&request)?;
        let id = agent_id(&request.into_inner().agent_id)?;
        self.handle.operate(principal, OperatorCall::DeactivateAgent(id)).await?;
        Ok(Response::new(v1::DeactivateAgentResponse {}))
    }

    async fn drain_agent(
        &self,
        request: Request<v1::DrainAgentRequest>,
    ) -> Result<Response<v1::DrainAgentResponse>, Status> {
        let principal = operator(&request)?;
        let request = request.into_inner();
        let call = OperatorCall::DrainAgent {
            agent: agent_id(&request.agent_id)?,
            max_grace: request.max_grace_ms.map(Duration::from_millis),
            deadline: request.deadline_ms.map(Duration::from_millis),
            mark_gone: request.mark_gone,
        };
        self.handle.operate(principal, call).await?;
        Ok(Response::new(v1::DrainAgentResponse {}))
    }

    async fn reactivate_agent(
        &self,
        request: Request<v1::ReactivateAgentRequest>,
    ) -> Result<Response<v1::ReactivateAgentResponse>, Status> {
        let principal = operator(&request)?;
        let id = agent_id(&request.into_inner().agent_id)?;
        self.handle.operate(principal, OperatorCall::ReactivateAgent(id)).await?;
        Ok(Response::new(v1::ReactivateAgentResponse {}))
    }

    async fn mark_agent_gone(
        &self,
        request: Request<v1::MarkAgentGoneRequest>,
    ) -> Result<Response<v1::MarkAgentGoneResponse>, Status> {
        let principal = operator(&request)?;
        let id = agent_id(&request.into_inner().agent_id)?;
        self.handle.operate(principal, OperatorCall::MarkAgentGone(id)).await?;
        Ok(Response::new(v1::MarkAgentGoneResponse {}))
    }

    async fn schedule_maintenance(
        &self,
        request: Request<v1::ScheduleMaintenanceRequest>,
    ) -> Result<Response<v1::ScheduleMaintenanceResponse>, Status> {
        let principal = operator(&request)?;
        let request = request.into_inner();
        let call = OperatorCall::ScheduleMaintenance {
            agents: agent_ids(&request.agent_ids)?,
            unavailability: unavailability_from_wire(request.unavailability, "unavailability")?,
        };
        self.handle.operate(principal, call).await?;
        Ok(Response::new(v1::ScheduleMaintenanceResponse {}))
    }

    async fn cancel_maintenance(
        &self,
        request: Request<v1::CancelMaintenanceRequest>,
    ) -> Result<Response<v1::CancelMaintenanceResponse>, Status> {
        let principal = operator(&request)?;
        let agents = agent_ids(&request.into_inner().agent_ids)?;
        self.handle.operate(principal, OperatorCall::CancelMaintenance(agents)).await?;
        Ok(Response::new(v1::CancelMaintenanceResponse {}))
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
