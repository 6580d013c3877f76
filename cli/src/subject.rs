//! Finding the task that somebody means.

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
