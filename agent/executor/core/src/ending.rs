//! From a running task to its end.

use crate::{
    Effect, Executor, Exit,
    reporting::status,
    task::{Kill, Phase, Why},
};
use proto_types::{TaskId, TaskState, TaskStatus, status::Reason};
use std::time::Duration;

impl Executor {
    pub(crate) fn on_tick(&mut self) {
        let now = self.now.monotonic;
        let due: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.next_deadline().is_some_and(|deadline| deadline <= now))
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            self.on_deadline(&id);
            self.probe_if_due(&id);
        }
    }

    fn on_deadline(&mut self, id: &TaskId) {
        let now = self.now.monotonic;
        let Some(task) = self.tasks.get_mut(id) else { return };
        match &mut task.kill {
            Some(kill) if kill.hard_at.is_some_and(|hard_at| hard_at <= now) => {
                kill.hard_at = None;
                self.effects.push(Effect::Signal { task: id.clone(), hard: true });
            }
            None if task.deadline.is_some_and(|deadline| deadline <= now) => self.kill_task(id, Why::TooLong, None),
            Some(_) | None => {}
        }
    }

    /// Ends a task: politely, and hard when the grace is over. A second kill may only shorten the grace.
    pub(crate) fn kill_task(&mut self, id: &TaskId, why: Why, grace: Option<Duration>) {
        let now = self.now.monotonic;
        let Some(task) = self.tasks.get_mut(id).filter(|task| !task.is_over()) else { return };
        let grace = grace.or(task.launch.task.kill_grace).unwrap_or(self.kill_grace);
        let hard_at = now + grace;
        if let Some(kill) = &mut task.kill {
            kill.hard_at = kill.hard_at.map(|before| before.min(hard_at));
            return;
        }
        let hard = grace.is_zero();
        task.kill = Some(Kill { why, hard_at: (!hard).then_some(hard_at) });
        match task.phase {
            Phase::Preparing => {
                self.effects.push(Effect::Abandon(id.clone()));
                self.end_killed(id, None);
            }
            // The signal follows when there is something to signal.
            Phase::Starting => self.effects.push(Effect::Abandon(id.clone())),
            Phase::Running { .. } => {
                let status = status(task, TaskState::Killing, self.now.wall);
                self.report(id, status);
                self.effects.push(Effect::Signal { task: id.clone(), hard });
            }
            // Here as well.
            Phase::Adopting | Phase::Ended => {}
        }
    }

    pub(crate) fn on_exited(&mut self, id: &TaskId, exit: Exit) {
        let Some(task) = self.tasks.get(id).filter(|task| !task.is_over()) else { return };
        if task.kill.is_some() {
            self.end_killed(id, Some(exit));
            return;
        }
        let mut status = status(task, TaskState::Failed, self.now.wall);
        match exit {
            Exit::Code(0) => status.state = TaskState::Finished,
            Exit::Code(code) => {
                status = status.because(Reason::CommandExecutorFailed, format!("exited with code {code}"));
            }
            Exit::Signal(signal) => {
                status = status.because(Reason::CommandExecutorFailed, killed_by(signal));
            }
            Exit::OutOfMemory(ref message) => {
                status = status.because(Reason::ContainerLimitationMemory, message.clone());
            }
            Exit::Unknown(ref message) => status = status.because(Reason::ExecutorTerminated, message.clone()),
        }
        note(&mut status, &exit);
        self.end(id, status);
    }

    /// The end of a task that was being killed.
    pub(crate) fn end_killed(&mut self, id: &TaskId, exit: Option<Exit>) {
        let Some(task) = self.tasks.get(id) else { return };
        let Some(kill) = &task.kill else { return };
        let mut status = status(task, TaskState::Killed, self.now.wall);
        match (&kill.why, &exit) {
            (Why::Asked, None) => {
                status = status.because(Reason::TaskKilledDuringLaunch, "killed before it was started");
            }
            (Why::Asked, Some(_)) => "killed on request".clone_into(&mut status.message),
            (Why::Group, _) => {
                status = status.because(Reason::TaskGroupInvalid, "killed because another task of its group ended");
            }
            (Why::TooLong, _) => {
                let time = task.launch.task.max_completion_time.unwrap_or_default();
                let message = format!("killed because it ran longer than {} s", time.as_secs_f64());
                status.state = TaskState::Failed;
                status = status.because(Reason::MaxCompletionTimeReached, message);
            }
            (Why::Unhealthy(answer), _) => {
                let message = format!("killed because its health check failed: {answer}");
                status = status.because(Reason::TaskHealthCheckStatusUpdated, message);
                status.healthy = Some(false);
            }
        }
        if let Some(exit) = &exit {
            note(&mut status, exit);
        }
        self.end(id, status);
    }

    pub(crate) fn fail(&mut self, id: &TaskId, reason: Reason, message: String) {
        let Some(task) = self.tasks.get(id) else { return };
        let status = status(task, TaskState::Failed, self.now.wall).because(reason, message);
        self.end(id, status);
    }

    pub(crate) fn end(&mut self, id: &TaskId, status: TaskStatus) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.phase = Phase::Ended;
        let (group, well) = (task.group, status.state == TaskState::Finished);
        self.remember_ended(id.clone());
        self.report(id, status);
        let Some(group) = group.filter(|_| !well) else { return };
        let others: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| task.group == Some(group) && !task.is_over())
            .map(|(id, _)| id.clone())
            .collect();
        for other in others {
            self.kill_task(&other, Why::Group, None);
        }
    }
}

fn note(status: &mut TaskStatus, exit: &Exit) {
    match exit {
        Exit::Code(code) => status.exit_code = Some(*code),
        Exit::Signal(signal) => status.signal = Some(*signal),
        Exit::OutOfMemory(_) | Exit::Unknown(_) => {}
    }
}

fn killed_by(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return format!("ended by signal {signal}"),
    };
    format!("ended by signal {signal} ({name})")
}
