//! The conversations over gRPC: conversion, authorisation, and the way to the driver and back.

mod agent;
mod farewell;
mod files;
mod operator;
mod principal;
mod records;
mod scheduler;
mod watch;

pub(crate) use records::{agent_record, framework_record, quantities, role_record, task_record};

use crate::handle::Handle;
use files::Transfers;
use proffer_proto::v1::{
    agent_service_server::AgentServiceServer, operator_service_server::OperatorServiceServer,
    scheduler_service_server::SchedulerServiceServer,
};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::{server::NamedService, service::Routes};

/// The services of a master, and their names.
pub(crate) fn services(handle: &Arc<Handle>) -> (Routes, [&'static str; 3]) {
    let transfers = Arc::new(Transfers::default());
    let turns = Arc::new(Semaphore::new(agent::REGISTRATIONS_MAX));
    let agents = agent::Agents { handle: Arc::clone(handle), turns, transfers: Arc::clone(&transfers) };
    let operators = operator::Operators { handle: Arc::clone(handle), transfers };
    let schedulers = scheduler::Schedulers { handle: Arc::clone(handle) };
    let max = kit::serve::MESSAGE_BYTES_MAX;
    let schedulers = SchedulerServiceServer::new(schedulers).max_decoding_message_size(max);
    let agents = AgentServiceServer::new(agents).max_decoding_message_size(REGISTRATION_BYTES_MAX);
    let operators = OperatorServiceServer::new(operators).max_decoding_message_size(max);
    let names = [name(&schedulers), name(&agents), name(&operators)];
    (Routes::new(schedulers).add_service(agents).add_service(operators), names)
}

fn name<S: NamedService>(_: &S) -> &'static str {
    S::NAME
}

/// The largest message of an agent: one that holds ten thousand tasks registers with all of them at once.
const REGISTRATION_BYTES_MAX: usize = 64 * 1024 * 1024;
