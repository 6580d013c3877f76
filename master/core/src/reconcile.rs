//! What is known of tasks (the table of Mesos, `reference` "explicit reconciliation", made to answer always).

use crate::{Master, effect::AgentStanding};
use proto_types::{
    AgentId, FrameworkId, TaskId, TaskKey, TaskState, TaskStatus,
    reconcile::{Answer, Query},
    scheduling::Reply,
    status::{Reason, Source},
    weight::{BATCH_MAX, Weigh as _},
};
use std::{ops::Bound, time::Duration};

/// When to ask again about a task that an agent which is away may hold. Sooner would only ask in vain: agents come
/// back within seconds of a failover, and those that do not, not for minutes.
const RETRY_AFTER: Duration = Duration::from_secs(5);

impl Master {
    pub(crate) fn on_reconcile(&self, id: &FrameworkId, queries: &[Query], after: Option<&TaskId>) -> Reply {
        if !queries.is_empty() {
            return self.answer_all(id, queries);
        }
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tasks =
            self.frameworks.get(id).map(|framework| framework.tasks.range::<TaskId, _>((start, Bound::Unbounded)));
        let latest = tasks.into_iter().flatten().map(|(_, task)| Answer::Status(self.reconciled(&task.latest)));
        as_many_as_fit(latest)
    }

    /// Answers about each of these.
    pub(crate) fn answer_all(&self, id: &FrameworkId, queries: &[Query]) -> Reply {
        as_many_as_fit(queries.iter().map(|query| self.answer(id, query)))
    }

    fn answer(&self, id: &FrameworkId, query: &Query) -> Answer {
        let key = TaskKey { framework: id.clone(), task: query.task.clone() };
        if let Some(task) = self.frameworks.task(&key) {
            return Answer::Status(self.reconciled(&task.latest));
        }
        let agent = query.agent.as_ref().and_then(|id| self.agents.get(id));
        let state = match agent {
            Some(agent) => match agent.standing {
                AgentStanding::Recovered => return self.recovering(&query.task),
                AgentStanding::Connected | AgentStanding::Disconnected => TaskState::Gone,
                AgentStanding::Unreachable if agent.known => TaskState::Gone,
                AgentStanding::Unreachable => TaskState::Unreachable,
                AgentStanding::Gone => TaskState::GoneByOperator,
            },
            None if self.expects_lost_agents() => return self.recovering(&query.task),
            None if self.agents.iter().any(|(_, agent)| agent.may_hold_unknown_tasks()) => {
                return self.recovering(&query.task);
            }
            None => TaskState::Unknown,
        };
        let since = agent.filter(|_| state == TaskState::Unreachable).map(|agent| agent.since);
        let mut status = self.made_up(&query.task, state, query.agent.as_ref());
        status.unreachable_since = since;
        Answer::Status(status)
    }

    fn recovering(&self, task: &TaskId) -> Answer {
        Answer::Recovering { task: task.clone(), retry_after: RETRY_AFTER }
    }

    fn made_up(&self, task: &TaskId, state: TaskState, agent: Option<&AgentId>) -> TaskStatus {
        let message = match state {
            TaskState::Gone => "its agent is here and does not have it",
            TaskState::Unreachable => "its agent does not answer",
            TaskState::GoneByOperator => "its agent is gone",
            _ => "there is no such task",
        };
        let mut status = TaskStatus::new(task.clone(), state, Source::Master, self.now.wall)
            .because(Reason::Reconciliation, message);
        status.agent = agent.cloned();
        status
    }

    /// The latest report as an answer: it is not to be acknowledged.
    fn reconciled(&self, latest: &TaskStatus) -> TaskStatus {
        TaskStatus { sequence: 0, reason: Some(Reason::Reconciliation), source: Source::Master, ..latest.clone() }
    }
}

/// One message of answers. The first goes in always, so that whoever asks again gets on.
fn as_many_as_fit(mut answers: impl Iterator<Item = Answer>) -> Reply {
    let (mut taken, mut weight) = (Vec::new(), 0);
    while weight < BATCH_MAX {
        let Some(answer) = answers.next() else { return Reply::Answers { answers: taken, more: false } };
        weight += answer.weight();
        taken.push(answer);
    }
    Reply::Answers { answers: taken, more: answers.next().is_some() }
}
