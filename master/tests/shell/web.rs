//! The master for people and Prometheus: lists, pages, metrics and errors over plain HTTP, beside gRPC on one port.

use crate::world::{Agent, Running, Scheduler, framework, get, request};
use proffer_proto::v1;
use serde_json::Value;
use std::collections::BTreeSet;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

#[tokio::test]
async fn lists_come_in_pages_of_one_version() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let mut agents = Vec::new();
    for _ in 0..5 {
        agents.push(Agent::register(&master.channel, "", "one", 2).await);
    }
    let first = get(&master.address, "/api/v1/agents?page_size=2").await.json();
    let late = Agent::register(&master.channel, "", "late", 2).await;
    let mut seen: Vec<String> = ids(&first["agents"]);
    let mut token = first["next_page_token"].as_str().map(str::to_owned);
    while let Some(page) = token {
        let next = get(&master.address, &format!("/api/v1/agents?page_size=2&page_token={page}")).await.json();
        seen.extend(ids(&next["agents"]));
        token = next["next_page_token"].as_str().map(str::to_owned);
    }
    let expected: BTreeSet<String> = agents.iter().map(|agent| agent.id.clone()).collect();
    assert_eq!(seen.len(), 5);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected, "later agents are not on the pages");
    assert!(ids(&get(&master.address, "/api/v1/agents").await.json()["agents"]).contains(&late.id));
    master.stop().await;
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn tasks_are_found_by_framework_agent_and_id() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let mut agents = Vec::new();
    let mut frameworks = Vec::new();
    for name in ["one", "two"] {
        // Whoever has launched wants no more, so that each gets the offers of its own agent.
        let agent = Agent::register(&master.channel, "", name, 2).await;
        let mut scheduler = Scheduler::subscribe(&master.channel, framework("", name)).await.unwrap();
        let offers = scheduler.offered().await;
        let offer = offers.iter().find(|offer| offer.agent_id == agent.id).unwrap();
        for task in ["a", "b"] {
            assert_eq!(scheduler.launch(offer, &format!("{name}-{task}")).await.rejection.is_some(), task == "b");
        }
        scheduler.suppress().await;
        agents.push(agent);
        frameworks.push(scheduler);
    }
    let tasks = |filter: String| {
        let address = master.address.clone();
        async move { ids(&get(&address, &format!("/api/v1/tasks?{filter}")).await.json()["tasks"]) }
    };
    assert_eq!(tasks(String::new()).await.len(), 2);
    assert_eq!(tasks(format!("framework_id={}", frameworks[0].id)).await, ["one-a"]);
    assert_eq!(tasks(format!("framework_id={}", frameworks[1].id)).await, ["two-a"]);
    assert_eq!(tasks(format!("agent_id={}", agents[1].id)).await, ["two-a"]);
    assert_eq!(tasks("task_id=one-a".to_owned()).await, ["one-a"]);
    assert_eq!(tasks(format!("framework_id={}&task_id=one-a", frameworks[0].id)).await, ["one-a"]);
    assert!(tasks(format!("framework_id={}&task_id=one-a", frameworks[1].id)).await.is_empty());
    assert!(tasks(format!("agent_id={}&framework_id={}", agents[1].id, frameworks[0].id)).await.is_empty());
    assert_eq!(tasks("active_only=true".to_owned()).await.len(), 2);
    let state = get(&master.address, "/api/v1/state").await.json();
    assert_eq!(ids(&state["tasks"]).len(), 2);
    assert_eq!(ids(&state["agents"]).len(), 2);
    assert_eq!(ids(&state["frameworks"]).len(), 2);
    assert_eq!(state["cluster"]["tasks_active"], 2);
    master.stop().await;
}

#[tokio::test]
async fn bad_requests_name_the_field() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    for (path, status, field) in [
        ("/api/v1/agents?page_size=many", 400, Some("page_size")),
        ("/api/v1/agents?page_token=x", 400, Some("page_token")),
        ("/api/v1/agents?page_token=9.1:a", 400, Some("page_token")),
        ("/api/v1/agents?framework_id=a", 400, Some("framework_id")),
        ("/api/v1/tasks?framework_id=a%2Fb", 400, Some("framework_id")),
        ("/api/v1/nothing", 404, None),
    ] {
        let answer = get(&master.address, path).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (status, field), "{path}: {}", answer.body);
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    let answer = request(&master.address, "DELETE", "/api/v1/agents").await;
    assert_eq!(answer.status, 405);
    assert!(answer.json()["error"].as_str().unwrap().contains("DELETE"));
    let page = Some(v1::Page { size: 1, token: "x".to_owned() });
    let refused = master.operator().list_agents(v1::ListAgentsRequest { page }).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(proffer_proto::convert::status::violations(&refused)[0].field, "page.token");
    master.stop().await;
}

#[tokio::test]
async fn metrics_say_how_much_there_is_of_what() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let _agent = Agent::register(&master.channel, "", "one", 2).await;
    let mut scheduler = Scheduler::subscribe(&master.channel, framework("", "test")).await.unwrap();
    let offers = scheduler.offered().await;
    scheduler.launch(&offers[0], "t").await;
    let metrics = get(&master.address, "/metrics").await;
    for line in [
        "master_agents{state=\"connected\"} 1",
        "master_agents{state=\"unreachable\"} 0",
        "master_agent_duties{state=\"active\"} 1",
        "master_frameworks{state=\"connected\"} 1",
        "master_tasks{state=\"STAGING\"} 1",
        "master_resources_total{resource=\"cpus\"} 2.0",
        "master_leads 1",
        "master_epoch 1",
        "master_terms_total 1",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} is not in\n{}", metrics.body);
    }
    for name in ["master_allocation_round_seconds_count", "master_registry_write_seconds_sum", "master_inputs_waiting"]
    {
        assert!(metrics.body.contains(name), "{name} is not in\n{}", metrics.body);
    }
    master.stop().await;
}

#[tokio::test]
async fn health_is_told_to_both_kinds_of_clients() {
    let directory = tempfile::tempdir().unwrap();
    let master = Running::start(directory.path()).await;
    let health = get(&master.address, "/health").await;
    assert_eq!((health.status, health.json()["healthy"].as_bool()), (200, Some(true)));
    let mut client = HealthClient::new(master.channel.clone());
    for service in ["", "proffer.v1.SchedulerService", "proffer.v1.AgentService", "proffer.v1.OperatorService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = client.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    master.stop().await;
}

#[test]
fn times_of_no_length_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for flag in ["--ping-interval=0s", "--offer-timeout=1ms", "--heartbeat-interval=0s", "--ping-misses=0"] {
        let error = crate::world::options(directory.path(), &[flag]).unwrap_err();
        assert!(error.to_string().contains(flag.split('=').next().unwrap()), "{error}");
    }
    assert!(crate::world::options(directory.path(), &["--allocation-interval=0s"]).is_ok());
}
