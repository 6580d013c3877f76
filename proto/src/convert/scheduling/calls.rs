//! What a scheduler asks for.

use super::subscribe::{constraints_to_wire, wants};
use crate::{
    convert::{
        Invalid,
        at::{At, list, required},
        framework::own_framework_info,
        offer::filters,
        reconcile::query,
        resources::{bag, resources_to_wire},
        task::launch,
        text::{
            self, executor_id, id, message_data, millis, offer_ids, optional_id, or_empty, task_ids, texts, to_millis,
        },
    },
    v1::{self, explain_request::Subject as WireSubject, operation::Operation},
};
use proto_types::{
    OfferId, RequestId, SessionId, TaskId,
    scheduling::{ACCEPT_TASKS_MAX, Accept, Acceptance, Call, Subject},
    task::Launch,
};
use std::collections::HashSet;

/// A call on its way to a master, each as the message of its method.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the methods of SchedulerService")]
pub enum Request {
    Accept(v1::AcceptRequest),
    Decline(v1::DeclineRequest),
    Revive(v1::ReviveRequest),
    Suppress(v1::SuppressRequest),
    Kill(v1::KillRequest),
    Acknowledge(v1::AcknowledgeRequest),
    Reconcile(v1::ReconcileRequest),
    SendMessage(v1::SendMessageRequest),
    UpdateFramework(v1::UpdateFrameworkRequest),
    Teardown(v1::TeardownRequest),
    Explain(v1::ExplainRequest),
}

/// The message of each method is a call within a session.
macro_rules! calls {
    ($($wire:ty, |$request:ident, $at:ident| $call:expr;)*) => {
        $(impl TryFrom<$wire> for (SessionId, Call) {
            type Error = Invalid;

            fn try_from(mut $request: $wire) -> Result<Self, Invalid> {
                let $at = &At::root();
                let session = id(&std::mem::take(&mut $request.session_id), &$at.field("session_id"))?;
                Ok((session, $call))
            }
        })*
    };
}

calls! {
    v1::AcceptRequest, |wire, at| Call::Accept(accept(wire, at)?);
    v1::DeclineRequest, |wire, at| Call::Decline {
        offers: offer_ids(wire.offer_ids, &at.field("offer_ids"))?,
        filters: filters(wire.filters),
    };
    v1::ReviveRequest, |wire, at| Call::Revive(text::roles(wire.roles, &at.field("roles"))?);
    v1::SuppressRequest, |wire, at| Call::Suppress(text::roles(wire.roles, &at.field("roles"))?);
    v1::KillRequest, |wire, at| Call::Kill {
        tasks: task_ids(wire.task_ids, &at.field("task_ids"))?,
        grace: wire.grace_ms.map(millis),
    };
    v1::AcknowledgeRequest, |wire, at| {
        Call::Acknowledge(list(wire.acknowledgements, &at.field("acknowledgements"), acknowledgement)?)
    };
    v1::ReconcileRequest, |wire, at| Call::Reconcile {
        queries: list(wire.tasks, &at.field("tasks"), query)?,
        after: optional_id(&wire.after_task_id, &at.field("after_task_id"))?,
    };
    v1::SendMessageRequest, |wire, at| Call::SendMessage {
        agent: id(&wire.agent_id, &at.field("agent_id"))?,
        executor: executor_id(&wire.executor_id, at)?,
        data: message_data(wire.data, &at.field("data"))?,
    };
    v1::UpdateFrameworkRequest, |wire, at| update_framework(wire, at)?;
    v1::TeardownRequest, |wire, _at| Call::Teardown;
    v1::ExplainRequest, |wire, at| Call::Explain(subject(wire.subject, at)?);
}

fn accept(wire: v1::AcceptRequest, at: &At<'_>) -> Result<Accept, Invalid> {
    let request: RequestId = id(&wire.request_id, &at.field("request_id"))?;
    let at = at.field("accepts");
    if wire.accepts.is_empty() {
        return Err(at.invalid("must name at least one offer"));
    }
    let acceptances = list(wire.accepts, &at, acceptance)?;
    check_offers(&acceptances, &at)?;
    check_tasks(&acceptances, &at)?;
    Ok(Accept { request, acceptances, all_or_nothing: wire.all_or_nothing })
}

fn acceptance(wire: v1::OfferAcceptance, at: &At<'_>) -> Result<Acceptance, Invalid> {
    if wire.offer_ids.is_empty() {
        return Err(at.field("offer_ids").invalid("must name at least one offer"));
    }
    Ok(Acceptance {
        offers: offer_ids(wire.offer_ids, &at.field("offer_ids"))?,
        launches: list(wire.operations, &at.field("operations"), operation)?,
        filters: filters(wire.filters),
    })
}

fn operation(wire: v1::Operation, at: &At<'_>) -> Result<Launch, Invalid> {
    match required(wire.operation, &at.field("operation"))? {
        Operation::Launch(wire) => launch(wire, false, &at.field("launch")),
        Operation::LaunchGroup(wire) => launch(wire, true, &at.field("launch_group")),
    }
}

fn check_offers(acceptances: &[Acceptance], at: &At<'_>) -> Result<(), Invalid> {
    let mut seen: HashSet<&OfferId> = HashSet::new();
    for (index, acceptance) in acceptances.iter().enumerate() {
        if let Some(twice) = acceptance.offers.iter().position(|offer| !seen.insert(offer)) {
            let message = format_args!("offer {} stands here twice", acceptance.offers[twice]).to_string();
            return Err(at.index(index).field("offer_ids").index(twice).invalid(message));
        }
    }
    Ok(())
}

fn check_tasks(acceptances: &[Acceptance], at: &At<'_>) -> Result<(), Invalid> {
    let mut seen: HashSet<&TaskId> = HashSet::new();
    let count: usize =
        acceptances.iter().flat_map(|acceptance| &acceptance.launches).map(|launch| launch.tasks.len()).sum();
    if count > ACCEPT_TASKS_MAX {
        let message = format_args!("{count} tasks are too many for one call; at most {ACCEPT_TASKS_MAX}: use several");
        return Err(at.invalid(message.to_string()));
    }
    for (index, acceptance) in acceptances.iter().enumerate() {
        for (number, launch) in acceptance.launches.iter().enumerate() {
            let Some(twice) = launch.tasks.iter().position(|task| !seen.insert(&task.id)) else { continue };
            let message = format_args!("task {} stands here twice", launch.tasks[twice].id).to_string();
            let (acceptance, kind) = (at.index(index), if launch.group { "launch_group" } else { "launch" });
            let operations = acceptance.field("operations");
            return Err(operations.index(number).field(kind).field("tasks").index(twice).field("id").invalid(message));
        }
    }
    Ok(())
}

fn acknowledgement(wire: v1::Acknowledgement, at: &At<'_>) -> Result<(TaskId, u64), Invalid> {
    if wire.sequence == 0 {
        return Err(at.field("sequence").invalid("updates without a number are not acknowledged"));
    }
    Ok((id(&wire.task_id, &at.field("task_id"))?, wire.sequence))
}

fn update_framework(wire: v1::UpdateFrameworkRequest, at: &At<'_>) -> Result<Call, Invalid> {
    let framework = own_framework_info(required(wire.framework, &at.field("framework"))?, &at.field("framework"))?;
    let wants = wants(wire.suppressed_roles, wire.offer_constraints, wire.credit, &framework.roles, at)?;
    Ok(Call::UpdateFramework { framework: Box::new(framework), wants })
}

fn subject(wire: Option<WireSubject>, at: &At<'_>) -> Result<Subject, Invalid> {
    Ok(match wire {
        None => Subject::Framework,
        Some(WireSubject::TaskId(task)) => Subject::Task(id(&task, &at.field("task_id"))?),
        Some(WireSubject::Shape(wire)) => {
            let at = at.field("shape");
            let role = Some(wire.role).filter(|role| !role.is_empty());
            Subject::Shape {
                resources: bag(wire.resources, &at.field("resources"))?,
                role: role.map(|role| text::role(&role, &at.field("role"))).transpose()?,
            }
        }
    })
}

impl From<(SessionId, Call)> for Request {
    fn from((session, call): (SessionId, Call)) -> Self {
        let session_id = session.to_string();
        let grace = |grace: Option<_>| grace.map(to_millis);
        match call {
            Call::Accept(accept) => Self::Accept(v1::AcceptRequest {
                session_id,
                request_id: accept.request.to_string(),
                accepts: accept.acceptances.into_iter().map(Into::into).collect(),
                all_or_nothing: accept.all_or_nothing,
            }),
            Call::Decline { offers, filters } => Self::Decline(v1::DeclineRequest {
                session_id,
                offer_ids: texts(offers),
                filters: Some(filters.into()),
            }),
            Call::Revive(roles) => Self::Revive(v1::ReviveRequest { session_id, roles: texts(roles) }),
            Call::Suppress(roles) => Self::Suppress(v1::SuppressRequest { session_id, roles: texts(roles) }),
            Call::Kill { tasks, grace: given } => {
                Self::Kill(v1::KillRequest { session_id, task_ids: texts(tasks), grace_ms: grace(given) })
            }
            Call::Acknowledge(updates) => {
                let acknowledgements = updates.into_iter().map(acknowledgement_to_wire).collect();
                Self::Acknowledge(v1::AcknowledgeRequest { session_id, acknowledgements })
            }
            Call::Reconcile { queries, after } => {
                let tasks = queries.into_iter().map(Into::into).collect();
                Self::Reconcile(v1::ReconcileRequest { session_id, tasks, after_task_id: or_empty(after) })
            }
            Call::SendMessage { agent, executor, data } => Self::SendMessage(v1::SendMessageRequest {
                session_id,
                agent_id: agent.to_string(),
                executor_id: executor.to_string(),
                data,
            }),
            Call::UpdateFramework { framework, wants } => Self::UpdateFramework(v1::UpdateFrameworkRequest {
                session_id,
                framework: Some((&*framework).into()),
                suppressed_roles: texts(wants.suppressed),
                offer_constraints: constraints_to_wire(wants.constraints),
                credit: Some(wants.credit.into()),
            }),
            Call::Teardown => Self::Teardown(v1::TeardownRequest { session_id }),
            Call::Explain(subject) => {
                Self::Explain(v1::ExplainRequest { session_id, subject: subject_to_wire(subject) })
            }
        }
    }
}

impl From<Acceptance> for v1::OfferAcceptance {
    fn from(acceptance: Acceptance) -> Self {
        let operation = |launch: &Launch| {
            let wire = v1::Launch::from(launch);
            let operation = if launch.group { Operation::LaunchGroup(wire) } else { Operation::Launch(wire) };
            v1::Operation { operation: Some(operation) }
        };
        Self {
            offer_ids: texts(acceptance.offers),
            operations: acceptance.launches.iter().map(operation).collect(),
            filters: Some(acceptance.filters.into()),
        }
    }
}

fn acknowledgement_to_wire((task, sequence): (TaskId, u64)) -> v1::Acknowledgement {
    v1::Acknowledgement { task_id: task.to_string(), sequence }
}

fn subject_to_wire(subject: Subject) -> Option<WireSubject> {
    match subject {
        Subject::Framework => None,
        Subject::Task(task) => Some(WireSubject::TaskId(task.to_string())),
        Subject::Shape { resources, role } => {
            let resources = resources_to_wire(&resources);
            Some(WireSubject::Shape(v1::TaskShape { resources, role: or_empty(role) }))
        }
    }
}
