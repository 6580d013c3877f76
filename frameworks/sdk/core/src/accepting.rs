//! Launches and what comes of them.

use crate::{Notice, Session, calls::weigh, refused::Place};
use proto_types::{
    AgentId, Filters, Rejection, RejectionKind, TaskId,
    scheduling::{ACCEPT_TASKS_MAX, Accept, Acceptance, Refusal},
    task::Launch,
    verdict::TaskVerdict,
};
use std::{collections::BTreeSet, time::Duration};

/// The bytes of what is accepted at once, well below the 4 MiB of a message.
const ACCEPT_BYTES_MAX: usize = 3 * 1024 * 1024;

impl Session {
    pub(crate) fn on_accept(&mut self, acceptances: Vec<Acceptance>, all_or_nothing: bool) {
        if !all_or_nothing {
            for acceptance in acceptances {
                self.accept_one(acceptance);
            }
            return;
        }
        let trouble = acceptances.iter().find_map(|acceptance| self.offers_gone(acceptance));
        let trouble = trouble.or_else(|| too_large(&acceptances));
        let trouble = trouble.or_else(|| {
            let mut seen = BTreeSet::new();
            let launches = acceptances.iter().flat_map(|acceptance| &acceptance.launches);
            launches.flat_map(|launch| &launch.tasks).find_map(|task| self.unusable(&task.id, &mut seen))
        });
        if let Some(rejection) = trouble {
            return acceptances.iter().for_each(|acceptance| self.reject_all(&acceptance.launches, &rejection));
        }
        for acceptance in &acceptances {
            self.enter(acceptance);
        }
        self.calls.accept_apart(acceptances, true);
    }

    fn accept_one(&mut self, mut acceptance: Acceptance) {
        let trouble = self.offers_gone(&acceptance).or_else(|| too_large(std::slice::from_ref(&acceptance)));
        if let Some(rejection) = trouble {
            return self.reject_all(&acceptance.launches, &rejection);
        }
        let mut seen = BTreeSet::new();
        let launches = std::mem::take(&mut acceptance.launches);
        acceptance.launches = launches.into_iter().filter_map(|launch| self.usable(launch, &mut seen)).collect();
        self.enter(&acceptance);
        self.calls.accept(acceptance);
    }

    /// The part of a launch that can be asked for; of a group, all or nothing.
    fn usable(&mut self, mut launch: Launch, seen: &mut BTreeSet<TaskId>) -> Option<Launch> {
        let (mut usable, mut refused) = (Vec::new(), Vec::new());
        for task in std::mem::take(&mut launch.tasks) {
            match self.unusable(&task.id, seen) {
                None => usable.push(task),
                Some(rejection) => refused.push((task.id.clone(), rejection)),
            }
        }
        if launch.group
            && let Some((_, first)) = refused.first()
        {
            let first = first.clone();
            refused.extend(usable.drain(..).map(|task| (task.id.clone(), first.clone())));
        }
        for (task, rejection) in refused {
            self.deliver(Notice::Rejected { task, rejection });
        }
        launch.tasks = usable;
        (!launch.tasks.is_empty()).then_some(launch)
    }

    /// Why a task cannot be asked for; `seen` are those of the same call before it.
    fn unusable(&self, task: &TaskId, seen: &mut BTreeSet<TaskId>) -> Option<Rejection> {
        if self.tasks.contains(task) || seen.contains(task) {
            let message = format!("task id {task} was used before; every task needs a new one");
            return Some(reject(RejectionKind::Invalid, message));
        }
        seen.insert(task.clone());
        self.tasks.is_full().then(|| {
            let message =
                format!("{} tasks are kept account of already; the limit is tasks_max", self.config.tasks_max);
            reject(RejectionKind::Conflict, message)
        })
    }

    fn offers_gone(&self, acceptance: &Acceptance) -> Option<Rejection> {
        let gone = acceptance.offers.iter().find(|offer| !self.offers.contains_key(*offer))?;
        let message = format!("offer {gone} is used, declined, expired or rescinded");
        Some(reject(RejectionKind::OfferGone, message))
    }

    fn reject_all(&mut self, launches: &[Launch], rejection: &Rejection) {
        for task in launches.iter().flat_map(|launch| &launch.tasks) {
            self.deliver(Notice::Rejected { task: task.id.clone(), rejection: rejection.clone() });
        }
    }

    /// Takes the offers out and the tasks in.
    fn enter(&mut self, acceptance: &Acceptance) {
        let agent: Option<AgentId> = acceptance.offers.iter().filter_map(|offer| self.offers.remove(offer)).next();
        for task in acceptance.launches.iter().flat_map(|launch| &launch.tasks) {
            self.tasks.launch(task.id.clone(), agent.clone());
        }
    }

    pub(crate) fn on_verdicts(&mut self, accept: &Accept, verdicts: Vec<TaskVerdict>) {
        let (mut answered, mut refused) = (BTreeSet::new(), BTreeSet::new());
        for TaskVerdict { task, result } in verdicts {
            match result {
                Ok(()) => self.on_accepted(&task),
                Err(rejection) if rejection.kind == RejectionKind::OutcomeUnknown => self.on_outcome_unknown(&task),
                Err(rejection) => {
                    self.on_rejected(&task, rejection);
                    refused.insert(task.clone());
                }
            }
            answered.insert(task);
        }
        // What a reply leaves out is looked into like a lost reply.
        for task in task_ids(&accept.acceptances).filter(|task| !answered.contains(*task)) {
            self.on_outcome_unknown(task);
        }
        self.give_back_unused(accept, &refused);
    }

    /// Where no task was accepted, the master may hold the offers still, and this session has let go of them: they are
    /// given back, to be offered again at once.
    fn give_back_unused(&mut self, accept: &Accept, refused: &BTreeSet<TaskId>) {
        for acceptance in &accept.acceptances {
            let mut tasks = task_ids(std::slice::from_ref(acceptance)).peekable();
            if tasks.peek().is_some() && tasks.all(|task| refused.contains(task)) {
                self.calls.decline(acceptance.offers.clone(), Filters { refuse: Duration::ZERO });
            }
        }
    }

    /// The call was refused as a whole. Where it says which task is wrong, the others are asked for without it: they may
    /// have nothing to do with it but that they travelled together.
    pub(crate) fn on_accept_refused(&mut self, mut accept: Accept, refusal: &Refusal) {
        let (kind, field) = match refusal {
            Refusal::Unauthorized(_) => (RejectionKind::Unauthorized, String::new()),
            Refusal::Invalid { field, .. } => (RejectionKind::Invalid, field.clone()),
            _ => (RejectionKind::Invalid, String::new()),
        };
        let place = Place::read(&field).filter(|_| !accept.all_or_nothing);
        let rejection = Rejection { kind, field, message: refusal.to_string(), free: None };
        let Some(wrong) = place.and_then(|place| place.take_out(&mut accept)) else {
            let all: BTreeSet<TaskId> = task_ids(&accept.acceptances).cloned().collect();
            all.iter().for_each(|task| self.on_rejected(task, rejection.clone()));
            return self.give_back_unused(&accept, &all);
        };
        for task in wrong {
            self.on_rejected(&task, rejection.clone());
        }
        if !accept.acceptances.is_empty() {
            self.calls.accept_apart(accept.acceptances, false);
        }
    }

    /// The launches of earlier sessions: those that never left are certainly not done, those of an earlier epoch are
    /// looked into, those of this epoch are asked for again and get their first answer.
    pub(crate) fn strand_accepts(&mut self) {
        let epoch = self.epoch;
        for (accept, sent) in self.calls.take_accepts(|sent| sent != Some(epoch)) {
            for task in task_ids(&accept.acceptances) {
                match sent {
                    Some(_) => self.on_outcome_unknown(task),
                    None => {
                        let message = "the offer was rescinded when the session was replaced".to_owned();
                        self.on_rejected(task, reject(RejectionKind::OfferGone, message));
                    }
                }
            }
        }
    }

    fn on_accepted(&mut self, task: &TaskId) {
        if let Some(grace) = self.tasks.accepted(task) {
            self.calls.kill(vec![task.clone()], grace);
        }
    }

    fn on_rejected(&mut self, task: &TaskId, rejection: Rejection) {
        if self.tasks.forget_unreported(task) {
            self.deliver(Notice::Rejected { task: task.clone(), rejection });
        }
    }

    /// Nothing is said about the task until the master has been asked.
    fn on_outcome_unknown(&mut self, task: &TaskId) {
        if self.tasks.unresolved(task) {
            self.inquiries.ask(task.clone(), self.tasks.agent_of(task), self.now, false);
        }
    }
}

fn task_ids(acceptances: &[Acceptance]) -> impl Iterator<Item = &TaskId> {
    let launches = acceptances.iter().flat_map(|acceptance| &acceptance.launches);
    launches.flat_map(|launch| &launch.tasks).map(|task| &task.id)
}

/// Why what cannot be sent in one message is not sent.
fn too_large(acceptances: &[Acceptance]) -> Option<Rejection> {
    let (bytes, tasks) = (acceptances.iter().map(weigh).sum::<usize>(), task_ids(acceptances).count());
    (bytes > ACCEPT_BYTES_MAX || tasks > ACCEPT_TASKS_MAX).then(|| {
        let message = format!(
            "the {tasks} tasks take about {bytes} bytes; what is accepted at once may have {ACCEPT_TASKS_MAX} tasks and {ACCEPT_BYTES_MAX} bytes: launch on fewer offers at once"
        );
        reject(RejectionKind::Invalid, message)
    })
}

fn reject(kind: RejectionKind, message: String) -> Rejection {
    Rejection { kind, field: String::new(), message, free: None }
}
