//! Which input runs on which offer, and what follows.

use crate::{
    Error, Job, Observer, Outcome, Progress,
    outputs::{News, Output, Outputs, Waker},
};
use proffer_framework::{
    Context, FrameworkId, MasterAddress, Offer, Packing, Rejection, RejectionKind, Resources, Scheduler, Subject,
    TaskId, TaskState, TaskStatus,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};
use tokio::sync::mpsc;

/// How often it is looked whether anything moves.
const STALL_CHECK: Duration = Duration::from_secs(5);
/// The token of that timer.
const STALL_TOKEN: u64 = 1;
/// How often an attempt that the cluster lost, rather than the command failed, is made again.
const LOSSES_MAX: u32 = 20;

/// Tasks that are over and whose outputs are still to be fetched; with more, no further ones are started.
const FETCHING_MAX: usize = 400;

/// An attempt at an input.
#[derive(Debug, Clone)]
struct Attempt {
    index: usize,
    /// How many tasks were made for the input, this included; makes the task's id.
    number: u32,
    /// How many of them the cluster lost.
    losses: u32,
    agent: String,
    running_since: Option<u64>,
}

/// A task that is over, with what is known of it.
#[derive(Debug)]
pub(crate) struct Ended {
    attempt: Attempt,
    status: TaskStatus,
}

pub(crate) struct MapScheduler<'a> {
    job: Job,
    needs: Resources,
    observer: &'a mut dyn Observer,
    outputs: Outputs<Ended>,
    news: mpsc::Receiver<News<Ended>>,
    framework: Option<FrameworkId>,
    queue: VecDeque<Attempt>,
    running: HashMap<TaskId, Attempt>,
    /// Outcomes that wait for those of earlier inputs.
    waiting: BTreeMap<usize, Outcome>,
    next_outcome: usize,
    fetching: usize,
    suppressed: bool,
    progress: Progress,
}

impl<'a> MapScheduler<'a> {
    pub(crate) fn new(
        job: Job,
        masters: &[MasterAddress],
        observer: &'a mut dyn Observer,
    ) -> Result<(Self, Waker), Error> {
        let needs = match job.inputs.is_empty() {
            true => Resources::default(),
            false => job.task(0, 1)?.resources,
        };
        let (outputs, waker, news) = Outputs::new(masters.to_vec());
        let attempt = |index| Attempt { index, number: 1, losses: 0, agent: String::new(), running_since: None };
        let queue = (0..job.inputs.len()).map(attempt).collect();
        let progress = Progress { total: job.inputs.len(), ..Progress::default() };
        let scheduler = Self {
            job,
            needs,
            observer,
            outputs,
            news,
            framework: None,
            queue,
            running: HashMap::new(),
            waiting: BTreeMap::new(),
            next_outcome: 0,
            fetching: 0,
            suppressed: false,
            progress,
        };
        Ok((scheduler, waker))
    }

    pub(crate) fn name(&self) -> String {
        self.job.name.clone()
    }

    pub(crate) fn role(&self) -> Option<String> {
        self.job.role.clone()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.progress.succeeded + self.progress.failed == self.progress.total
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    fn tell_progress(&mut self) {
        self.progress.running = self.running.len();
        self.observer.progress(self.progress);
    }

    /// Puts as many tasks into an offer as fit.
    fn fill(&mut self, context: &mut Context<'_>, offer: &Offer) {
        let mut packing = Packing::new(offer);
        let mut tasks = Vec::new();
        while !self.queue.is_empty() && self.fetching < FETCHING_MAX {
            let Some(resources) = packing.take(&self.needs) else { break };
            let Some(mut attempt) = self.queue.pop_front() else { break };
            match self.job.task(attempt.index, attempt.number) {
                Ok(mut task) => {
                    task.resources = resources;
                    attempt.agent.clone_from(&offer.agent_info.hostname);
                    self.running.insert(task.id.clone(), attempt);
                    tasks.push(task);
                }
                Err(error) => self.fail(attempt, None, error.to_string(), None),
            }
        }
        if tasks.is_empty() {
            context.decline(offer);
        } else {
            context.launch(offer, tasks);
        }
    }

    /// Offers are wanted exactly while inputs wait.
    fn want_offers(&mut self, context: &mut Context<'_>) {
        match (self.queue.is_empty(), self.suppressed) {
            (true, false) => context.suppress(),
            (false, true) => context.revive(),
            _ => return,
        }
        self.suppressed = self.queue.is_empty();
    }

    /// Makes an attempt again that the cluster lost.
    fn lost(&mut self, mut attempt: Attempt, message: &str) {
        attempt.losses += 1;
        if attempt.losses > LOSSES_MAX {
            let message = format!("lost {LOSSES_MAX} times; the last time: {message}");
            return self.fail(attempt, None, message, None);
        }
        attempt.number += 1;
        attempt.running_since = None;
        self.queue.push_back(attempt);
    }

    fn on_output(&mut self, ended: Ended, output: Result<Output, String>) {
        self.fetching -= 1;
        let Ended { mut attempt, status } = ended;
        let succeeded = status.state == TaskState::Finished;
        match output {
            Ok(output) if succeeded => self.finish(&attempt, &status, true, String::new(), output),
            Err(message) if succeeded => self.lost(attempt, &message),
            output => {
                let made = attempt.number - attempt.losses;
                if made <= self.job.retries {
                    attempt.number += 1;
                    attempt.running_since = None;
                    self.progress.retried += 1;
                    self.queue.push_back(attempt);
                    return;
                }
                let message = describe(&status);
                self.fail(attempt, Some(&status), message, output.ok());
            }
        }
    }

    fn fail(&mut self, attempt: Attempt, status: Option<&TaskStatus>, message: String, output: Option<Output>) {
        let output = output.unwrap_or(Output { stdout: Vec::new(), stderr: Vec::new() });
        match status {
            Some(status) => self.finish(&attempt, status, false, message, output),
            None => self.push_outcome(&attempt, None, Duration::ZERO, false, message, output),
        }
    }

    fn finish(&mut self, attempt: &Attempt, status: &TaskStatus, ok: bool, message: String, output: Output) {
        let since = attempt.running_since.unwrap_or(status.timestamp.0);
        let duration = Duration::from_millis(status.timestamp.0.saturating_sub(since));
        self.push_outcome(attempt, status.exit_code, duration, ok, message, output);
    }

    fn push_outcome(
        &mut self,
        attempt: &Attempt,
        exit_code: Option<i32>,
        duration: Duration,
        ok: bool,
        message: String,
        output: Output,
    ) {
        let counted = if ok { &mut self.progress.succeeded } else { &mut self.progress.failed };
        *counted += 1;
        let outcome = Outcome {
            index: attempt.index,
            input: self.job.inputs[attempt.index].argument.clone(),
            ok,
            exit_code,
            message,
            stdout: output.stdout,
            stderr: output.stderr,
            attempts: attempt.number - attempt.losses,
            duration,
            agent: attempt.agent.clone(),
        };
        self.waiting.insert(attempt.index, outcome);
        while let Some(outcome) = self.waiting.remove(&self.next_outcome) {
            self.next_outcome += 1;
            self.observer.outcome(outcome);
        }
    }

    fn settle(&mut self, context: &mut Context<'_>) {
        self.tell_progress();
        self.want_offers(context);
        if self.is_done() {
            context.teardown();
        }
    }
}

impl Scheduler for MapScheduler<'_> {
    fn subscribed(&mut self, context: &mut Context<'_>, framework: &FrameworkId, _resumed: bool) {
        if self.framework.replace(framework.clone()).is_none() {
            context.after(STALL_CHECK, STALL_TOKEN);
        }
    }

    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        for offer in &offers {
            self.fill(context, offer);
        }
        self.settle(context);
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        if status.state == TaskState::Running {
            if let Some(attempt) = self.running.get_mut(&status.task) {
                attempt.running_since.get_or_insert(status.timestamp.0);
            }
            return;
        }
        if !status.state.is_terminal() && status.state != TaskState::Unknown {
            return;
        }
        let Some(attempt) = self.running.remove(&status.task) else { return };
        match status.state {
            TaskState::Finished | TaskState::Failed | TaskState::Killed => {
                let framework = self.framework.as_ref().map(ToString::to_string).unwrap_or_default();
                let task = status.task.to_string();
                let agent = status.agent.as_ref().map(ToString::to_string).unwrap_or_default();
                self.fetching += 1;
                self.outputs.fetch(Ended { attempt, status }, framework, task, agent);
            }
            TaskState::Error => self.fail(attempt, Some(&status), describe(&status), None),
            _ => self.lost(attempt, &describe(&status)),
        }
        self.settle(context);
    }

    fn rejected(&mut self, context: &mut Context<'_>, task: TaskId, rejection: Rejection) {
        let Some(attempt) = self.running.remove(&task) else { return };
        match rejection.kind {
            RejectionKind::Invalid | RejectionKind::Unauthorized => {
                let message = format!("{} {}", rejection.field, rejection.message);
                self.fail(attempt, None, message.trim().to_owned(), None);
            }
            _ => self.lost(attempt, &rejection.message),
        }
        self.settle(context);
    }

    fn timer(&mut self, context: &mut Context<'_>, _token: u64) {
        if self.is_done() {
            return;
        }
        context.after(STALL_CHECK, STALL_TOKEN);
        if self.running.is_empty() && self.fetching == 0 && !self.queue.is_empty() {
            let (handle, resources) = (context.handle(), self.needs.clone());
            self.outputs.stalled(async move { handle.explain(Subject::Shape { resources, role: None }).await.ok() });
        }
    }

    fn woken(&mut self, context: &mut Context<'_>) {
        while let Ok(news) = self.news.try_recv() {
            match news {
                News::Output(ended, output) => self.on_output(ended, output),
                News::Stalled(explanation) => self.observer.stalled(&explanation),
            }
        }
        self.settle(context);
    }
}

/// Why a task did not succeed, in one line.
fn describe(status: &TaskStatus) -> String {
    let how = match (status.exit_code, status.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.state.to_string(),
    };
    if status.message.is_empty() { how } else { format!("{how}: {}", status.message) }
}
