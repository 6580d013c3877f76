//! The scheduler of `proffer run`.

use super::follow::{Follower, Progress, Sink};
use crate::why;
use anyhow::Result;
use proffer_framework::{
    Context, Explanation, FrameworkId, Handle, Offer, Packing, Rejection, RejectionKind, Scheduler, Subject, TaskId,
    TaskInfo, TaskState, TaskStatus, operator::Operator,
};
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    process::ExitCode,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// How long it takes until it is asked why nothing starts.
const FIRST_QUESTION: Duration = Duration::from_secs(2);
/// How often it is asked again.
const NEXT_QUESTIONS: Duration = Duration::from_secs(10);
/// The tokens of timers.
const ASK: u64 = 1;
const LEAVE: u64 = 2;
/// How long the teardown may take after the second Ctrl-C; without one the tasks end with the failover timeout.
const LEAVE_PATIENCE: Duration = Duration::from_secs(1);
/// Exit codes of shells: a signal is this much and its number.
const SIGNALLED: i32 = 128;
/// The exit code of what was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// A task that was launched.
struct Launched {
    /// As it was described, for another launch if this one is refused.
    info: TaskInfo,
    progress: watch::Sender<Progress>,
    followed: bool,
    ended: Option<i32>,
}

pub(super) struct RunScheduler {
    waiting: VecDeque<TaskInfo>,
    launched: BTreeMap<TaskId, Launched>,
    operator: Operator,
    handle: Handle,
    interrupts: mpsc::Receiver<()>,
    interrupted: u32,
    prefixes: bool,
    framework: Option<FrameworkId>,
    followers: JoinSet<io::Result<()>>,
    /// Why what tasks write cannot be shown any more.
    unshown: Option<io::Error>,
    explanations: (mpsc::Sender<Explanation>, mpsc::Receiver<Explanation>),
    explained: String,
    /// The first exit code that was not 0.
    code: i32,
}

impl RunScheduler {
    pub(super) fn new(
        tasks: Vec<TaskInfo>,
        operator: Operator,
        handle: Handle,
        interrupts: mpsc::Receiver<()>,
        prefixes: bool,
    ) -> Self {
        Self {
            waiting: tasks.into(),
            launched: BTreeMap::new(),
            operator,
            handle,
            interrupts,
            interrupted: 0,
            prefixes,
            framework: None,
            followers: JoinSet::new(),
            unshown: None,
            explanations: mpsc::channel(1),
            explained: String::new(),
            code: 0,
        }
    }

    /// The exit code.
    ///
    /// # Errors
    /// What tasks wrote could not be shown.
    pub(super) fn exit_code(self) -> Result<ExitCode> {
        if let Some(error) = self.unshown {
            return Err(anyhow::Error::new(error).context("cannot show what the task writes"));
        }
        if self.interrupted > 0 {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Ok(ExitCode::from(u8::try_from(self.code).unwrap_or(1)))
    }

    fn fill(&mut self, context: &mut Context<'_>, offer: &Offer) {
        let mut packing = Packing::new(offer);
        let mut tasks = Vec::new();
        while let Some(task) = self.waiting.front() {
            let Some(resources) = packing.take(&task.resources) else { break };
            let Some(info) = self.waiting.pop_front() else { break };
            let task = TaskInfo { resources, ..info.clone() };
            let launched = Launched { info, progress: watch::Sender::default(), followed: false, ended: None };
            self.launched.insert(task.id.clone(), launched);
            tasks.push(task);
        }
        if tasks.is_empty() {
            context.decline(offer);
        } else {
            context.launch(offer, tasks);
        }
        if self.waiting.is_empty() {
            context.suppress();
        }
    }

    /// Begins to show what a task writes.
    fn follow(&mut self, task: &TaskId, agent: &str) {
        let Some(launched) = self.launched.get_mut(task).filter(|launched| !launched.followed) else { return };
        launched.followed = true;
        for sink in [Sink::Stdout, Sink::Stderr] {
            let follower = Follower {
                operator: self.operator.clone(),
                framework: self.framework.as_ref().map(ToString::to_string).unwrap_or_default(),
                task: task.to_string(),
                agent: agent.to_owned(),
                sink,
                prefix: if self.prefixes { format!("{task} | ") } else { String::new() },
                progress: launched.progress.subscribe(),
            };
            let handle = self.handle.clone();
            self.followers.spawn(async move {
                let shown = follower.run().await;
                handle.wake();
                shown
            });
        }
    }

    fn end(&mut self, task: &TaskId, code: i32) {
        let Some(launched) = self.launched.get_mut(task).filter(|launched| launched.ended.is_none()) else { return };
        launched.ended = Some(code);
        launched.progress.send_modify(|progress| progress.over = true);
        if self.code == 0 {
            self.code = code;
        }
    }

    fn on_interrupt(&mut self, context: &mut Context<'_>) {
        self.interrupted += 1;
        if self.interrupted > 1 {
            context.teardown();
            return context.after(LEAVE_PATIENCE, LEAVE);
        }
        let running = self.running().count();
        if running > 0 {
            eprintln!("proffer: killing {} (Ctrl-C again to leave at once)", count(running, "task"));
        }
        self.kill_all(context);
    }

    /// Kills what runs and starts nothing more.
    fn kill_all(&mut self, context: &mut Context<'_>) {
        self.waiting.clear();
        let running: Vec<TaskId> = self.running().cloned().collect();
        if !running.is_empty() {
            context.kill_all(running, None);
        }
    }

    /// Nobody sees what the tasks write: they end, as a program does whose output nobody reads.
    fn on_unshown(&mut self, context: &mut Context<'_>, error: io::Error) {
        if self.unshown.is_none() {
            self.unshown = Some(error);
            self.kill_all(context);
        }
    }

    /// Waits for another offer with a task that was not launched.
    fn retry(&mut self, context: &mut Context<'_>, task: &TaskId) {
        let Some(launched) = self.launched.remove(task) else { return };
        self.waiting.push_back(launched.info);
        context.revive();
    }

    fn running(&self) -> impl Iterator<Item = &TaskId> {
        self.launched.iter().filter(|(_, launched)| launched.ended.is_none()).map(|(task, _)| task)
    }

    fn end_if_done(&mut self, context: &mut Context<'_>) {
        while let Some(followed) = self.followers.try_join_next() {
            if let Ok(Err(error)) = followed {
                self.on_unshown(context, error);
            }
        }
        if self.waiting.is_empty() && self.running().next().is_none() && self.followers.is_empty() {
            context.teardown();
        }
    }

    fn ask_why(&mut self) {
        let Some(task) = self.waiting.front() else { return };
        let (handle, answers) = (self.handle.clone(), self.explanations.0.clone());
        let resources = task.resources.clone();
        tokio::spawn(async move {
            if let Ok(explanation) = handle.explain(Subject::Shape { resources, role: None }).await
                && answers.send(explanation).await.is_ok()
            {
                handle.wake();
            }
        });
    }

    fn tell_why(&mut self) {
        while let Ok(explanation) = self.explanations.1.try_recv() {
            if self.waiting.is_empty() {
                continue;
            }
            let text = why::describe(&explanation);
            if text != self.explained {
                eprintln!("proffer: {} waiting: {text}", count(self.waiting.len(), "task"));
                self.explained = text;
            }
        }
    }
}

impl Scheduler for RunScheduler {
    fn subscribed(&mut self, context: &mut Context<'_>, framework: &FrameworkId, _resumed: bool) {
        if self.framework.replace(framework.clone()).is_none() {
            context.after(FIRST_QUESTION, ASK);
        }
        self.end_if_done(context);
    }

    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        for offer in &offers {
            self.fill(context, offer);
        }
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        if status.agent.is_some() && !matches!(status.state, TaskState::Staging) {
            self.follow(&status.task, &status.agent.as_ref().map(ToString::to_string).unwrap_or_default());
        }
        if status.state == TaskState::Running
            && let Some(launched) = self.launched.get(&status.task)
        {
            launched.progress.send_modify(|progress| progress.ran = true);
        }
        if status.state == TaskState::Unreachable {
            eprintln!("proffer: {}: its agent does not answer; waiting for it", status.task);
        }
        if status.state.is_terminal() || status.state == TaskState::Unknown {
            let code = code_of(&status);
            if code != 0 && (status.exit_code.is_none() || self.prefixes) && self.interrupted == 0 {
                let message = if status.message.is_empty() { String::new() } else { format!(": {}", status.message) };
                eprintln!("proffer: {} is {}{message}", status.task, status.state);
            }
            self.end(&status.task, code);
        }
        self.end_if_done(context);
    }

    fn rejected(&mut self, context: &mut Context<'_>, task: TaskId, rejection: Rejection) {
        if is_passing(rejection.kind) && self.interrupted == 0 && self.unshown.is_none() {
            return self.retry(context, &task);
        }
        let field = if rejection.field.is_empty() { String::new() } else { format!("{}: ", rejection.field) };
        eprintln!("proffer: {task} was not launched: {field}{}", rejection.message);
        let code = if rejection.kind == RejectionKind::Invalid { i32::from(kit::exit::USAGE) } else { 1 };
        self.end(&task, code);
        self.end_if_done(context);
    }

    fn disconnected(&mut self, _context: &mut Context<'_>, message: &str) {
        eprintln!("proffer: lost the master ({message}); trying to get it back");
    }

    fn timer(&mut self, context: &mut Context<'_>, token: u64) {
        if token == LEAVE {
            context.stop();
        } else if !self.waiting.is_empty() {
            self.ask_why();
            context.after(NEXT_QUESTIONS, ASK);
        }
    }

    fn woken(&mut self, context: &mut Context<'_>) {
        while self.interrupts.try_recv().is_ok() {
            self.on_interrupt(context);
        }
        self.tell_why();
        self.end_if_done(context);
    }
}

/// Whether another offer may do for a task that was not launched.
fn is_passing(kind: RejectionKind) -> bool {
    match kind {
        RejectionKind::OfferGone | RejectionKind::Conflict | RejectionKind::AgentGone | RejectionKind::GangAborted => {
            true
        }
        RejectionKind::Invalid | RejectionKind::OutcomeUnknown | RejectionKind::Unauthorized => false,
    }
}

/// What a shell would make of it.
fn code_of(status: &TaskStatus) -> i32 {
    match (status.state, status.exit_code, status.signal) {
        (TaskState::Finished, code, _) => code.unwrap_or(0),
        (_, Some(code), _) if code != 0 => code,
        (_, _, Some(signal)) => SIGNALLED + signal,
        _ => 1,
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
