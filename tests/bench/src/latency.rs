//! From submitting one process task to hearing that it runs, one at a time on an idle cluster.

use crate::figures::{Figures, median, percentile};
use anyhow::{Context as _, Result, bail};
use e2e::{binary::Profile, cluster::Plan};
use proffer_framework::{Context, Framework, Offer, Rejection, Scheduler, TaskId, TaskState, TaskStatus, task};
use std::time::Instant;

/// Tasks, one after the other.
const TASKS: usize = 200;

/// Runs one task after the other; each is submitted when the offer for it is there.
#[derive(Default)]
struct OneByOne {
    submitted: Option<Instant>,
    launched: usize,
    millis: Vec<f64>,
    trouble: Option<String>,
}

pub(crate) async fn run(figures: &Figures) -> Result<()> {
    let plan = Plan { profile: Profile::Release, ..Plan::agents(1, "cpus:1;mem:1024") };
    let cluster = plan.start().await?;
    let mut scheduler = OneByOne::default();
    Framework::builder("bench").master(&cluster.address).run(&mut scheduler).await.context("run the framework")?;
    if let Some(trouble) = scheduler.trouble {
        bail!("{trouble}");
    }
    // The first one starts the executor, which later ones find running.
    let mut millis = scheduler.millis.split_off(1);
    figures.print("submit_to_running_median_ms", median(&mut millis), "ms");
    figures.print("submit_to_running_p99_ms", percentile(&mut millis, 0.99), "ms");
    Ok(())
}

impl Scheduler for OneByOne {
    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        for offer in offers {
            if self.submitted.is_some() || self.launched > TASKS {
                context.decline_for([offer.id], std::time::Duration::ZERO);
                continue;
            }
            let Ok(one) = task(format!("t{}", self.launched)).command(["true"]).cpus(1).mem(32).build() else {
                continue;
            };
            self.launched += 1;
            self.submitted = Some(Instant::now());
            context.launch(&offer, [one]);
        }
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        match status.state {
            TaskState::Running => {
                let submitted = self.submitted.take();
                self.millis.extend(submitted.map(|submitted| submitted.elapsed().as_secs_f64() * 1000.0));
            }
            TaskState::Finished if self.millis.len() > TASKS => context.teardown(),
            TaskState::Failed | TaskState::Dropped | TaskState::Error => {
                self.trouble = Some(format!("task {} ended {}: {}", status.task, status.state, status.message));
                context.teardown();
            }
            _ => {}
        }
    }

    fn rejected(&mut self, context: &mut Context<'_>, task: TaskId, rejection: Rejection) {
        self.trouble = Some(format!("task {task} was refused: {}", rejection.message));
        context.teardown();
    }
}
