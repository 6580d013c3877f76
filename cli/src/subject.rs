//! Finding the task, or the agents, that somebody means.

use anyhow::{Result, bail};
use proffer_framework::operator::{Operator, TaskFilter, v1};

/// The task named `id`, or `framework/id`. Of several with the same id, the only one that is active, else the newest.
pub(crate) async fn find_task(operator: &mut Operator, name: &str) -> Result<v1::TaskRecord> {
    let (framework, task) = name.rsplit_once('/').unwrap_or(("", name));
    let filter = TaskFilter { framework: framework.to_owned(), task: task.to_owned(), ..TaskFilter::default() };
    let mut found = operator.tasks(&filter).await?;
    let active = found.iter().filter(|task| !is_over(task)).count();
    if active > 1 {
        let owners: Vec<_> = found.iter().map(|task| format!("{}/{}", task.framework_id, task.id)).collect();
        bail!("several frameworks run a task {task}: name one of {}", owners.join(", "));
    }
    found.sort_by_key(|task| (!is_over(task), task.latest.as_ref().map_or(0, |status| status.timestamp_ms)));
    match found.pop() {
        Some(task) => Ok(task),
        None => bail!("there is no task {name}"),
    }
}

/// The ids of the agents named by id or hostname, each once. One that is gone is only meant by its id.
pub(crate) async fn find_agents(operator: &mut Operator, names: &[String]) -> Result<Vec<String>> {
    let agents = operator.agents().await?;
    let mut found = Vec::new();
    for name in names {
        let id = find_agent(&agents, name)?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    Ok(found)
}

fn find_agent(agents: &[v1::AgentRecord], name: &str) -> Result<String> {
    if agents.iter().any(|agent| agent.id == name) {
        return Ok(name.to_owned());
    }
    let here = |agent: &&v1::AgentRecord| {
        agent.state() != v1::AgentState::Gone && agent.info.as_ref().is_some_and(|info| info.hostname == name)
    };
    let on_host: Vec<&str> = agents.iter().filter(here).map(|agent| agent.id.as_str()).collect();
    match on_host.as_slice() {
        [] => bail!("there is no agent {name}"),
        [id] => Ok((*id).to_owned()),
        several => bail!("there are several agents on {name}: name one of {}", several.join(", ")),
    }
}

/// Whether nothing follows.
pub(crate) fn is_over(task: &v1::TaskRecord) -> bool {
    use v1::TaskState::{TaskDropped, TaskError, TaskFailed, TaskFinished, TaskGone, TaskGoneByOperator, TaskKilled};
    let state = task.latest.as_ref().map(v1::TaskStatus::state);
    matches!(
        state,
        Some(TaskFinished | TaskFailed | TaskKilled | TaskError | TaskDropped | TaskGone | TaskGoneByOperator)
    )
}

/// The name of a state without `TASK_`.
pub(crate) fn state_name(status: Option<&v1::TaskStatus>) -> String {
    status.map_or_else(|| "-".to_owned(), |status| status.state().as_str_name().replace("TASK_", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_meant_by_its_id_or_its_hostname() {
        let agent = |id: &str, hostname: &str, state: v1::AgentState| {
            let info = Some(v1::AgentInfo { hostname: hostname.to_owned(), ..v1::AgentInfo::default() });
            v1::AgentRecord { id: id.to_owned(), info, state: state.into(), ..v1::AgentRecord::default() }
        };
        let (here, gone) = (v1::AgentState::Connected, v1::AgentState::Gone);
        let agents =
            [agent("A1", "one", here), agent("A2", "two", here), agent("A3", "two", here), agent("A4", "one", gone)];
        assert_eq!(find_agent(&agents, "A4").unwrap(), "A4");
        assert_eq!(find_agent(&agents, "one").unwrap(), "A1");
        let error = find_agent(&agents, "two").unwrap_err().to_string();
        assert_eq!(error, "there are several agents on two: name one of A2, A3");
        assert_eq!(find_agent(&agents, "three").unwrap_err().to_string(), "there is no agent three");
    }
}
