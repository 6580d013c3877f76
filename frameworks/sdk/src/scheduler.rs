//! What a framework's author writes.

use crate::Context;
use proto_types::{
    AgentId, ExecutorId, FrameworkId, Offer, OfferId, Rejection, TaskId, TaskStatus, scheduling::Refusal,
};

/// A scheduler: what it does with offers and with what becomes of its tasks.
///
/// The driver calls one handler at a time, from one task. A handler answers through its [`Context`] and must not block:
/// what takes longer belongs into a task of its own, which has a [`crate::Handle`]. All that a handler asks for leaves
/// together once it returned, and only then are the updates it was given acknowledged.
#[expect(unused_variables, reason = "the names of parameters without a use are documentation here")]
pub trait Scheduler: Send {
    /// The subscription stands. Unless it is `resumed`, all earlier offers were rescinded, and the driver asks what
    /// became of all tasks, whose answers come as updates where they are news.
    fn subscribed(&mut self, context: &mut Context<'_>, framework: &FrameworkId, resumed: bool) {}

    /// The subscription broke; the driver restores it.
    fn disconnected(&mut self, context: &mut Context<'_>, message: &str) {}

    /// New offers. Those neither accepted nor declined are held, and rescinded by the master after a while.
    fn offers(&mut self, context: &mut Context<'_>, offers: Vec<Offer>);

    /// Offers that are no more.
    fn rescinded(&mut self, context: &mut Context<'_>, offers: Vec<OfferId>) {}

    /// A report on a task. After a terminal state none follows. Delivered at least once: a scheduler that takes over
    /// from another sees again what that one had not acknowledged.
    fn update(&mut self, context: &mut Context<'_>, status: TaskStatus);

    /// A task was certainly not launched; its offer is gone.
    fn rejected(&mut self, context: &mut Context<'_>, task: TaskId, rejection: Rejection) {}

    /// Bytes from an executor.
    fn message(&mut self, context: &mut Context<'_>, agent: AgentId, executor: ExecutorId, data: Vec<u8>) {}

    /// An agent, or one executor of it, is lost. Its tasks get updates of their own.
    fn failure(&mut self, context: &mut Context<'_>, agent: AgentId, executor: Option<ExecutorId>, message: &str) {}

    /// The master refused a call as a whole: a mistake of this scheduler.
    fn refused(&mut self, context: &mut Context<'_>, call: &'static str, refusal: Refusal) {
        tracing::warn!(call, %refusal, "the master refused a call");
    }

    /// A time asked for with [`Context::after`] has come.
    fn timer(&mut self, context: &mut Context<'_>, token: u64) {}

    /// Somebody called [`crate::Handle::wake`].
    fn woken(&mut self, context: &mut Context<'_>) {}
}
