//! Asking what became of tasks, until there is an answer.

use crate::{
    Notice, Session,
    tasks::{Standing, Tasks},
};
use proto_types::{
    AgentId, Rejection, RejectionKind, TaskId, TaskState, TaskStatus,
    reconcile::{Answer, Query},
    scheduling::Call,
    time::Monotonic,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// When a question that an answer left out is asked again. Sooner would only ask a confused master faster.
const UNANSWERED_RETRY: Duration = Duration::from_secs(1);

/// When it is asked again about a task whose agent does not answer. Agents come back after minutes, if at all.
const UNREACHABLE_RETRY: Duration = Duration::from_secs(30);

/// Questions that wait to be asked.
#[derive(Debug, Default)]
pub(crate) struct Inquiries {
    by_task: BTreeMap<TaskId, Inquiry>,
    by_time: BTreeSet<(Monotonic, TaskId)>,
    /// Whether all tasks are to be asked about.
    everything: Option<Everything>,
}

/// A question about all tasks, of which one answer holds as many as fit into a message.
#[derive(Debug, Clone)]
pub(crate) struct Everything {
    /// Those after this one; none: from the first.
    after: Option<TaskId>,
    /// Whether the scheduler asked, and so wants the answers even if they are no news.
    wanted: bool,
}

#[derive(Debug)]
struct Inquiry {
    agent: Option<AgentId>,
    due: Monotonic,
    /// Whether the scheduler asked, and so wants the answer even if it is no news.
    wanted: bool,
}

/// Questions under way.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    /// About all tasks.
    Everything(Everything),
    /// About these.
    Tasks(BTreeMap<TaskId, AskedTask>),
}

/// A question under way.
#[derive(Debug, Clone)]
pub(crate) struct AskedTask {
    agent: Option<AgentId>,
    wanted: bool,
    /// The task's version when the question left; none: it was not known.
    version: Option<u64>,
}

impl Asked {
    pub(crate) fn call(&self) -> Call {
        match self {
            Self::Everything(Everything { after, .. }) => Call::Reconcile { queries: Vec::new(), after: after.clone() },
            Self::Tasks(tasks) => {
                let query =
                    |(task, asked): (&TaskId, &AskedTask)| Query { task: task.clone(), agent: asked.agent.clone() };
                Call::Reconcile { queries: tasks.iter().map(query).collect(), after: None }
            }
        }
    }
}

impl Inquiries {
    pub(crate) fn ask_everything(&mut self, wanted: bool) {
        self.ask_on(Everything { after: None, wanted });
    }

    /// Two such questions become one, which starts where the earlier does.
    fn ask_on(&mut self, everything: Everything) {
        let Everything { after, wanted } = everything;
        self.everything = Some(match self.everything.take() {
            Some(waiting) => Everything { after: after.min(waiting.after), wanted: wanted || waiting.wanted },
            None => Everything { after, wanted },
        });
    }

    /// Asks about a task, at the earlier of this time and one set before.
    pub(crate) fn ask(&mut self, task: TaskId, agent: Option<AgentId>, due: Monotonic, wanted: bool) {
        let inquiry = self.by_task.entry(task.clone()).or_insert(Inquiry { agent: None, due, wanted: false });
        self.by_time.remove(&(inquiry.due, task.clone()));
        inquiry.due = inquiry.due.min(due);
        inquiry.wanted |= wanted;
        if agent.is_some() {
            inquiry.agent = agent;
        }
        self.by_time.insert((inquiry.due, task));
    }

    pub(crate) fn again(&mut self, asked: Asked, due: Monotonic) {
        match asked {
            Asked::Everything(everything) => self.ask_on(everything),
            Asked::Tasks(tasks) => {
                for (task, asked) in tasks {
                    self.ask(task, asked.agent, due, asked.wanted);
                }
            }
        }
    }

    pub(crate) fn next_due(&self) -> Option<Monotonic> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// The next questions that are due.
    pub(crate) fn take(&mut self, now: Monotonic, max: usize, tasks: &Tasks) -> Option<Asked> {
        if let Some(everything) = self.everything.take() {
            return Some(Asked::Everything(everything));
        }
        let mut taken = BTreeMap::new();
        while taken.len() < max && self.by_time.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, task)) = self.by_time.pop_first() else { break };
            let Some(Inquiry { agent, wanted, .. }) = self.by_task.remove(&task) else { continue };
            let version = tasks.get(&task).map(|task| task.version);
            taken.insert(task, AskedTask { agent, wanted, version });
        }
        (!taken.is_empty()).then_some(Asked::Tasks(taken))
    }
}

impl Session {
    pub(crate) fn ask_about_tasks(&mut self) {
        for (task, agent) in self.tasks.to_be_asked_about() {
            self.inquiries.ask(task, agent, self.now, false);
        }
    }

    pub(crate) fn on_answers(&mut self, asked: Asked, answers: Vec<Answer>, more: bool) {
        match asked {
            Asked::Everything(everything) => self.on_answers_about_everything(everything, answers, more),
            Asked::Tasks(tasks) => self.on_answers_about_tasks(tasks, answers, more),
        }
    }

    fn on_answers_about_everything(&mut self, asked: Everything, answers: Vec<Answer>, more: bool) {
        let wanted = asked.wanted;
        let last = answers.last().map(|answer| answer.task().clone());
        if more && last > asked.after {
            self.inquiries.ask_on(Everything { after: last, wanted });
        }
        for answer in answers {
            self.on_answer(answer, wanted, None);
        }
    }

    fn on_answers_about_tasks(&mut self, mut asked: BTreeMap<TaskId, AskedTask>, answers: Vec<Answer>, more: bool) {
        // Where answers were left out for want of room, those that came made room.
        let pause = if more && !answers.is_empty() { Duration::ZERO } else { UNANSWERED_RETRY };
        for answer in answers {
            if let Some(question) = asked.remove(answer.task()) {
                self.on_answer(answer, question.wanted, Some(question.version));
            }
        }
        self.inquiries.again(Asked::Tasks(asked), self.now + pause);
    }

    /// Takes the answer about one task. `asked_at` is the task's version when it was asked about, where that is known.
    pub(crate) fn on_answer(&mut self, answer: Answer, wanted: bool, asked_at: Option<Option<u64>>) {
        let status = match answer {
            Answer::Status(status) => status,
            Answer::Recovering { task, retry_after } => {
                let agent = self.tasks.agent_of(&task);
                return self.inquiries.ask(task, agent, self.now + retry_after, wanted);
            }
        };
        if status.state == TaskState::Unreachable {
            // A master that does not know the task will say nothing when its agent is back without it.
            self.inquiries.ask(status.task.clone(), status.agent.clone(), self.now + UNREACHABLE_RETRY, false);
        }
        let Some(task) = self.tasks.get(&status.task) else { return self.on_news(status) };
        if asked_at.is_some_and(|version| version != Some(task.version)) && !task.is_over() {
            // A report came in between; the answer may be older than it.
            if wanted {
                self.inquiries.ask(status.task, status.agent, self.now, true);
            }
            return;
        }
        match task.standing {
            Standing::Unresolved if is_absent(status.state) => self.on_never_launched(&status),
            // The question overtook the launch.
            Standing::Launching if is_absent(status.state) => {
                self.inquiries.ask(status.task, status.agent, self.now + UNANSWERED_RETRY, wanted);
            }
            Standing::Launching | Standing::Unresolved | Standing::Accepted => self.on_news(status),
            Standing::Reported { state, .. } if state.is_terminal() => {
                if wanted && status.state == state {
                    self.deliver_updates(vec![status]);
                }
            }
            Standing::Reported { state, healthy } => {
                let same = state == status.state && healthy == status.healthy;
                if wanted || (!same && (state.may_become(status.state) || status.state == TaskState::Unknown)) {
                    self.on_news(status);
                } else {
                    self.kill_if_wanted(&status);
                }
            }
        }
    }

    fn on_news(&mut self, status: TaskStatus) {
        if status.state == TaskState::Unknown {
            self.tasks.forget(&status.task);
        } else {
            self.tasks.note(&status);
            self.kill_if_wanted(&status);
        }
        self.deliver_updates(vec![status]);
    }

    /// The kill may have been lost with the master that heard of it.
    pub(crate) fn kill_if_wanted(&mut self, status: &TaskStatus) {
        if status.state != TaskState::Killing
            && let Some(grace) = self.tasks.kill_wanted(&status.task)
        {
            self.calls.kill(vec![status.task.clone()], grace);
        }
    }

    fn on_never_launched(&mut self, status: &TaskStatus) {
        if self.tasks.forget_unreported(&status.task) {
            let message = "the master changed while the launch was under way, and it was not carried out".to_owned();
            let rejection = Rejection { kind: RejectionKind::OfferGone, field: String::new(), message, free: None };
            self.deliver(Notice::Rejected { task: status.task.clone(), rejection });
        }
    }
}

/// Whether the answer says that the task is not there.
fn is_absent(state: TaskState) -> bool {
    matches!(state, TaskState::Unknown | TaskState::Gone | TaskState::GoneByOperator)
}
