//! A scheduler that keeps a cluster busy with equal tasks, and notes when they run and when they are over.

use anyhow::{Context as _, Result, bail};
use proffer_framework::{
    Acceptance, Context, Filters, Framework, Launch, Offer, Rejection, ResourceName, Scalar, Scheduler, TaskBuilder,
    TaskId, TaskInfo, TaskState, TaskStatus,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// When a run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// All tasks have finished, and that is acknowledged.
    Finished,
    /// All tasks run.
    Running,
}

/// What came of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// Tasks done.
    pub(crate) tasks: usize,
    /// From the first offer to the last task done.
    pub(crate) time: Duration,
}

impl Outcome {
    /// Tasks per second.
    #[must_use]
    pub(crate) fn rate(self) -> f64 {
        self.tasks as f64 / self.time.as_secs_f64()
    }
}

/// Runs equal tasks until all are done.
pub(crate) struct Feeder<F> {
    make: F,
    cpus: Scalar,
    count: usize,
    until: Until,
    launched: usize,
    done: usize,
    start: Option<Instant>,
    end: Option<Instant>,
    trouble: Option<String>,
}

impl<F: FnMut(usize) -> TaskBuilder + Send> Feeder<F> {
    /// `count` tasks, each as `make` makes it and with these cpus.
    pub(crate) fn new(count: usize, cpus: Scalar, until: Until, make: F) -> Self {
        Self { make, cpus, count, until, launched: 0, done: 0, start: None, end: None, trouble: None }
    }

    /// Runs them on the cluster of this master.
    ///
    /// # Errors
    /// If a task fails or the master cannot be used.
    pub(crate) async fn run(mut self, master: &str) -> Result<Outcome> {
        Framework::builder("bench").master(master).run(&mut self).await.context("run the framework")?;
        if let Some(trouble) = self.trouble {
            bail!("{trouble}");
        }
        let (start, end) = self.start.zip(self.end).context("no task was run")?;
        Ok(Outcome { tasks: self.done, time: end - start })
    }

    fn give_up(&mut self, context: &mut Context<'_>, trouble: String) {
        self.trouble = Some(trouble);
        context.teardown();
    }

    fn task(&mut self) -> Option<TaskInfo> {
        let made = (self.make)(self.launched).cpus(self.cpus.as_f64()).build();
        self.launched += 1;
        made.ok()
    }
}

impl<F: FnMut(usize) -> TaskBuilder + Send> Scheduler for Feeder<F> {
    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        self.start.get_or_insert_with(Instant::now);
        for offer in offers {
            let fit = offer.resources.scalar(&ResourceName::Cpus).milli() / self.cpus.milli();
            let wanted = (self.count - self.launched).min(usize::try_from(fit).unwrap_or(usize::MAX));
            let tasks: Vec<Arc<TaskInfo>> = (0..wanted).filter_map(|_| self.task()).map(Arc::new).collect();
            let launches =
                if tasks.is_empty() { Vec::new() } else { vec![Launch { executor: None, tasks, group: false }] };
            // What is left over is too little now and will be more with the next task that ends.
            let filters = Filters { refuse: Duration::from_secs(3600) };
            context.accept(Acceptance { offers: vec![offer.id], launches, filters });
        }
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        let wanted = match self.until {
            Until::Finished => TaskState::Finished,
            Until::Running => TaskState::Running,
        };
        if status.state == wanted {
            self.done += 1;
        } else if status.state.is_terminal() {
            self.give_up(context, format!("task {} ended {}: {}", status.task, status.state, status.message));
        }
        if self.done == self.count && self.end.is_none() {
            self.end = Some(Instant::now());
            context.teardown();
        }
    }

    fn rejected(&mut self, context: &mut Context<'_>, task: TaskId, rejection: Rejection) {
        self.give_up(context, format!("task {task} was refused: {}", rejection.message));
    }
}
