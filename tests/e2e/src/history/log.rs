//! What schedulers write down, those that were killed too.

use super::{Amounts, History, Launched, Obeyed, Outcome, Seen, TaskKey, now};
use proffer_proto::v1::{Offer, Operation, TaskStatus, TaskVerdict, operation};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A log that schedulers share.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Books>>);

#[derive(Debug, Default)]
struct Books {
    history: History,
    /// The epochs of offers.
    offers: BTreeMap<String, u64>,
}

impl Log {
    fn write<T>(&self, change: impl FnOnce(&mut Books) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was written so far.
    #[must_use]
    pub fn history(&self) -> History {
        self.write(|books| books.history.clone())
    }

    /// A master of this epoch makes offers.
    pub fn offered(&self, epoch: u64, offers: &[Offer]) {
        self.write(|books| books.offers.extend(offers.iter().map(|offer| (offer.id.clone(), epoch))));
    }

    /// A scheduler launches what these operations say on an offer, asking the master of an epoch; the answer is open.
    pub fn launches(&self, session_epoch: u64, offer: &Offer, operations: &[Operation]) {
        let tasks = operations.iter().flat_map(|operation| match &operation.operation {
            Some(operation::Operation::Launch(launch) | operation::Operation::LaunchGroup(launch)) => &launch.tasks[..],
            None => &[],
        });
        let at = now();
        self.write(|books| {
            let offer_epoch = books.offers.get(&offer.id).copied().unwrap_or(session_epoch);
            books.history.launches.extend(tasks.map(|task| Launched {
                key: TaskKey { framework: offer.framework_id.clone(), task: task.id.clone() },
                agent: offer.agent_id.clone(),
                amounts: Amounts::of(&task.resources),
                offer_epoch,
                session_epoch,
                at,
                outcome: Outcome::Unknown,
            }));
        });
    }

    /// The master answered.
    pub fn answered(&self, framework: &str, verdicts: &[TaskVerdict]) {
        self.write(|books| {
            for verdict in verdicts {
                let mut launches = books.history.launches.iter_mut().rev();
                let is_meant =
                    |launch: &&mut Launched| launch.key.task == verdict.task_id && launch.key.framework == framework;
                if let Some(launch) = launches.find(is_meant) {
                    let refused = verdict.rejection.is_some();
                    launch.outcome = if refused { Outcome::Refused } else { Outcome::Accepted };
                }
            }
        });
    }

    /// A scheduler sees updates in its session.
    pub fn sees(&self, framework: &str, session: &str, statuses: &[TaskStatus]) {
        let at = now();
        let seen = |status: &TaskStatus| Seen {
            key: TaskKey { framework: framework.to_owned(), task: status.task_id.clone() },
            session: session.to_owned(),
            state: status.state(),
            sequence: status.sequence,
            at,
        };
        self.write(|books| books.history.seen.extend(statuses.iter().map(seen)));
    }

    /// An agent says which epoch it obeys.
    pub fn obeys(&self, agent: &str, epoch: u64) {
        let at = now();
        self.write(|books| books.history.obeyed.push(Obeyed { agent: agent.to_owned(), epoch, at }));
    }
}
