//! The executor: counts primes, each task on a thread of its own.

use proffer_framework::{
    TaskId, TaskState,
    executor::{Context, Executor, Reporter, TaskLaunch, report},
};
use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How many numbers are looked at between two looks at whether to go on.
const STRIDE: u64 = 1000;

/// What runs here.
#[derive(Default)]
pub(crate) struct Counter {
    tasks: HashMap<TaskId, Arc<AtomicBool>>,
}

impl Executor for Counter {
    fn launch(&mut self, context: &mut Context<'_>, tasks: Vec<TaskLaunch>, _group: bool) {
        for launch in tasks {
            let id = launch.task.id.clone();
            let Some(range) = read(&launch.task.data) else {
                context.update(report(&id, TaskState::Error, "data: must be two numbers"));
                continue;
            };
            let cancelled = Arc::new(AtomicBool::new(false));
            self.tasks.insert(id.clone(), Arc::clone(&cancelled));
            context.update(report(&id, TaskState::Running, ""));
            tokio::spawn(work(context.reporter(), id, range, cancelled));
        }
    }

    fn kill(&mut self, _context: &mut Context<'_>, task: TaskId, _grace: Option<Duration>) {
        if let Some(cancelled) = self.tasks.get(&task) {
            cancelled.store(true, Ordering::Relaxed);
        }
    }

    fn shutdown(&mut self, context: &mut Context<'_>, _grace: Option<Duration>) {
        for cancelled in self.tasks.values() {
            cancelled.store(true, Ordering::Relaxed);
        }
        context.stop();
    }
}

/// Counts, and reports what came of it.
async fn work(reporter: Reporter, id: TaskId, range: Range<u64>, cancelled: Arc<AtomicBool>) {
    let counting = tokio::task::spawn_blocking(move || count(range, &cancelled));
    let status = match counting.await {
        Ok(Some(primes)) => {
            let mut status = report(&id, TaskState::Finished, "");
            status.data = primes.to_string().into_bytes();
            status
        }
        Ok(None) => report(&id, TaskState::Killed, "killed on request"),
        Err(error) => report(&id, TaskState::Failed, error.to_string()),
    };
    reporter.update(status).await;
}

/// The primes in a range; none if it was cancelled.
fn count(range: Range<u64>, cancelled: &AtomicBool) -> Option<u64> {
    let mut primes = 0;
    for number in range {
        if number.is_multiple_of(STRIDE) && cancelled.load(Ordering::Relaxed) {
            return None;
        }
        primes += u64::from(is_prime(number));
    }
    Some(primes)
}

fn is_prime(number: u64) -> bool {
    number > 1
        && (2_u64..).take_while(|divisor| divisor * divisor <= number).all(|divisor| !number.is_multiple_of(divisor))
}

/// Reads a task's data: the first number and the one after the last.
fn read(data: &[u8]) -> Option<Range<u64>> {
    let (start, end) = std::str::from_utf8(data).ok()?.split_once(' ')?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted_until_cancelled() {
        assert_eq!(count(0..100, &AtomicBool::new(false)), Some(25));
        assert_eq!(count(0..100, &AtomicBool::new(true)), None);
        assert_eq!(read(b"3 9"), Some(3..9));
        assert_eq!(read(b"x"), None);
    }
}
