//! Messages in a few words, for the record.

use master_core::{Input, OperatorCall, OperatorReply};
use proto_types::{
    Rejection, TaskStatus,
    link::{FromAgent, RefusedReason, ToAgent},
    reconcile::Answer,
    registry::Fact,
    scheduling::{Accept, Call, Event, Refusal, Reply},
};
use std::fmt::{self, Display, Formatter};

/// Something that prints by a function.
struct Brief<F>(F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Brief<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

fn brief(print: impl Fn(&mut Formatter<'_>) -> fmt::Result) -> impl Display {
    Brief(print)
}

/// So many items of a list are printed; the rest is counted.
const ITEMS_MAX: usize = 8;

fn list<T>(items: &[T], print: impl Fn(&T, &mut Formatter<'_>) -> fmt::Result) -> impl Display {
    brief(move |f| {
        f.write_str("[")?;
        for (index, item) in items.iter().take(ITEMS_MAX).enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            print(item, f)?;
        }
        if items.len() > ITEMS_MAX {
            write!(f, " and {} more", items.len() - ITEMS_MAX)?;
        }
        f.write_str("]")
    })
}

fn names<T: Display>(items: &[T]) -> impl Display {
    list(items, |item, f| item.fmt(f))
}

/// An update's number as people tell them apart: those of masters apart from those of agents.
#[must_use]
pub fn sequence(sequence: u64) -> String {
    let masters = proto_types::status::MASTER_SEQUENCES;
    if sequence >= masters { "m".to_owned() } else { sequence.to_string() }
}

/// An update: `task 2 RUNNING`.
pub fn status(status: &TaskStatus) -> impl Display {
    brief(move |f| write!(f, "{} {} {}", status.task, sequence(status.sequence), status.state))
}

/// What a master reacts to.
pub fn master_input(input: &Input) -> impl Display {
    brief(move |f| match input {
        Input::Tick => f.write_str("tick"),
        Input::Allocate => f.write_str("allocate"),
        Input::Agent { link, message, .. } => write!(f, "link {}: {}", link.0, from_agent(message)),
        Input::AgentLinkClosed { link } => write!(f, "link {} closed", link.0),
        Input::Subscribe { connection, request, .. } => {
            let resume = request.resume.as_ref().map_or(String::new(), |resume| {
                let after = resume.after_event;
                if after == u64::MAX { " anew".to_owned() } else { format!(" after {after}") }
            });
            let id = request.framework.id.as_ref().map_or("new", |id| id.as_str());
            write!(
                f,
                "stream {}: subscribe {} ({id}) incarnation {}{resume}",
                connection.0, request.framework.name, request.incarnation
            )
        }
        Input::SchedulerClosed { connection, .. } => write!(f, "stream {} closed", connection.0),
        Input::Call { session, body, .. } => write!(f, "{session}: {}", call(body)),
        Input::Operate { body, .. } => write!(f, "operator: {}", operator_call(body)),
    })
}

fn operator_call(body: &OperatorCall) -> impl Display {
    brief(move |f| match body {
        OperatorCall::ExplainFramework(id) => write!(f, "explain framework {id}"),
        OperatorCall::ExplainTask { task, .. } => write!(f, "explain task {task}"),
        OperatorCall::ExplainRole(role) => write!(f, "explain role {role}"),
        OperatorCall::UpdateRole { role, .. } => write!(f, "update role {role}"),
        OperatorCall::KillTask { task, .. } => write!(f, "kill {task}"),
        OperatorCall::TeardownFramework(id) => write!(f, "tear {id} down"),
        OperatorCall::DeactivateAgent(id) => write!(f, "deactivate {id}"),
        OperatorCall::DrainAgent { agent, .. } => write!(f, "drain {agent}"),
        OperatorCall::ReactivateAgent(id) => write!(f, "reactivate {id}"),
        OperatorCall::MarkAgentGone(id) => write!(f, "mark {id} gone"),
        OperatorCall::ScheduleMaintenance { agents, .. } => write!(f, "schedule maintenance of {}", names(agents)),
        OperatorCall::CancelMaintenance(agents) => write!(f, "cancel maintenance of {}", names(agents)),
        OperatorCall::LocateTask { task, .. } => write!(f, "locate {task}"),
    })
}

/// What an agent says.
pub fn from_agent(message: &FromAgent) -> impl Display {
    brief(move |f| match message {
        FromAgent::Register(registration) => {
            let id = registration.id.as_ref().map_or("new", |id| id.as_str());
            let held = list(&registration.tasks, |task, f| {
                write!(f, "{} {}+{}", task.key, task.latest.state, task.unacknowledged.len())
            });
            write!(f, "register {id}, epoch {}, {held}", registration.epoch)
        }
        FromAgent::Updates(updates) => {
            write!(f, "updates {}", list(updates, |(framework, update), f| write!(f, "{framework}/{}", status(update))))
        }
        FromAgent::Pong(number) => write!(f, "pong {number}"),
        FromAgent::Message(message) => write!(f, "message of {}", message.executor),
        FromAgent::ExecutorExited { framework, executor, .. } => write!(f, "executor {framework}/{executor} exited"),
    })
}

/// What a master says to an agent.
pub fn to_agent(message: &ToAgent) -> impl Display {
    brief(move |f| match message {
        ToAgent::Registered { id, .. } => write!(f, "registered as {id}"),
        ToAgent::Refused { reason, .. } => {
            let reason = match reason {
                RefusedReason::WrongCluster => "wrong cluster",
                RefusedReason::Gone => "gone",
                RefusedReason::Invalid => "invalid",
                RefusedReason::NotLeader => "not leader",
            };
            write!(f, "refused: {reason}")
        }
        ToAgent::Launch(launch) => {
            write!(f, "launch {}", list(&launch.launch.tasks, |task, f| write!(f, "{}/{}", launch.framework, task.id)))
        }
        ToAgent::Kill { framework, tasks, .. } => write!(f, "kill {framework} {}", names(tasks)),
        ToAgent::Acknowledge(acknowledged) => {
            write!(f, "acknowledge {}", list(acknowledged, |(key, number), f| write!(f, "{key} {}", sequence(*number))))
        }
        ToAgent::Ping(number) => write!(f, "ping {number}"),
        ToAgent::ShutdownFramework(framework) => write!(f, "shut {framework} down"),
        ToAgent::Message(message) => write!(f, "message for {}", message.executor),
    })
}

/// What a scheduler asks for.
pub fn call(call: &Call) -> impl Display {
    brief(move |f| match call {
        Call::Accept(accept) => write!(f, "accept {}", self::accept(accept)),
        Call::Decline { offers, .. } => write!(f, "decline {}", names(offers)),
        Call::Revive(_) => f.write_str("revive"),
        Call::Suppress(_) => f.write_str("suppress"),
        Call::Kill { tasks, .. } => write!(f, "kill {}", names(tasks)),
        Call::Acknowledge(acknowledged) => {
            write!(
                f,
                "acknowledge {}",
                list(acknowledged, |(task, number), f| write!(f, "{task} {}", sequence(*number)))
            )
        }
        Call::Reconcile { queries, .. } => write!(f, "reconcile {}", list(queries, |query, f| query.task.fmt(f))),
        Call::SendMessage { executor, .. } => write!(f, "message for {executor}"),
        Call::UpdateFramework { .. } => f.write_str("update framework"),
        Call::Teardown => f.write_str("teardown"),
        Call::Explain(_) => f.write_str("explain"),
    })
}

fn accept(accept: &Accept) -> impl Display {
    brief(move |f| {
        write!(f, "{}{}", accept.request, if accept.all_or_nothing { " as a whole" } else { "" })?;
        for acceptance in accept.acceptances.iter().take(ITEMS_MAX) {
            let tasks: Vec<_> =
                acceptance.launches.iter().flat_map(|launch| &launch.tasks).map(|task| &task.id).collect();
            write!(f, " {}: {}", names(&acceptance.offers), names(&tasks))?;
        }
        Ok(())
    })
}

/// What came of a call.
pub fn reply(reply: &Result<Reply, Refusal>) -> impl Display {
    brief(move |f| match reply {
        Ok(Reply::Verdicts(verdicts)) => {
            write!(
                f,
                "verdicts {}",
                list(verdicts, |verdict, f| match &verdict.result {
                    Ok(()) => write!(f, "{} accepted", verdict.task),
                    Err(rejection) => write!(f, "{} {:?}", verdict.task, rejection.kind),
                })
            )
        }
        Ok(Reply::Declined(count)) => write!(f, "{count} declined"),
        Ok(Reply::Answers { answers, .. }) => write!(
            f,
            "answers {}",
            list(answers, |answer, f| match answer {
                Answer::Status(status) => write!(f, "{} {}", status.task, status.state),
                Answer::Recovering { task, .. } => write!(f, "{task} recovering"),
            })
        ),
        Ok(Reply::Sent(sent)) => write!(f, "sent: {sent}"),
        Ok(Reply::Explanation(explanation)) => f.write_str(&explanation.summary),
        Ok(Reply::Done) => f.write_str("done"),
        Err(refusal) => write!(f, "refused: {refusal}"),
    })
}

/// What came of a call, with the reasons of what was refused.
pub fn reply_in_full(result: &Result<Reply, Refusal>) -> impl Display {
    brief(move |f| match result {
        Ok(Reply::Verdicts(verdicts)) => {
            for (index, verdict) in verdicts.iter().enumerate() {
                let separator = if index > 0 { "; " } else { "" };
                match &verdict.result {
                    Ok(()) => write!(f, "{separator}{} accepted", verdict.task)?,
                    Err(Rejection { kind, field, message, .. }) => {
                        write!(f, "{separator}{} {kind:?} {field}: {message}", verdict.task)?;
                    }
                }
            }
            Ok(())
        }
        other => reply(other).fmt(f),
    })
}

/// What came of an operator's call.
pub fn operator_reply(result: &Result<OperatorReply, Refusal>) -> impl Display {
    brief(move |f| match result {
        Ok(OperatorReply::Explanation(explanation)) => f.write_str(&explanation.summary),
        Ok(OperatorReply::Killed(framework)) => write!(f, "killed a task of {framework}"),
        Ok(OperatorReply::Located { framework, agent, .. }) => write!(f, "a task of {framework} on {agent}"),
        Ok(OperatorReply::Done) => f.write_str("done"),
        Err(refusal) => write!(f, "refused: {refusal}"),
    })
}

/// What a scheduler is told.
pub fn event(event: &Event) -> impl Display {
    brief(move |f| match event {
        Event::Subscribed { framework, session, resumed, .. } => {
            write!(f, "subscribed {framework} as {session}{}", if *resumed { ", resumed" } else { "" })
        }
        Event::Offers(offers) => {
            write!(
                f,
                "offers {}",
                list(offers, |offer, f| write!(f, "{} of {} {}", offer.id, offer.agent, offer.resources))
            )
        }
        Event::Rescinded(offers) => write!(f, "rescinded {}", names(offers)),
        Event::Updates(updates) => write!(f, "updates {}", list(updates, |update, f| status(update).fmt(f))),
        Event::Message { executor, .. } => write!(f, "message of {executor}"),
        Event::Failure { agent, executor, .. } => match executor {
            Some(executor) => write!(f, "executor {executor} on {agent} is lost"),
            None => write!(f, "agent {agent} is lost"),
        },
        Event::Heartbeat => f.write_str("heartbeat"),
        Event::Closed { reason, .. } => write!(f, "closed: {reason:?}"),
    })
}

/// What a master stores.
pub fn fact(fact: &Fact) -> impl Display {
    brief(move |f| match fact {
        Fact::AgentAdmitted { agent, info } => write!(f, "agent {agent} ({}) admitted", info.hostname),
        Fact::AgentMarkedUnreachable { agent, .. } => write!(f, "agent {agent} unreachable"),
        Fact::AgentMarkedReachable { agent } => write!(f, "agent {agent} reachable"),
        Fact::AgentMarkedGone { agent, .. } => write!(f, "agent {agent} gone"),
        Fact::ClusterAdopted { above } => write!(f, "cluster adopted, above epoch {above}"),
        Fact::AgentForgotten { agent } => write!(f, "agent {agent} forgotten"),
        Fact::AgentDeactivated { agent } => write!(f, "agent {agent} deactivated"),
        Fact::AgentReactivated { agent } => write!(f, "agent {agent} reactivated"),
        Fact::AgentDrainBegun { agent, .. } => write!(f, "agent {agent} drains"),
        Fact::AgentDrained { agent } => write!(f, "agent {agent} drained"),
        Fact::AgentMaintenanceScheduled { agent, .. } => write!(f, "maintenance of agent {agent} scheduled"),
        Fact::AgentMaintenanceEnded { agent } => write!(f, "maintenance of agent {agent} ended"),
        Fact::FrameworkRegistered { info, incarnation, .. } => {
            let id = info.id.as_ref().map_or("?", |id| id.as_str());
            write!(f, "framework {id} ({}) registered, incarnation {incarnation}", info.name)
        }
        Fact::FrameworkDisconnected { framework, remaining } => {
            write!(f, "framework {framework} disconnected, {} left", crate::time::seconds(*remaining))
        }
        Fact::FrameworkConnected { framework } => write!(f, "framework {framework} connected"),
        Fact::FrameworkRemoved { framework } => write!(f, "framework {framework} removed"),
        Fact::RoleUpdated { role, weight_milli, limit } => {
            write!(f, "role {role} updated, weight {weight_milli}, limit {limit}")
        }
    })
}
