//! A long-running task with a health check, its violent end, and a demand that nobody can meet.

use super::{say, summary::Part};
use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proffer_framework::{
    Context, Explanation, Framework, Handle, MasterAddress, Offer, Scheduler, Subject, TaskState, TaskStatus, task,
};
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the task's health is looked at.
const HEALTH_INTERVAL: Duration = Duration::from_millis(200);
/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a master may take to answer at first.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// More processors than any machine has.
const TOO_MANY_CPUS: &str = "cpus:100000";
/// The token of the timer that ends it all.
const GIVE_UP: u64 = 1;

/// Runs the parts.
pub(super) async fn run(master: &MasterAddress) -> Result<Vec<Part>> {
    let framework = Framework::builder("demo watch")
        .master(master.as_str())
        .failover_timeout(Duration::ZERO)
        .connect_timeout(CONNECT_PATIENCE)
        .build()?;
    let (explained, explanations) = mpsc::channel(1);
    let mut scheduler = Watcher {
        handle: framework.handle(),
        explained,
        explanations,
        launched: false,
        stage: Stage::Starting,
        health: Part::begin("health-check", 1),
        killed: None,
        why: None,
    };
    say("a long-running task with a health check");
    framework.run(&mut scheduler).await?;
    let Watcher { health, killed, why, .. } = scheduler;
    let killed = killed.unwrap_or_else(|| Part::begin("killed-task", 1));
    let why = why.unwrap_or_else(|| Part::begin("why", 1));
    Ok(vec![health, killed, why])
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    /// The task was killed from outside.
    Killed,
    /// It is asked why a task cannot run.
    Asking,
}

struct Watcher {
    handle: Handle,
    explained: mpsc::Sender<Result<Explanation, String>>,
    explanations: mpsc::Receiver<Result<Explanation, String>>,
    launched: bool,
    stage: Stage,
    health: Part,
    killed: Option<Part>,
    why: Option<Part>,
}

impl Watcher {
    fn on_healthy(&mut self, context: &mut Context<'_>, status: &TaskStatus) {
        self.health.end(true);
        say("it is healthy");
        if let Err(error) = self.kill(status) {
            say(&format!("it could not be killed: {error:#}"));
            context.teardown();
        }
    }

    /// Kills the task's process, as an operator or the kernel might.
    fn kill(&mut self, status: &TaskStatus) -> Result<()> {
        let pid = status.container.as_ref().map_or(0, |container| container.pid);
        let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1).context("its process id is not known")?;
        say(&format!("kill -9 {pid}, behind the cluster's back"));
        self.killed = Some(Part::begin("killed-task", 1));
        self.stage = Stage::Killed;
        kill(Pid::from_raw(pid), Signal::SIGKILL).context("kill")
    }

    fn on_killed(&mut self, status: &TaskStatus) {
        say(&format!("the framework was told: {} {}: {}", status.task, status.state, status.message));
        let right = status.state == TaskState::Failed && status.signal == Some(Signal::SIGKILL as i32);
        if let Some(part) = &mut self.killed {
            part.end(right);
        }
    }

    /// Asks why a task that wants too much would not run.
    fn ask_why(&mut self) {
        self.stage = Stage::Asking;
        self.why = Some(Part::begin("why", 1));
        say(&format!("why would a task with {TOO_MANY_CPUS} not run?"));
        let (handle, explained) = (self.handle.clone(), self.explained.clone());
        tokio::spawn(async move {
            let subject = TOO_MANY_CPUS.parse().map(|resources| Subject::Shape { resources, role: None });
            let answer = match subject {
                Ok(subject) => handle.explain(subject).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if explained.send(answer).await.is_ok() {
                handle.wake();
            }
        });
    }
}

impl Scheduler for Watcher {
    fn subscribed(&mut self, context: &mut Context<'_>, _framework: &proffer_framework::FrameworkId, resumed: bool) {
        if !resumed {
            context.after(PATIENCE, GIVE_UP);
        }
    }

    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        for offer in &offers {
            if self.launched {
                context.decline(offer);
                continue;
            }
            let described = task("long-running")
                .shell("touch healthy; exec sleep 3600")
                .cpus(0.1)
                .mem(16)
                .healthy_while("test -f healthy", HEALTH_INTERVAL);
            match described.build() {
                Ok(task) => {
                    self.launched = true;
                    context.launch(offer, [task]);
                }
                Err(error) => {
                    say(&format!("the task is described wrongly: {error}"));
                    return context.teardown();
                }
            }
        }
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        if status.state.is_terminal() {
            if self.stage != Stage::Killed {
                say(&format!("the task ended too early: {} {}", status.state, status.message));
                return context.teardown();
            }
            self.on_killed(&status);
            self.ask_why();
        } else if self.stage == Stage::Starting && status.healthy == Some(true) {
            self.on_healthy(context, &status);
        }
    }

    fn rejected(
        &mut self,
        context: &mut Context<'_>,
        task: proffer_framework::TaskId,
        rejection: proffer_framework::Rejection,
    ) {
        say(&format!("{task} was not launched: {}", rejection.message));
        context.teardown();
    }

    fn timer(&mut self, context: &mut Context<'_>, _token: u64) {
        say("it takes too long");
        context.teardown();
    }

    fn woken(&mut self, context: &mut Context<'_>) {
        let Ok(answer) = self.explanations.try_recv() else { return };
        let right = match &answer {
            Ok(explanation) => {
                say(&crate::why::describe(explanation));
                !explanation.summary.is_empty() && !explanation.reasons.is_empty()
            }
            Err(error) => {
                say(error);
                false
            }
        };
        if let Some(part) = &mut self.why {
            part.end(right);
        }
        context.teardown();
    }
}
