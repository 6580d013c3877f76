//! Launches and what comes of them.

use crate::{Notice, Session};
use proto_types::{
    AgentId, Rejection, RejectionKind, TaskId,
    scheduling::{Accept, Acceptance, Refusal},
    task::Launch,
    verdict::TaskVerdict,
};

impl Session {
    pub(crate) fn on_accept(&mut self, acceptances: Vec<Acceptance>, all_or_nothing: bool) {
        if !all_or_nothing {
            for acceptance in acceptances {
                self.accept_one(acceptance);
            }
            return;
        }
        let trouble = acceptances.iter().find_map(|acceptance| self.offers_gone(acceptance));
        let trouble = trouble.or_else(|| {
            let launches = acceptances.iter().flat_map(|acceptance| &acceptance.launches);
            launches.flat_map(|launch| &launch.tasks).find_map(|task| self.unusable(&task.id))
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
        if let Some(rejection) = self.offers_gone(&acceptance) {
            return self.reject_all(&acceptance.launches, &rejection);
        }
        acceptance.launches = acceptance.launches.into_iter().filter_map(|launch| self.usable(launch)).collect();
        self.enter(&acceptance);
        self.calls.accept(acceptance);
    }

    /// The part of a launch that can be asked for; of a group, all or nothing.
    fn usable(&mut self, mut launch: Launch) -> Option<Launch> {
        let refused: Vec<(TaskId, Rejection)> = launch
            .tasks
            .iter()
            .filter_map(|task| self.unusable(&task.id).map(|rejection| (task.id.clone(), rejection)))
            .collect();
        if refused.is_empty() {
            return Some(launch);
        }
        if launch.group {
            self.reject_all(&[launch], &refused[0].1);
            return None;
        }
        launch.tasks.retain(|task| !refused.iter().any(|(id, _)| *id == task.id));
        for (task, rejection) in refused {
            self.deliver(Notice::Rejected { task, rejection });
        }
        (!launch.tasks.is_empty()).then_some(launch)
    }

    fn unusable(&self, task: &TaskId) -> Option<Rejection> {
        if self.tasks.contains(task) {
            let message = format!("task id {task} was used before; every task needs a new one");
            return Some(reject(RejectionKind::Invalid, message));
        }
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
        let mut answered = Vec::with_capacity(verdicts.len());
        for TaskVerdict { task, result } in verdicts {
            match result {
                Ok(()) => self.on_accepted(&task),
                Err(rejection) if rejection.kind == RejectionKind::OutcomeUnknown => self.on_outcome_unknown(&task),
                Err(rejection) => self.on_rejected(&task, rejection),
            }
            answered.push(task);
        }
        // What a reply leaves out is looked into like a lost reply.
        answered.sort_unstable();
        for task in task_ids(accept).filter(|task| answered.binary_search(task).is_err()) {
            self.on_outcome_unknown(task);
        }
    }

    pub(crate) fn on_accept_refused(&mut self, accept: &Accept, refusal: &Refusal) {
        let (kind, field) = match refusal {
            Refusal::Unauthorized(_) => (RejectionKind::Unauthorized, String::new()),
            Refusal::Invalid { field, .. } => (RejectionKind::Invalid, field.clone()),
            _ => (RejectionKind::Invalid, String::new()),
        };
        let rejection = Rejection { kind, field, message: refusal.to_string(), free: None };
        for task in task_ids(accept) {
            self.on_rejected(task, rejection.clone());
        }
    }

    /// The launches of earlier sessions: those that never left are certainly not done, those of an earlier epoch are
    /// looked into, those of this epoch are asked for again and get their first answer.
    pub(crate) fn strand_accepts(&mut self) {
        let epoch = self.epoch;
        for (accept, sent) in self.calls.take_accepts(|sent| sent != Some(epoch)) {
            for task in task_ids(&accept) {
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

fn task_ids(accept: &Accept) -> impl Iterator<Item = &TaskId> {
    let launches = accept.acceptances.iter().flat_map(|acceptance| &acceptance.launches);
    launches.flat_map(|launch| &launch.tasks).map(|task| &task.id)
}

fn reject(kind: RejectionKind, message: String) -> Rejection {
    Rejection { kind, field: String::new(), message, free: None }
}
