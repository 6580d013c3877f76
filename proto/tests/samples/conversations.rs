//! What is said in each conversation.

use super::*;
use proptest::{
    collection::{btree_map, vec},
    option,
};
use proto_types::{
    Epoch, ExecutorId, FrameworkId, Rejection, RejectionKind, SessionId, TaskId, TaskInfo, TaskKey,
    agent::Drain,
    executing::{FromExecutor, NumberedStatus, Subscription, TaskLaunch, ToExecutor},
    files::{FileAction, FileRequest, OpenData},
    link::{AgentLaunch, ExecutorMessage, FromAgent, HeldExecutor, HeldTask, RefusedReason, Registration, ToAgent},
    reconcile::{Answer, Query},
    registry::{Fact, RegistryChange},
    scheduling::{
        Accept, Acceptance, CREDIT_MAX, Call, CloseReason, Credit, Event, Explanation, NumberedEvent, ReasonLine,
        Refusal, Reply, Resume, Subject, Subscribe, Wants,
    },
    verdict::TaskVerdict,
};
use std::{path::PathBuf, sync::Arc};

/// What a framework with these roles wants.
fn wants(roles: Vec<Role>) -> impl Strategy<Value = Wants> {
    let suppressed = prop::sample::subsequence(roles.clone(), 0..=roles.len());
    let constraints = btree_map(prop::sample::select(roles), offer_constraints(), 0..3);
    let credit = (1..=CREDIT_MAX, 1..=CREDIT_MAX).prop_map(|(offers, updates)| Credit { offers, updates });
    (suppressed, constraints, credit).prop_map(|(suppressed, constraints, credit)| Wants {
        suppressed,
        constraints,
        credit,
    })
}

fn resume() -> impl Strategy<Value = Resume> {
    (id(), any::<u64>()).prop_map(|(session, after_event)| Resume { session, after_event })
}

/// Subscriptions.
pub(crate) fn subscribe() -> impl Strategy<Value = Subscribe> {
    roles().prop_flat_map(|roles| {
        (framework_info(roles.clone()), any::<u64>(), option::of(id()), wants(roles), option::of(resume())).prop_map(
            |(framework, incarnation, cluster, wants, resume)| Subscribe {
                framework,
                incarnation,
                cluster,
                wants,
                resume,
            },
        )
    })
}

fn accept() -> impl Strategy<Value = Accept> {
    let acceptance = (vec(launch(String::new()), 0..3), filters());
    (id(), vec(acceptance, 1..3), any::<bool>()).prop_map(|(request, acceptances, all_or_nothing)| {
        let mut numbers = 0..;
        let mut unique = move || numbers.next().unwrap_or(0);
        let acceptances = acceptances.into_iter().map(|(launches, filters)| {
            let offers = (0..2).map(|_| format!("offer {}", unique()).parse().unwrap()).collect();
            let launches = launches.into_iter().map(|mut launch| {
                for task in &mut launch.tasks {
                    Arc::make_mut(task).id = format!("task {}", unique()).parse().unwrap();
                }
                launch
            });
            Acceptance { offers, launches: launches.collect(), filters }
        });
        Accept { request, acceptances: acceptances.collect(), all_or_nothing }
    })
}

/// Calls.
pub(crate) fn call() -> impl Strategy<Value = (SessionId, Call)> {
    let update = roles().prop_flat_map(|roles| {
        (framework_info(roles.clone()), wants(roles))
            .prop_map(|(framework, wants)| Call::UpdateFramework { framework: Box::new(framework), wants })
    });
    let subject = prop_oneof![
        Just(Subject::Framework),
        id().prop_map(Subject::Task),
        (resources(), option::of(role())).prop_map(|(resources, role)| Subject::Shape { resources, role }),
    ];
    let query = (id(), option::of(id())).prop_map(|(task, agent)| Query { task, agent });
    let call = prop_oneof![
        accept().prop_map(Call::Accept),
        (vec(id(), 0..3), filters()).prop_map(|(offers, filters)| Call::Decline { offers, filters }),
        roles().prop_map(Call::Revive),
        roles().prop_map(Call::Suppress),
        (vec(id(), 0..3), option::of(duration())).prop_map(|(tasks, grace)| Call::Kill { tasks, grace }),
        vec((id(), 1..=u64::MAX), 0..3).prop_map(Call::Acknowledge),
        (vec(query, 0..3), option::of(id())).prop_map(|(queries, after)| Call::Reconcile { queries, after }),
        (id(), id(), data()).prop_map(|(agent, executor, data)| Call::SendMessage { agent, executor, data }),
        update,
        Just(Call::Teardown),
        subject.prop_map(Call::Explain),
    ];
    (id(), call)
}

/// Events.
pub(crate) fn event() -> impl Strategy<Value = NumberedEvent> {
    let reason = prop::sample::select(vec![
        CloseReason::Superseded,
        CloseReason::Reconnected,
        CloseReason::Removed,
        CloseReason::TooSlow,
        CloseReason::LeadershipLost,
    ]);
    let subscribed = (id(), id(), id(), duration(), any::<bool>(), text()).prop_map(
        |(framework, session, cluster, heartbeat_interval, resumed, version)| Event::Subscribed {
            framework,
            session,
            cluster,
            heartbeat_interval,
            resumed,
            version,
        },
    );
    let event = prop_oneof![
        subscribed,
        vec(offer(), 0..3).prop_map(Event::Offers),
        vec(id(), 0..3).prop_map(Event::Rescinded),
        vec(task_status(), 0..3).prop_map(Event::Updates),
        (id(), id(), data()).prop_map(|(agent, executor, data)| Event::Message { agent, executor, data }),
        (id(), option::of(id()), text()).prop_map(|(agent, executor, message)| Event::Failure {
            agent,
            executor,
            message
        }),
        Just(Event::Heartbeat),
        (reason, text()).prop_map(|(reason, message)| Event::Closed { reason, message }),
    ];
    (any::<u64>(), any::<u64>(), event).prop_map(|(number, epoch, event)| NumberedEvent {
        number,
        epoch: Epoch(epoch),
        event,
    })
}

/// Verdicts.
pub(crate) fn verdicts() -> impl Strategy<Value = Vec<TaskVerdict>> {
    let kind = prop::sample::select(vec![
        RejectionKind::Invalid,
        RejectionKind::OfferGone,
        RejectionKind::Conflict,
        RejectionKind::AgentGone,
        RejectionKind::GangAborted,
        RejectionKind::OutcomeUnknown,
        RejectionKind::Unauthorized,
    ]);
    let rejection = (kind, text(), text(), resources()).prop_map(|(kind, field, message, free)| Rejection {
        kind,
        field,
        message,
        free: (kind == RejectionKind::Conflict).then_some(free),
    });
    let verdict = (id(), option::of(rejection))
        .prop_map(|(task, rejection)| TaskVerdict { task, result: rejection.map_or(Ok(()), Err) });
    vec(verdict, 0..3)
}

/// Answers to questions about tasks.
pub(crate) fn answers() -> impl Strategy<Value = Reply> {
    let answer = prop_oneof![
        task_status().prop_map(Answer::Status),
        (id(), duration()).prop_map(|(task, retry_after)| Answer::Recovering { task, retry_after }),
    ];
    (vec(answer, 0..3), any::<bool>()).prop_map(|(answers, more)| Reply::Answers { answers, more })
}

/// Explanations.
pub(crate) fn explanation() -> impl Strategy<Value = Reply> {
    let code = prop::sample::select(vec!["insufficient", "filtered", "limit", "of a newer master"]);
    let line = (code, text(), any::<u32>()).prop_map(|(code, message, agents)| ReasonLine {
        code: code.into(),
        message,
        agents,
    });
    (text(), vec(line, 0..3)).prop_map(|(summary, reasons)| Reply::Explanation(Explanation { summary, reasons }))
}

/// Refusals.
pub(crate) fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        (text(), text()).prop_map(|(field, message)| Refusal::Invalid { field, message }),
        id().prop_map(Refusal::StaleSession),
        (any::<u64>(), any::<u64>()).prop_map(|(current, given)| Refusal::Superseded { current, given }),
        id().prop_map(Refusal::FrameworkRemoved),
        (id(), id()).prop_map(|(here, theirs)| Refusal::WrongCluster { here, theirs }),
        text().prop_map(Refusal::NotFound),
        text().prop_map(Refusal::Unauthorized),
        text().prop_map(Refusal::Ambiguous),
    ]
}

fn key() -> impl Strategy<Value = TaskKey> {
    (id(), id()).prop_map(|(framework, task)| TaskKey { framework, task })
}

fn held_task() -> impl Strategy<Value = HeldTask> {
    let described = option::of(task_info());
    (id(), id::<ExecutorId>(), id::<TaskId>(), role(), described).prop_flat_map(
        |(framework, executor, task, role, info)| {
            let of = || task_status_of(Just(task.clone()));
            let key = TaskKey { framework, task: task.clone() };
            let info = info.map(|info| Arc::new(TaskInfo { id: task.clone(), ..info }));
            (of(), vec(of(), 0..3)).prop_map(move |(latest, unacknowledged)| HeldTask {
                key: key.clone(),
                executor: executor.clone(),
                role: role.clone(),
                info: info.clone(),
                latest,
                unacknowledged,
            })
        },
    )
}

fn registration() -> impl Strategy<Value = Registration> {
    let executor = (id::<FrameworkId>(), executor_info(), role()).prop_map(|(framework, info, role)| HeldExecutor {
        framework,
        info,
        role,
    });
    let info = agent_info(resources());
    (option::of(id()), option::of(id()), info, any::<u64>(), vec(held_task(), 0..3), vec(executor, 0..2)).prop_map(
        |(id, cluster, info, epoch, tasks, executors)| Registration {
            id,
            cluster,
            info,
            epoch: Epoch(epoch),
            tasks,
            executors,
        },
    )
}

fn executor_message() -> impl Strategy<Value = ExecutorMessage> {
    (id(), id(), data()).prop_map(|(framework, executor, data)| ExecutorMessage { framework, executor, data })
}

/// What agents say.
pub(crate) fn from_agent() -> impl Strategy<Value = FromAgent> {
    prop_oneof![
        registration().prop_map(|registration| FromAgent::Register(Box::new(registration))),
        vec((id(), task_status()), 0..3).prop_map(FromAgent::Updates),
        any::<u64>().prop_map(FromAgent::Pong),
        executor_message().prop_map(FromAgent::Message),
        (id(), id(), text()).prop_map(|(framework, executor, message)| FromAgent::ExecutorExited {
            framework,
            executor,
            message
        }),
    ]
}

/// What agents are told.
pub(crate) fn to_agent() -> impl Strategy<Value = ToAgent> {
    let reason = prop::sample::select(vec![
        RefusedReason::WrongCluster,
        RefusedReason::Gone,
        RefusedReason::Invalid,
        RefusedReason::NotLeader,
    ]);
    let launch = (id(), option::of("[a-z]{1,6}"), role(), launch("task".to_owned()))
        .prop_map(|(framework, user, role, launch)| AgentLaunch { framework, user, role, launch });
    prop_oneof![
        (id(), id(), duration(), any::<u32>(), duration()).prop_map(
            |(id, cluster, ping_interval, ping_misses, reconnect_within)| {
                ToAgent::Registered { id, cluster, ping_interval, ping_misses, reconnect_within }
            }
        ),
        (reason, text()).prop_map(|(reason, message)| ToAgent::Refused { reason, message }),
        launch.prop_map(|launch| ToAgent::Launch(Box::new(launch))),
        (id(), vec(id(), 0..3), option::of(duration()), option::of(duration()))
            .prop_map(|(framework, tasks, grace, max_grace)| ToAgent::Kill { framework, tasks, grace, max_grace }),
        vec((key(), any::<u64>()), 0..3).prop_map(ToAgent::Acknowledge),
        any::<u64>().prop_map(ToAgent::Ping),
        id().prop_map(ToAgent::ShutdownFramework),
        executor_message().prop_map(ToAgent::Message),
    ]
}

/// Wishes for files.
pub(crate) fn open_data() -> impl Strategy<Value = OpenData> {
    let action = prop::sample::select(vec![FileAction::List, FileAction::Read, FileAction::Follow]);
    let path = prop_oneof![Just(String::new()), "[a-z.]{1,3}/[a-z]{1,3}"];
    (word(), key(), path, action, any::<i64>(), option::of(1..=u64::MAX))
        .prop_filter("leads out", |request| !request.2.starts_with("../"))
        .prop_map(|(token, key, path, action, offset, length)| OpenData {
            token,
            request: FileRequest { key, path, action, offset, length },
        })
}

fn numbered() -> impl Strategy<Value = NumberedStatus> {
    (1..=u64::MAX, task_status()).prop_map(|(number, status)| NumberedStatus { number, status })
}

/// What executors say.
pub(crate) fn from_executor() -> impl Strategy<Value = FromExecutor> {
    let subscription = (id(), id(), word(), vec(id(), 0..3), vec(numbered(), 0..3), any::<u32>()).prop_map(
        |(framework, executor, token, tasks, unacknowledged, pid)| Subscription {
            framework,
            executor,
            token,
            tasks,
            unacknowledged,
            pid,
        },
    );
    prop_oneof![
        subscription.prop_map(FromExecutor::Subscribe),
        vec(numbered(), 0..3).prop_map(FromExecutor::Updates),
        data().prop_map(FromExecutor::Message),
    ]
}

/// What executors are told.
pub(crate) fn to_executor() -> impl Strategy<Value = ToExecutor> {
    let launch = (task_info(), "/[a-z]{1,3}/[a-z]{1,3}", option::of("[a-z]{1,6}"), any::<bool>()).prop_map(
        |(task, sandbox, user, adopt)| TaskLaunch {
            task: Arc::new(task),
            sandbox: PathBuf::from(sandbox),
            user,
            adopt,
        },
    );
    prop_oneof![
        (id(), text(), duration()).prop_map(|(agent, hostname, kill_grace)| ToExecutor::Subscribed {
            agent,
            hostname,
            kill_grace
        }),
        (vec(launch, 0..3), any::<bool>()).prop_map(|(tasks, group)| ToExecutor::Launch { tasks, group }),
        (vec(id(), 0..3), option::of(duration())).prop_map(|(tasks, grace)| ToExecutor::Kill { tasks, grace }),
        vec((id(), any::<u64>()), 0..3).prop_map(ToExecutor::Acknowledged),
        data().prop_map(ToExecutor::Message),
        option::of(duration()).prop_map(|grace| ToExecutor::Shutdown { grace }),
    ]
}

fn drain() -> impl Strategy<Value = Drain> {
    (option::of(duration()), option::of(wall()), any::<bool>(), any::<bool>())
        .prop_map(|(max_grace, deadline, mark_gone, maintenance)| Drain { max_grace, deadline, mark_gone, maintenance })
}

/// What is stored.
pub(crate) fn registry_change() -> impl Strategy<Value = RegistryChange> {
    let registered = roles().prop_flat_map(framework_info).prop_flat_map(|info| {
        (id(), any::<u64>(), wall()).prop_map(move |(id, incarnation, registered)| Fact::FrameworkRegistered {
            info: Arc::new(proto_types::FrameworkInfo { id: Some(id), ..info.clone() }),
            incarnation,
            registered,
        })
    });
    let fact = prop_oneof![
        (id(), agent_info(resources())).prop_map(|(agent, info)| Fact::AgentAdmitted { agent, info: Arc::new(info) }),
        (id(), wall()).prop_map(|(agent, since)| Fact::AgentMarkedUnreachable { agent, since }),
        id().prop_map(|agent| Fact::AgentMarkedReachable { agent }),
        (id(), wall()).prop_map(|(agent, since)| Fact::AgentMarkedGone { agent, since }),
        any::<u64>().prop_map(|above| Fact::ClusterAdopted { above: Epoch(above) }),
        id().prop_map(|agent| Fact::AgentForgotten { agent }),
        id().prop_map(|agent| Fact::AgentDeactivated { agent }),
        id().prop_map(|agent| Fact::AgentReactivated { agent }),
        (id(), drain()).prop_map(|(agent, drain)| Fact::AgentDrainBegun { agent, drain }),
        id().prop_map(|agent| Fact::AgentDrained { agent }),
        (id(), unavailability())
            .prop_map(|(agent, unavailability)| Fact::AgentMaintenanceScheduled { agent, unavailability }),
        id().prop_map(|agent| Fact::AgentMaintenanceEnded { agent }),
        registered,
        (id(), duration()).prop_map(|(framework, remaining)| Fact::FrameworkDisconnected { framework, remaining }),
        id().prop_map(|framework| Fact::FrameworkConnected { framework }),
        id().prop_map(|framework| Fact::FrameworkRemoved { framework }),
        (role(), any::<u64>(), limits()).prop_map(|(role, weight_milli, limit)| Fact::RoleUpdated {
            role,
            weight_milli,
            limit
        }),
    ];
    (id(), fact).prop_map(|(principal, fact)| RegistryChange { principal, fact })
}
