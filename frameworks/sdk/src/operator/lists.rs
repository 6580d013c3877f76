//! Whole lists, page by page.

use super::{Operator, OperatorError, v1};

/// The largest page there is: fewer round trips for long lists.
const PAGE_SIZE: u32 = 1000;

/// Which tasks are listed.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// Only of this framework; empty: of all.
    pub framework: String,
    /// Only on this agent; empty: on all.
    pub agent: String,
    /// Only of this id; empty: of all.
    pub task: String,
    /// Whether tasks that are over are left out.
    pub active_only: bool,
}

/// Writes the method that collects all pages of a list.
macro_rules! pages {
    ($self:ident, $method:ident, $field:ident, |$page:ident| $request:expr) => {{
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let $page = Some(v1::Page { size: PAGE_SIZE, token: token.clone() });
            let request = $request;
            let response = $self
                .ask(|mut client| {
                    let request = request.clone();
                    async move { client.$method(request).await }
                })
                .await?;
            all.extend(response.$field);
            if response.next_page_token.is_empty() {
                return Ok(all);
            }
            token = response.next_page_token;
        }
    }};
}

impl Operator {
    /// All agents.
    ///
    /// # Errors
    /// A call failed.
    pub async fn agents(&mut self) -> Result<Vec<v1::AgentRecord>, OperatorError> {
        pages!(self, list_agents, agents, |page| v1::ListAgentsRequest { page })
    }

    /// All frameworks.
    ///
    /// # Errors
    /// A call failed.
    pub async fn frameworks(&mut self) -> Result<Vec<v1::FrameworkRecord>, OperatorError> {
        pages!(self, list_frameworks, frameworks, |page| v1::ListFrameworksRequest { page })
    }

    /// All tasks that pass the filter.
    ///
    /// # Errors
    /// A call failed.
    pub async fn tasks(&mut self, filter: &TaskFilter) -> Result<Vec<v1::TaskRecord>, OperatorError> {
        pages!(self, list_tasks, tasks, |page| v1::ListTasksRequest {
            page,
            framework_id: filter.framework.clone(),
            agent_id: filter.agent.clone(),
            active_only: filter.active_only,
            task_id: filter.task.clone(),
        })
    }

    /// All offers outstanding.
    ///
    /// # Errors
    /// A call failed.
    pub async fn offers(&mut self) -> Result<Vec<v1::Offer>, OperatorError> {
        pages!(self, list_offers, offers, |page| v1::ListOffersRequest { page })
    }

    /// All roles.
    ///
    /// # Errors
    /// A call failed.
    pub async fn roles(&mut self) -> Result<Vec<v1::RoleRecord>, OperatorError> {
        pages!(self, list_roles, roles, |page| v1::ListRolesRequest { page })
    }
}
