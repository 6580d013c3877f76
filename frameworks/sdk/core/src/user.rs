//! What the scheduler asks for.

use crate::{
    Effect, Notice, STOP_PATIENCE, Session, Stopping, TEARDOWN_PATIENCE, Unanswered, UserCall, calls::Outgoing,
};
use proto_types::{Filters, OfferId, Role, TaskId, reconcile::Query, scheduling::Refusal};
use std::time::Duration;

/// Calls that may wait for a connection. Launches, refusals, kills and acknowledgements are merged and count little.
const WAITING_MAX: usize = 10_000;

impl Session {
    pub(crate) fn on_user_call(&mut self, call: UserCall) {
        match call {
            UserCall::Accept { acceptances, all_or_nothing } => self.on_accept(acceptances, all_or_nothing),
            UserCall::Decline { offers, filters } => self.on_decline(offers, filters),
            UserCall::Revive(roles) => self.on_revive(roles),
            UserCall::Suppress(roles) => self.on_suppress(roles),
            UserCall::Kill { tasks, grace } => self.on_kill(tasks, grace),
            UserCall::Acknowledge { task, sequence } => self.on_explicit_acknowledgement(task, sequence),
            UserCall::Reconcile(queries) => self.on_reconcile(queries),
            UserCall::UpdateFramework { framework, wants } => {
                let id = self.config.framework.id.clone();
                self.config.framework = proto_types::FrameworkInfo { id, ..*framework };
                self.config.wants = wants.clone();
                let framework = Box::new(self.config.framework.clone());
                self.enqueue(Outgoing::UpdateFramework { framework, wants });
            }
            UserCall::SendMessage { ticket, agent, executor, data } => {
                self.enqueue(Outgoing::SendMessage { ticket, agent, executor, data });
            }
            UserCall::Explain { ticket, subject } => self.enqueue(Outgoing::Explain { ticket, subject }),
            UserCall::Teardown => {
                self.stopping = Some(Stopping { teardown: true, deadline: self.now + TEARDOWN_PATIENCE });
                self.enqueue(Outgoing::Teardown);
            }
            UserCall::Stop => {
                // Whoever stops while a teardown is under way does not wait for it any longer.
                let patience = if self.stopping.is_some() { Duration::ZERO } else { STOP_PATIENCE };
                self.stopping = Some(Stopping { teardown: false, deadline: self.now + patience });
            }
        }
    }

    /// Puts a call that is not merged with others behind the ones before it.
    fn enqueue(&mut self, call: Outgoing) {
        if self.calls.waiting() < WAITING_MAX || matches!(call, Outgoing::Teardown) {
            return self.calls.push(call);
        }
        let message = format!("{WAITING_MAX} calls are waiting for the master already");
        match call.ticket() {
            Some(ticket) => self.out.push(Effect::Answer { ticket, result: Err(Unanswered::Lost(message)) }),
            None => {
                let refusal = Refusal::Invalid { field: "call".to_owned(), message };
                self.deliver(Notice::Refused { call: call.name(), refusal });
            }
        }
    }

    fn on_decline(&mut self, offers: Vec<OfferId>, filters: Filters) {
        let known: Vec<OfferId> = offers.into_iter().filter(|offer| self.offers.remove(offer).is_some()).collect();
        if !known.is_empty() {
            self.calls.decline(known, filters);
        }
    }

    fn on_revive(&mut self, roles: Vec<Role>) {
        let suppressed = &mut self.config.wants.suppressed;
        suppressed.retain(|role| !roles.is_empty() && !roles.contains(role));
        self.enqueue(Outgoing::Revive(roles));
    }

    fn on_suppress(&mut self, roles: Vec<Role>) {
        let added = if roles.is_empty() { self.config.framework.roles.clone() } else { roles.clone() };
        for role in added {
            if self.config.framework.roles.contains(&role) && !self.config.wants.suppressed.contains(&role) {
                self.config.wants.suppressed.push(role);
            }
        }
        self.enqueue(Outgoing::Suppress(roles));
    }

    fn on_kill(&mut self, tasks: Vec<TaskId>, grace: Option<Duration>) {
        // A kill must not overtake the launch of its task, so it waits for the verdict.
        let now: Vec<TaskId> = tasks.into_iter().filter(|task| self.tasks.want_killed(task, grace)).collect();
        if !now.is_empty() {
            self.calls.kill(now, grace);
        }
    }

    /// The master may have changed before the agent heard of the kills.
    pub(crate) fn kill_again(&mut self) {
        for (task, grace) in self.tasks.to_be_killed() {
            self.calls.kill(vec![task], grace);
        }
    }

    fn on_reconcile(&mut self, queries: Vec<Query>) {
        if queries.is_empty() {
            self.inquiries.ask_everything(true);
        }
        for query in queries {
            let agent = query.agent.or_else(|| self.tasks.agent_of(&query.task));
            self.inquiries.ask(query.task, agent, self.now, true);
        }
    }
}
