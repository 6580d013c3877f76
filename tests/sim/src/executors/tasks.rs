//! Tasks as processes: how they start, end and are reported.

use super::{End, ExecutorEvent, Held, Process, ProcessId, Run, plan_of};
use crate::{hosts::AgentIndex, kernel::Event, world::World};
use proto_types::{
    TaskId, TaskKey, TaskState, TaskStatus,
    executing::{FromExecutor, NumberedStatus, TaskLaunch},
    status::{Reason, Source},
};
use std::time::Duration;

impl World {
    pub(super) fn launch_task(&mut self, index: AgentIndex, id: ProcessId, launch: TaskLaunch, group: Option<u64>) {
        let machine = self.machine(index);
        let Some(process) = machine.processes.get_mut(&id) else { return };
        let key = TaskKey { framework: process.framework.clone(), task: launch.task.id.clone() };
        if process.tasks.contains_key(&key.task) || process.ending {
            return;
        }
        let held = Held { number: 0, group, killing: false, over: false };
        process.tasks.insert(key.task.clone(), held);
        if launch.adopt {
            match machine.runs.get(&key).map(|run| run.over) {
                Some(None) => self.report(index, id, &key.task, TaskState::Running, None),
                Some(Some(end)) => self.report_end(index, id, &key.task, end),
                None => {
                    let reason =
                        Some((Reason::ExecutorTerminated, "an earlier executor had it and left nothing of it"));
                    self.report(index, id, &key.task, TaskState::Failed, reason);
                }
            }
            return;
        }
        machine.started += 1;
        let number = machine.started;
        let plan = plan_of(&launch.task);
        let code = plan.map_or(0, |(_, code)| code);
        machine.runs.insert(key.clone(), Run { number, code, over: None });
        self.checker.task_started(index, &key, &self.agents[index.0 as usize].info);
        self.kernel.note(format_args!("{index} runs {key}"));
        self.report(index, id, &key.task, TaskState::Starting, None);
        self.report(index, id, &key.task, TaskState::Running, None);
        if let Some((length, _)) = plan {
            self.kernel.after(length, Event::TaskEnds(index, key, number));
        }
    }

    /// A task's process ends by itself.
    pub(crate) fn on_task_ends(&mut self, index: AgentIndex, key: &TaskKey, number: u64) {
        let machine = self.machine(index);
        let Some(run) = machine.runs.get(key).filter(|run| run.number == number && run.over.is_none()) else { return };
        let end = End::Exited(run.code);
        let holds = |process: &Process| {
            process.framework == key.framework && process.tasks.get(&key.task).is_some_and(|held| !held.over)
        };
        let holder = machine.processes.iter().find(|(_, process)| holds(process)).map(|(id, _)| *id);
        self.end_run(index, key, end);
        if let Some(id) = holder {
            self.report_end(index, id, &key.task, end);
        }
    }

    pub(super) fn end_run(&mut self, index: AgentIndex, key: &TaskKey, end: End) {
        let Some(run) = self.machine(index).runs.get_mut(key) else { return };
        if run.over.is_none() {
            run.over = Some(end);
            self.kernel.note(format_args!("{index} ends {key}: {end:?}"));
            self.checker.task_ended(index, key, end);
        }
    }

    pub(super) fn kill_task(&mut self, index: AgentIndex, id: ProcessId, task: &TaskId, grace: Option<Duration>) {
        let quick = self.executor_delay();
        let grace = grace.unwrap_or(self.settings.agent.kill_grace);
        let polite = self.kernel.chances.tasks.between(quick, grace);
        let Some(process) = self.machine(index).processes.get_mut(&id) else { return };
        let Some(held) = process.tasks.get_mut(task).filter(|held| !held.over && !held.killing) else { return };
        held.killing = true;
        self.report(index, id, task, TaskState::Killing, None);
        self.kernel.after(polite.min(grace), Event::Executor(index, id, ExecutorEvent::Killed(task.clone())));
    }

    pub(super) fn executor_killed(&mut self, index: AgentIndex, id: ProcessId, task: &TaskId) {
        let Some(process) = self.machine(index).processes.get(&id) else { return };
        if process.tasks.get(task).is_none_or(|held| held.over) {
            return;
        }
        let key = TaskKey { framework: process.framework.clone(), task: task.clone() };
        self.end_run(index, &key, End::Killed);
        self.report_end(index, id, task, End::Killed);
    }

    pub(super) fn report_end(&mut self, index: AgentIndex, id: ProcessId, task: &TaskId, end: End) {
        let (state, reason) = match end {
            End::Exited(0) => (TaskState::Finished, None),
            End::Exited(_) => {
                (TaskState::Failed, Some((Reason::CommandExecutorFailed, "it exited otherwise than with 0")))
            }
            End::Killed => (TaskState::Killed, None),
            End::Lost => (TaskState::Failed, Some((Reason::ExecutorTerminated, "it died with its executor"))),
        };
        self.report(index, id, task, state, reason);
        self.end_group(index, id, task, end);
        self.end_if_done(index, id);
    }

    /// Those that live and die together with a task that did not end well are killed.
    pub(super) fn end_group(&mut self, index: AgentIndex, id: ProcessId, task: &TaskId, end: End) {
        if end == End::Exited(0) {
            return;
        }
        let Some(process) = self.machine(index).processes.get(&id) else { return };
        let Some(group) = process.tasks.get(task).and_then(|held| held.group) else { return };
        let same = |(_, held): &(&TaskId, &Held)| held.group == Some(group) && !held.over;
        let others: Vec<TaskId> = process.tasks.iter().filter(same).map(|(other, _)| other.clone()).collect();
        for other in others {
            self.kill_task(index, id, &other, None);
        }
    }

    pub(super) fn report(
        &mut self,
        index: AgentIndex,
        id: ProcessId,
        task: &TaskId,
        state: TaskState,
        reason: Option<(Reason, &str)>,
    ) {
        let wall = self.kernel.now.now(0).wall;
        let Some(process) = self.machine(index).processes.get_mut(&id) else { return };
        let Some(held) = process.tasks.get_mut(task) else { return };
        held.number += 1;
        held.over |= state.is_terminal();
        let mut status = TaskStatus::new(task.clone(), state, Source::Executor, wall);
        if let Some((reason, message)) = reason {
            status = status.because(reason, message);
        }
        let numbered = NumberedStatus { number: held.number, status };
        process.unacknowledged.push(numbered.clone());
        if let Some(connection) = process.connection {
            self.pipe(index, id, 1, ExecutorEvent::Says(connection, FromExecutor::Updates(vec![numbered])));
        }
    }

    pub(super) fn tasks_held(&mut self, index: AgentIndex, id: ProcessId) -> Vec<TaskId> {
        let Some(process) = self.machine(index).processes.get(&id) else { return Vec::new() };
        process.tasks.iter().filter(|(_, held)| !held.over).map(|(task, _)| task.clone()).collect()
    }
}
