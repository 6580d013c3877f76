//! Conversations with a master over the wire.

use crate::world::{Agent, Running, Scheduler, framework};
use proffer_proto::{
    convert::status::{self, Problem},
    v1::{
        self, agent_data::Data, agent_message::Message as FromAgent, event::Event as WireEvent,
        master_message::Message as ToAgent, watch_event::Change,
    },
};
use tonic::{Code, Request};

#[tokio::test]
async fn work_goes_round() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let mut agent = Agent::register(&master.channel, "", "one", 2).await;
    let mut scheduler = Scheduler::subscribe(&master.channel, framework("", "test")).await.unwrap();
    let offers = scheduler.offered().await;
    assert_eq!(offers[0].agent_id, agent.id);
    assert_eq!(scheduler.launch(&offers[0], "t").await.rejection, None);
    let launch = agent.launched().await;
    assert_eq!(launch.framework_id, scheduler.id);
    agent.finish(&scheduler.id, "t").await;
    let status = loop {
        match scheduler.event().await.unwrap() {
            Some(WireEvent::Updates(mut updates)) => break updates.statuses.remove(0),
            Some(WireEvent::Offers(_) | WireEvent::Rescinded(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status.state(), v1::TaskState::TaskFinished);
    scheduler.acknowledge(&status).await;
    match agent.hear().await.unwrap() {
        Some(ToAgent::Acknowledge(known)) => assert_eq!(known.acknowledgements.len(), 1),
        other => panic!("{other:?}"),
    }
    let offers = scheduler
        .client
        .reconcile(v1::ReconcileRequest { session_id: scheduler.session.clone(), ..Default::default() });
    assert!(offers.await.unwrap().into_inner().answers.is_empty(), "the task is over and acknowledged");
    master.stop().await;
}

#[tokio::test]
async fn an_old_link_of_an_agent_ends_when_it_opens_another() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let mut old = Agent::register(&master.channel, "", "one", 2).await;
    let _new = Agent::register(&master.channel, &old.id, "one", 2).await;
    assert!(matches!(old.hear().await, Ok(None)), "the master ends the link although the agent holds on to it");
    master.stop().await;
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_and_hurts_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let good = Agent::register(&master.channel, "", "one", 2).await;
    let mut bad = Agent::link(&master.channel, v1::Register::default()).await;
    match bad.hear().await.unwrap() {
        Some(ToAgent::Refused(refused)) => {
            assert_eq!(refused.reason(), v1::RefusedReason::Invalid);
            assert!(refused.message.contains("agent"), "{}", refused.message);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(bad.hear().await, Ok(None)));
    let request = v1::SubscribeRequest::default();
    let refused = Scheduler::subscribe(&master.channel, request).await.err().unwrap();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(status::violations(&refused)[0].field, "framework");
    let mut stranger = Request::new(v1::GetClusterRequest {});
    stranger.metadata_mut().insert("proffer-principal", "a/b".parse().unwrap());
    let refused = master.operator().get_cluster(stranger).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let agents = master.operator().list_agents(v1::ListAgentsRequest { page: None }).await.unwrap().into_inner();
    assert_eq!(agents.agents.iter().map(|agent| &agent.id).collect::<Vec<_>>(), [&good.id]);
    assert_eq!(agents.agents[0].state(), v1::AgentState::Connected);
    master.stop().await;
}

#[tokio::test]
async fn a_scheduler_that_does_not_read_is_cut_off_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let agent = Agent::register(&master.channel, "", "one", 2).await;
    // A connection of its own: that one does not read must not stop the others.
    let channel = kit::channel::tcp(&master.address).await.unwrap();
    let mut slow = Scheduler::subscribe(&channel, framework("", "slow")).await.unwrap();
    let message =
        v1::AgentExecutorMessage { framework_id: slow.id.clone(), executor_id: "e".to_owned(), data: vec![7; 4096] };
    for _ in 0..20_000 {
        agent.say(FromAgent::ExecutorMessage(message.clone())).await;
    }
    let mut received = 0;
    let end = loop {
        match slow.event().await {
            Ok(Some(_)) => received += 1,
            Ok(None) => panic!("the stream ended without a word after {received} events"),
            Err(status) => break status,
        }
    };
    assert!(received < 20_000);
    assert_eq!(status::read(&end), Some(Problem::TooSlow));
    let request = v1::SubscribeRequest {
        resume: Some(v1::Resume { session_id: slow.session, after_event: slow.last }),
        ..framework(&slow.id, "slow")
    };
    let again = Scheduler::subscribe(&channel, request).await.unwrap();
    assert!(!again.resumed, "the flood is not sent again");
    master.stop().await;
}

#[tokio::test]
async fn a_watch_begins_with_everything_and_goes_on_with_each_change() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let first = Agent::register(&master.channel, "", "one", 2).await;
    let request = v1::WatchRequest { kinds: vec![v1::WatchKind::Agents.into()] };
    let mut watch = master.operator().watch(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    loop {
        match watch.message().await.unwrap().unwrap().change.unwrap() {
            Change::Agent(agent) => told.push(agent.id),
            Change::Synced(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(told, std::slice::from_ref(&first.id));
    let second = Agent::register(&master.channel, "", "two", 2).await;
    loop {
        let event = watch.message().await.unwrap().unwrap();
        assert!(event.version > 0);
        match event.change.unwrap() {
            Change::Agent(agent) if agent.id == second.id => break,
            Change::Agent(agent) => assert_eq!(agent.id, first.id),
            other => panic!("{other:?}"),
        }
    }
    let wrong = master.operator().watch(v1::WatchRequest { kinds: vec![9] }).await.unwrap_err();
    assert_eq!(status::violations(&wrong)[0].field, "kinds");
    master.stop().await;
    // Changes that came before the end are told before it.
    let end = loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(status::read(&end), Some(Problem::NotLeader { leader: None }));
}

#[tokio::test]
async fn files_go_from_an_agent_to_whoever_asks_until_they_go_away() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let mut agent = Agent::register(&master.channel, "", "one", 2).await;
    let mut scheduler = Scheduler::subscribe(&master.channel, framework("", "test")).await.unwrap();
    let offers = scheduler.offered().await;
    scheduler.launch(&offers[0], "t").await;
    agent.launched().await;
    let mut request = v1::FileRequest { task_id: "t".to_owned(), path: "stdout".to_owned(), ..Default::default() };
    request.set_action(v1::FileAction::Read);
    let mut operator = master.operator();
    let asking = tokio::spawn({
        let request = request.clone();
        async move { operator.read_files(request).await }
    });
    let Some(ToAgent::OpenData(open)) = agent.hear().await.unwrap() else { panic!("no request") };
    assert_eq!(open.request.unwrap().framework_id, scheduler.id, "the master found out whose task it is");
    let header = Data::Header(v1::DataHeader { token: open.token.clone() });
    let chunk = Data::Chunk(v1::FileChunk { bytes: "hello".into(), offset: 5, ..v1::FileChunk::default() });
    let (sender, mut rest) = agent.data([header.clone(), chunk]).await.unwrap();
    let mut chunks = asking.await.unwrap().unwrap().into_inner();
    assert_eq!(chunks.message().await.unwrap().unwrap().bytes, "hello");
    drop(chunks);
    assert!(!matches!(rest.message().await, Ok(Some(_))), "nobody wants more, so the agent's stream ends");
    sender.closed().await;
    let used = agent.data([header]).await.err().unwrap();
    assert_eq!(used.code(), Code::NotFound, "a token is good for one stream");
    let unknown = v1::FileRequest { task_id: "other".to_owned(), ..request };
    assert_eq!(master.operator().read_files(unknown).await.unwrap_err().code(), Code::NotFound);
    master.stop().await;
}

#[tokio::test]
async fn operators_take_agents_out_of_use_and_errors_name_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let mut agent = Agent::register(&master.channel, "", "one", 2).await;
    let (mut operator, agent_id) = (master.operator(), agent.id.clone());
    let planned = Some(v1::Unavailability { start_ms: u64::MAX - 1, end_ms: Some(u64::MAX) });
    let schedule = |agent_ids: &[&str], unavailability| v1::ScheduleMaintenanceRequest {
        agent_ids: agent_ids.iter().map(ToString::to_string).collect(),
        unavailability,
    };
    let over = Some(v1::Unavailability { start_ms: 2, end_ms: Some(1) });
    let wrong = [
        (schedule(&[&agent_id, ""], planned), "agent_ids[1]"),
        (schedule(&[&agent_id], None), "unavailability"),
        (schedule(&[&agent_id], over), "unavailability.end_ms"),
        (schedule(&[], planned), "agent_ids"),
    ];
    for (request, field) in wrong {
        let refused = operator.schedule_maintenance(request).await.unwrap_err();
        assert_eq!(status::violations(&refused)[0].field, field);
    }
    let nobody = v1::DrainAgentRequest { agent_id: "A9-9".to_owned(), ..v1::DrainAgentRequest::default() };
    assert_eq!(operator.drain_agent(nobody).await.unwrap_err().code(), Code::NotFound);
    operator.schedule_maintenance(schedule(&[&agent_id], planned)).await.unwrap();
    let drain = v1::DrainAgentRequest { agent_id: agent_id.clone(), deadline_ms: Some(60_000), ..Default::default() };
    operator.drain_agent(drain).await.unwrap();
    loop {
        let agents = operator.list_agents(v1::ListAgentsRequest { page: None }).await.unwrap().into_inner().agents;
        assert_eq!(agents[0].unavailability, planned);
        if agents[0].duty() == v1::AgentDuty::Drained {
            assert!(agents[0].drain.unwrap().deadline_ms.is_some());
            break;
        }
    }
    operator.cancel_maintenance(v1::CancelMaintenanceRequest { agent_ids: vec![agent_id.clone()] }).await.unwrap();
    operator.reactivate_agent(v1::ReactivateAgentRequest { agent_id: agent_id.clone() }).await.unwrap();
    operator.deactivate_agent(v1::DeactivateAgentRequest { agent_id: agent_id.clone() }).await.unwrap();
    operator.mark_agent_gone(v1::MarkAgentGoneRequest { agent_id }).await.unwrap();
    match agent.hear().await.unwrap() {
        Some(ToAgent::Refused(refused)) => assert_eq!(refused.reason(), v1::RefusedReason::Gone),
        other => panic!("{other:?}"),
    }
    assert!(matches!(agent.hear().await, Ok(None)), "its link ends");
    master.stop().await;
}
