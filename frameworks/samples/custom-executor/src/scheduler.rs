//! The scheduler: cuts the numbers into ranges, and adds up what the executors return.

use proffer_framework::{
    Command, Context, ExecutorId, ExecutorInfo, Offer, Packing, Rejection, Resources, Scheduler, TaskId, TaskState,
    TaskStatus, task,
};
use std::path::PathBuf;

/// The primes below this are counted.
pub(crate) const LIMIT: u64 = 200_000;
/// Numbers for each task.
const RANGE: u64 = 10_000;

/// Counts primes over the cluster.
pub(crate) struct Primes {
    program: PathBuf,
    next: u64,
    open: u64,
    pub(crate) primes: u64,
    pub(crate) failed: u64,
}

impl Primes {
    pub(crate) fn new(program: PathBuf) -> Self {
        Self { program, next: 0, open: LIMIT / RANGE, primes: 0, failed: 0 }
    }

    /// The same on every agent: equal ids must mean equal executors.
    fn executor(&self) -> ExecutorInfo {
        ExecutorInfo {
            id: ExecutorId::new("primes").expect("a word is an id"),
            name: "prime counter".to_owned(),
            command: Command {
                value: self.program.display().to_string(),
                arguments: vec!["executor".to_owned()],
                ..Command::default()
            },
            resources: executor_resources(),
            data: Vec::new(),
        }
    }

    fn close(&mut self, context: &mut Context<'_>) {
        self.open -= 1;
        if self.open == 0 {
            context.teardown();
        }
    }
}

impl Scheduler for Primes {
    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>) {
        for offer in &offers {
            let mut packing = Packing::new(offer);
            let mut tasks = Vec::new();
            // The executor itself is paid for first, in case it does not run there yet.
            if packing.take(&executor_resources()).is_some() {
                while self.next < LIMIT {
                    let range = format!("{} {}", self.next, self.next + RANGE);
                    let Ok(task) = task(format!("primes-{}", self.next)).cpus(0.1).mem(8).data(range).build() else {
                        break;
                    };
                    if packing.take(&task.resources).is_none() {
                        break;
                    }
                    self.next += RANGE;
                    tasks.push(task);
                }
            }
            if tasks.is_empty() {
                context.decline(offer);
            } else {
                context.launch_with(offer, self.executor(), tasks);
            }
        }
    }

    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus) {
        if !status.state.is_terminal() {
            return;
        }
        let primes = std::str::from_utf8(&status.data).ok().and_then(|text| text.parse::<u64>().ok());
        match primes.filter(|_| status.state == TaskState::Finished) {
            Some(primes) => self.primes += primes,
            None => {
                eprintln!("{} is {}: {}", status.task, status.state, status.message);
                self.failed += 1;
            }
        }
        self.close(context);
    }

    fn rejected(&mut self, context: &mut Context<'_>, task: TaskId, rejection: Rejection) {
        eprintln!("{task} was not launched: {}", rejection.message);
        self.failed += 1;
        self.close(context);
    }
}

fn executor_resources() -> Resources {
    "cpus:0.1;mem:32".parse().expect("the text is resources")
}
