//! What a handler may do.

use crate::{Handle, driver::Timers};
use framework_core::{Ticket, UserCall};
use proto_types::{
    AgentId, ExecutorId, Filters, FrameworkInfo, Offer, OfferId, Role, TaskId, TaskInfo, TaskStatus,
    offer::REFUSE_DEFAULT,
    reconcile::Query,
    scheduling::{Acceptance, Wants},
    task::{ExecutorInfo, Launch},
};
use std::{sync::Arc, time::Duration};

/// What a handler may do. Calls are collected while it runs and leave together when it returns.
#[derive(Debug)]
pub struct Context<'a> {
    pub(crate) calls: &'a mut Vec<UserCall>,
    pub(crate) timers: &'a mut Timers,
    pub(crate) handle: &'a Handle,
}

impl Context<'_> {
    /// Launches tasks on an offer, with the built-in executor. What is left of the offer is declined.
    pub fn launch(&mut self, offer: &Offer, tasks: impl IntoIterator<Item = TaskInfo>) {
        self.launch_all(std::slice::from_ref(offer), tasks);
    }

    /// Launches tasks on offers of one agent, with the built-in executor. What is left of the offers is declined.
    pub fn launch_all(&mut self, offers: &[Offer], tasks: impl IntoIterator<Item = TaskInfo>) {
        let tasks: Vec<_> = tasks.into_iter().map(Arc::new).collect();
        self.accept_launches(offers, vec![Launch { executor: None, tasks, group: false }]);
    }

    /// Launches tasks that live and die together on an offer.
    pub fn launch_group(&mut self, offer: &Offer, tasks: impl IntoIterator<Item = TaskInfo>) {
        let tasks: Vec<_> = tasks.into_iter().map(Arc::new).collect();
        self.accept_launches(std::slice::from_ref(offer), vec![Launch { executor: None, tasks, group: true }]);
    }

    /// Launches tasks on an offer, with an executor of the framework's own.
    pub fn launch_with(&mut self, offer: &Offer, executor: ExecutorInfo, tasks: impl IntoIterator<Item = TaskInfo>) {
        let tasks: Vec<_> = tasks.into_iter().map(Arc::new).collect();
        self.accept_launches(
            std::slice::from_ref(offer),
            vec![Launch { executor: Some(executor), tasks, group: false }],
        );
    }

    /// Uses offers, with all that can be said about it.
    pub fn accept(&mut self, acceptance: Acceptance) {
        self.calls.push(UserCall::Accept { acceptances: vec![acceptance], all_or_nothing: false });
    }

    /// Uses offers of several agents: everything is launched, or nothing.
    pub fn accept_all_or_nothing(&mut self, acceptances: Vec<Acceptance>) {
        self.calls.push(UserCall::Accept { acceptances, all_or_nothing: true });
    }

    /// Refuses an offer. Its agent's resources, or fewer, are not offered again for five seconds.
    pub fn decline(&mut self, offer: &Offer) {
        self.decline_for([offer.id.clone()], REFUSE_DEFAULT);
    }

    /// Refuses offers for so long.
    pub fn decline_for(&mut self, offers: impl IntoIterator<Item = OfferId>, refuse: Duration) {
        self.calls.push(UserCall::Decline { offers: offers.into_iter().collect(), filters: Filters { refuse } });
    }

    /// Kills a task, with the grace of its description.
    pub fn kill(&mut self, task: TaskId) {
        self.kill_all([task], None);
    }

    /// Kills tasks. Without a grace each gets that of its description.
    pub fn kill_all(&mut self, tasks: impl IntoIterator<Item = TaskId>, grace: Option<Duration>) {
        self.calls.push(UserCall::Kill { tasks: tasks.into_iter().collect(), grace });
    }

    /// Wants offers again for all roles; whatever was refused counts no more.
    pub fn revive(&mut self) {
        self.revive_roles([]);
    }

    /// Wants offers again for these roles, none: for all.
    pub fn revive_roles(&mut self, roles: impl IntoIterator<Item = Role>) {
        self.calls.push(UserCall::Revive(roles.into_iter().collect()));
    }

    /// Wants no offers until it revives.
    pub fn suppress(&mut self) {
        self.suppress_roles([]);
    }

    /// Wants no offers for these roles, none: for all.
    pub fn suppress_roles(&mut self, roles: impl IntoIterator<Item = Role>) {
        self.calls.push(UserCall::Suppress(roles.into_iter().collect()));
    }

    /// Acknowledges an update, with [`crate::Builder::explicit_acknowledgements`] only.
    pub fn acknowledge(&mut self, status: &TaskStatus) {
        self.calls.push(UserCall::Acknowledge { task: status.task.clone(), sequence: status.sequence });
    }

    /// Asks what is known of tasks, none: of all. The answers come as updates.
    pub fn reconcile(&mut self, queries: impl IntoIterator<Item = Query>) {
        self.calls.push(UserCall::Reconcile(queries.into_iter().collect()));
    }

    /// Sends bytes to an executor, at most once.
    pub fn send_message(&mut self, agent: AgentId, executor: ExecutorId, data: Vec<u8>) {
        // Nobody waits for the answer.
        self.calls.push(UserCall::SendMessage { ticket: Ticket(0), agent, executor, data });
    }

    /// Replaces the framework's description and what offers it wants.
    pub fn update_framework(&mut self, framework: FrameworkInfo, wants: Wants) {
        self.calls.push(UserCall::UpdateFramework { framework: Box::new(framework), wants });
    }

    /// Has [`crate::Scheduler::timer`] called with this token after so long.
    pub fn after(&mut self, wait: Duration, token: u64) {
        self.timers.set(wait, token);
    }

    /// Stops the driver. The framework stays for its failover timeout, and its tasks run on.
    pub fn stop(&mut self) {
        self.calls.push(UserCall::Stop);
    }

    /// Removes the framework for good, kills its tasks and stops the driver.
    pub fn teardown(&mut self) {
        self.calls.push(UserCall::Teardown);
    }

    /// A handle for other tasks.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    fn accept_launches(&mut self, offers: &[Offer], launches: Vec<Launch>) {
        let offers = offers.iter().map(|offer| offer.id.clone()).collect();
        self.accept(Acceptance { offers, launches, filters: Filters::default() });
    }
}
