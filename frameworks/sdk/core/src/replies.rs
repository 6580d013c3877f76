//! How calls end.

use crate::{
    CallEnd, CallId, Effect, Notice, Outcome, Session, Unanswered,
    calls::{InFlight, Outgoing},
};
use proto_types::{
    TaskId,
    reconcile::Answer,
    scheduling::{Refusal, Reply},
};

impl Session {
    pub(crate) fn on_call_ended(&mut self, call: CallId, end: CallEnd) {
        // A call whose fate was settled otherwise, such as by the end of its epoch, is no longer known.
        let Some(InFlight { call, session }) = self.calls.take(call) else { return };
        let current = self.standing.as_ref().is_some_and(|standing| standing.session == session);
        match end {
            CallEnd::Reply(reply) => {
                self.calls.settle();
                self.on_reply(call, reply);
            }
            CallEnd::Refused(Refusal::StaleSession(id)) => {
                self.again(call, "the session was replaced");
                // A teardown ends the session and may overtake calls that nothing has to wait for; its own answer counts.
                if current && !self.calls.tears_down() {
                    self.on_subscription_refused(Refusal::StaleSession(id));
                }
            }
            CallEnd::Refused(refusal @ (Refusal::Superseded { .. } | Refusal::FrameworkRemoved(_))) => {
                self.on_subscription_refused(refusal);
            }
            CallEnd::Refused(refusal) => self.on_refused(call, refusal),
            CallEnd::NotLeader(leader) => {
                self.again(call, "the master does not lead");
                if current && self.link.is_open() {
                    self.follow(leader);
                }
            }
            CallEnd::Lost(message) => {
                self.calls.hold(self.now, self.jitter_permille);
                self.again(call, &message);
            }
        }
    }

    /// Sends a call again that was not answered, unless that could do harm.
    fn again(&mut self, call: Outgoing, message: &str) {
        match call {
            Outgoing::SendMessage { ticket, .. } | Outgoing::Explain { ticket, .. } => {
                let result = Err(Unanswered::Lost(message.to_owned()));
                self.out.push(Effect::Answer { ticket, result });
            }
            Outgoing::Acknowledge(batch) => self.acknowledgements.again(batch),
            Outgoing::Reconcile(asked) => self.inquiries.again(asked, self.now),
            call @ (Outgoing::Accept { .. }
            | Outgoing::Decline { .. }
            | Outgoing::Kill { .. }
            | Outgoing::Revive(_)
            | Outgoing::Suppress(_)
            | Outgoing::UpdateFramework { .. }
            | Outgoing::Teardown) => self.calls.push_front(call),
        }
    }

    fn on_reply(&mut self, call: Outgoing, reply: Reply) {
        match (call, reply) {
            (Outgoing::Accept { accept, .. }, Reply::Verdicts(verdicts)) => self.on_verdicts(&accept, verdicts),
            (Outgoing::Accept { accept, .. }, _) => self.on_verdicts(&accept, Vec::new()),
            (Outgoing::Kill { tasks, .. }, Reply::Answers { answers, more }) => {
                self.on_unknown_tasks(tasks, answers, more)
            }
            (Outgoing::Reconcile(asked), Reply::Answers { answers, more }) => self.on_answers(asked, answers, more),
            (Outgoing::Reconcile(asked), _) => self.inquiries.again(asked, self.now),
            (Outgoing::SendMessage { ticket, .. } | Outgoing::Explain { ticket, .. }, reply) => {
                self.out.push(Effect::Answer { ticket, result: Ok(reply) });
            }
            (Outgoing::Teardown, _) => self.stop(Outcome::TornDown),
            (
                Outgoing::Decline { .. }
                | Outgoing::Kill { .. }
                | Outgoing::Revive(_)
                | Outgoing::Suppress(_)
                | Outgoing::UpdateFramework { .. }
                | Outgoing::Acknowledge(_),
                _,
            ) => {}
        }
    }

    /// Where not all that are unknown fit into the answer, each of the others may be one.
    fn on_unknown_tasks(&mut self, mut killed: Vec<TaskId>, answers: Vec<Answer>, more: bool) {
        for answer in answers {
            killed.retain(|task| task != answer.task());
            self.on_answer(answer, true, None);
        }
        for task in killed.into_iter().filter(|_| more) {
            let agent = self.tasks.agent_of(&task);
            self.inquiries.ask(task, agent, self.now, false);
        }
    }

    fn on_refused(&mut self, call: Outgoing, refusal: Refusal) {
        let name = call.name();
        match call {
            Outgoing::Accept { accept, .. } => self.on_accept_refused(accept, &refusal),
            Outgoing::SendMessage { ticket, .. } | Outgoing::Explain { ticket, .. } => {
                self.out.push(Effect::Answer { ticket, result: Err(Unanswered::Refused(refusal)) });
            }
            _ => self.deliver(Notice::Refused { call: name, refusal }),
        }
    }
}
