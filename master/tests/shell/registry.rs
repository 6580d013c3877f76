//! What a master writes down, and what becomes of it when it cannot.

use crate::world::{Agent, Gate, Gated, Running, Scheduler, framework};
use proffer_proto::{
    convert::status::{self, Problem},
    v1,
};
use std::sync::{Arc, atomic::Ordering};

async fn frameworks(master: &Running) -> Vec<v1::FrameworkRecord> {
    let request = v1::ListFrameworksRequest { page: None };
    master.operator().list_frameworks(request).await.unwrap().into_inner().frameworks
}

#[tokio::test]
async fn nothing_is_shown_or_answered_before_it_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    let master = Running::on(Arc::new(Gated::new(directory.path(), &gate)), directory.path(), &[]).await;
    let shut = gate.shut.write().await;
    let subscribing = tokio::spawn({
        let channel = master.channel.clone();
        async move { Scheduler::subscribe(&channel, framework("", "test")).await }
    });
    // An explanation goes through the driver, and the framework is there for it before it is stored.
    let mut operator = master.operator();
    let asked =
        || v1::ExplainSubjectRequest { subject: Some(v1::explain_subject_request::Subject::Role("*".to_owned())) };
    while operator.explain_subject(asked()).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(frameworks(&master).await.is_empty(), "it is not shown");
    assert!(!subscribing.is_finished(), "it is not answered");
    drop(shut);
    let scheduler = subscribing.await.unwrap().unwrap();
    assert_eq!(frameworks(&master).await[0].id, scheduler.id);
    master.stop().await;
}

#[tokio::test]
async fn a_failed_write_ends_the_term_and_another_begins() {
    let directory = tempfile::tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    let master = Running::on(Arc::new(Gated::new(directory.path(), &gate)), directory.path(), &[]).await;
    let mut agent = Agent::register(&master.channel, "", "one", 2).await;
    let mut known = Scheduler::subscribe(&master.channel, framework("", "known")).await.unwrap();
    gate.broken.store(true, Ordering::SeqCst);
    let refused = Scheduler::subscribe(&master.channel, framework("", "unlucky")).await.err().unwrap();
    assert_eq!(status::read(&refused), Some(Problem::NotLeader { leader: None }), "{refused}");
    let end = loop {
        match known.event().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(status::read(&end), Some(Problem::NotLeader { leader: None }));
    let end = agent.hear().await.err().unwrap();
    assert_eq!(status::read(&end), Some(Problem::NotLeader { leader: None }));
    let again = loop {
        match Scheduler::subscribe(&master.channel, framework(&known.id, "known")).await {
            Ok(scheduler) => break scheduler,
            Err(status) => assert_eq!(status::read(&status), Some(Problem::NotLeader { leader: None }), "{status}"),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((again.epoch, again.resumed), (known.epoch + 1, false));
    assert_eq!(frameworks(&master).await.len(), 1, "what was not written is not");
    let back = Agent::register(&master.channel, &agent.id, "one", 2).await;
    assert_eq!(back.id, agent.id);
    master.stop().await;
}

#[tokio::test]
async fn a_registry_that_cannot_be_opened_again_ends_the_master() {
    let directory = tempfile::tempdir().unwrap();
    let gate = Arc::new(Gate::default());
    let master = Running::on(Arc::new(Gated::new(directory.path(), &gate)), directory.path(), &[]).await;
    gate.lost.store(true, Ordering::SeqCst);
    gate.broken.store(true, Ordering::SeqCst);
    assert!(Scheduler::subscribe(&master.channel, framework("", "unlucky")).await.is_err());
    let error = master.ended().await.unwrap_err();
    assert!(!error.is_usage(), "nobody asked for anything wrong");
    assert!(error.to_string().contains("registry"), "{error}");
}

#[tokio::test]
async fn a_restarted_master_knows_its_agents_and_frameworks() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let agent = Agent::register(&master.channel, "", "one", 2).await;
    let scheduler = Scheduler::subscribe(&master.channel, framework("", "test")).await.unwrap();
    let (agent, framework_id, epoch) = (agent.id.clone(), scheduler.id.clone(), scheduler.epoch);
    let cluster = master.operator().get_cluster(v1::GetClusterRequest {}).await.unwrap().into_inner().cluster_id;
    master.stop().await;
    let master = Running::start(directory.path()).await;
    let again = master.operator().get_cluster(v1::GetClusterRequest {}).await.unwrap().into_inner();
    assert_eq!((again.cluster_id, again.epoch), (cluster, epoch + 1));
    let agents = master.operator().list_agents(v1::ListAgentsRequest { page: None }).await.unwrap().into_inner().agents;
    assert_eq!((agents[0].id.as_str(), agents[0].state()), (agent.as_str(), v1::AgentState::Recovered));
    let known = frameworks(&master).await;
    assert_eq!((known[0].id.as_str(), known[0].connected), (framework_id.as_str(), false));
    assert!(known[0].deadline_ms.is_some());
    master.stop().await;
}

#[tokio::test]
async fn a_directory_serves_one_master() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let options = crate::world::options(directory.path(), &[]).unwrap();
    let error = master::run(options, kit::shutdown::CancellationToken::new(), |_| {}).await.unwrap_err();
    assert!(error.is_usage());
    assert!(kit::exit::chain(&error).contains("one master at a time"), "{}", kit::exit::chain(&error));
    master.stop().await;
}
