//! What schedulers ask of masters, and how their calls travel.

use crate::{
    behaviour::Behaviour,
    brief,
    hosts::{Host, Life, MasterIndex, SchedulerIndex},
    interference::{self, Trick},
    kernel::{Caller, Event},
    masters::MasterState,
    network::{CallPacket, CallResult},
    world::World,
};
use framework_core::{CallEnd, CallId, Input, UserCall};
use proto_types::{SessionId, TaskId, TaskState, reconcile::Query, scheduling::Call};
use std::time::Duration;

impl World {
    pub(super) fn plan_act(&mut self, index: SchedulerIndex) {
        let host = &mut self.schedulers[index.0 as usize];
        if std::mem::replace(&mut host.acts, true) {
            return;
        }
        let life = host.life;
        let (low, high) = self.settings.think_time;
        let pause = self.kernel.chances.schedulers.between(low, high);
        self.kernel.after(pause, Event::SchedulerActs(index, life));
    }

    pub(crate) fn on_scheduler_acts(&mut self, index: SchedulerIndex, life: Life) {
        let now = self.kernel.now;
        let host = self.scheduler_mut(index);
        if host.life != life || host.session.is_none() {
            return;
        }
        host.acts = false;
        let framework = host.framework;
        let newest = self.framework(framework).scheduler == Some(index);
        if self.scheduler(index).subscribed && newest {
            self.ask_about_tasks(index);
            let host = &mut self.schedulers[index.0 as usize];
            let framework = &mut self.frameworks[framework.0 as usize];
            let (calls, raw) =
                Behaviour::decide(framework, host, now, self.behaving, &mut self.kernel.chances.schedulers);
            for call in calls {
                self.ask(index, call);
            }
            for call in raw {
                if let Some(session) = self.scheduler(index).master_session.clone() {
                    self.send_call(index, None, session, call);
                }
            }
            if self.framework(self.scheduler(index).framework).behaviour.acts_by_itself() {
                let pause = self.kernel.chances.schedulers.between(Duration::from_secs(1), Duration::from_secs(4));
                self.kernel.after(pause, Event::SchedulerActs(index, life));
                self.scheduler_mut(index).acts = true;
            }
        }
        self.give_scheduler(index, Input::Handled);
        self.framework_mut(framework).trim(now);
    }

    /// A new scheduler asks about the tasks that its predecessors have left it.
    pub(super) fn ask_about_tasks(&mut self, index: SchedulerIndex) {
        if !std::mem::take(&mut self.scheduler_mut(index).asks) {
            return;
        }
        let tasks = &self.framework(self.scheduler(index).framework).tasks;
        let open = || tasks.iter().filter(|(_, known)| !known.state.is_some_and(TaskState::is_terminal));
        let queries: Vec<Query> =
            open().map(|(task, known)| Query { task: task.clone(), agent: known.agent.clone() }).collect();
        let doomed: Vec<TaskId> = open().filter(|(_, known)| known.killed).map(|(task, _)| task.clone()).collect();
        if !queries.is_empty() {
            self.give_scheduler(index, Input::User(UserCall::Reconcile(queries)));
        }
        if !doomed.is_empty() {
            self.give_scheduler(index, Input::User(UserCall::Kill { tasks: doomed, grace: None }));
        }
    }

    /// The scheduler asks for something.
    pub fn ask(&mut self, index: SchedulerIndex, call: UserCall) {
        let host = &mut self.schedulers[index.0 as usize];
        match &call {
            UserCall::Accept { acceptances, .. } => {
                for offer in acceptances.iter().flat_map(|acceptance| &acceptance.offers) {
                    host.offers.remove(offer);
                }
            }
            UserCall::Decline { offers, .. } => {
                for offer in offers {
                    host.offers.remove(offer);
                }
            }
            UserCall::Suppress(_) => host.suppressed = true,
            UserCall::Revive(_) => host.suppressed = false,
            _ => {}
        }
        self.give_scheduler(index, Input::User(call));
    }

    /// Sends a unary call to the master of the stream opened last.
    pub(crate) fn send_call(&mut self, index: SchedulerIndex, call: Option<CallId>, session: SessionId, body: Call) {
        let host = self.scheduler(index);
        let Some(master) = host.master else { return };
        let caller = Caller { scheduler: index, life: host.life, call };
        let framework = host.framework;
        if let Some(id) = self.framework(framework).id.clone() {
            match &body {
                Call::Accept(accept) => self.checker.scheduler_accepts(&id, accept, call.is_some()),
                Call::Kill { tasks, .. } => self.checker.scheduler_kills(&id, tasks),
                _ => {}
            }
        }
        let trick = self.kernel.trick(Host::Master(master), interference::call(&body));
        if self.loses_call(index, master, trick) {
            let down = matches!(self.masters[master.0 as usize].state, MasterState::Down);
            let cut = self.kernel.network.is_cut(Host::Scheduler(index), Host::Master(master));
            let pause = if down && !cut {
                Duration::from_millis(2)
            } else {
                self.kernel.chances.network.between(Duration::from_secs(3), Duration::from_secs(10))
            };
            return self.kernel.after(pause, Event::CallEnds { caller, result: Box::new(CallResult::Lost) });
        }
        let body = self.tamper_call(body);
        let quality = self.kernel.network.quality();
        if self.kernel.chances.network.once_in(quality.double_call_one_in) || trick == Some(Trick::Double) {
            let delay = self.kernel.network.delay(&mut self.kernel.chances.network) * 3;
            let packet = Box::new(CallPacket { session: session.clone(), body: body.clone() });
            self.kernel.after(delay, Event::CallArrives { master, caller: Caller { call: None, ..caller }, packet });
        }
        let late = trick.map_or(Duration::ZERO, Trick::delay);
        let delay = self.kernel.network.delay(&mut self.kernel.chances.network) + late;
        let packet = Box::new(CallPacket { session, body });
        self.kernel.after(delay, Event::CallArrives { master, caller, packet });
    }

    pub(super) fn loses_call(&mut self, index: SchedulerIndex, master: MasterIndex, trick: Option<Trick>) -> bool {
        let quality = self.kernel.network.quality();
        self.kernel.network.is_cut(Host::Scheduler(index), Host::Master(master))
            || matches!(self.masters[master.0 as usize].state, MasterState::Down)
            || self.kernel.chances.network.once_in(quality.lose_call_one_in)
            || trick == Some(Trick::Lose)
    }

    pub(crate) fn on_call_ends(&mut self, caller: Caller, result: CallResult) {
        if self.scheduler(caller.scheduler).life != caller.life {
            return;
        }
        let Some(call) = caller.call else {
            if let CallResult::Answered(reply) = &result {
                let reply = brief::reply_in_full(reply);
                self.kernel.note(format_args!("{} <- past its session: {reply}", caller.scheduler));
            }
            return;
        };
        if let CallResult::Answered(reply) = &result {
            self.kernel.note(format_args!("{} <- {}", caller.scheduler, brief::reply(reply)));
        }
        let end = match result {
            CallResult::Answered(Ok(reply)) => CallEnd::Reply(reply),
            CallResult::Answered(Err(refusal)) => CallEnd::Refused(refusal),
            CallResult::NotLeader(leader) => CallEnd::NotLeader(leader),
            CallResult::Lost => CallEnd::Lost("the connection broke".to_owned()),
        };
        self.give_scheduler(caller.scheduler, Input::CallEnded { call, end });
    }
}
