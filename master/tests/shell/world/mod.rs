//! A real master in this process, and agents, schedulers and operators that speak to it over the wire.

mod agent;
mod http;
mod scheduler;
mod store;

pub(crate) use agent::Agent;
pub(crate) use http::{get, request};
pub(crate) use scheduler::{Scheduler, framework};
pub(crate) use store::{Gate, Gated};

use clap::Parser;
use kit::shutdown::CancellationToken;
use proffer_proto::v1::operator_service_client::OperatorServiceClient;
use std::{path::Path, sync::Arc};
use tokio::{sync::oneshot, task::JoinHandle};
use tonic::transport::Channel;

/// The options, as a command line gives them.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: master::Options,
}

/// Options for a master in this directory.
pub(crate) fn options(directory: &Path, flags: &[&str]) -> Result<master::Options, clap::Error> {
    let directory = directory.display().to_string();
    let fixed = ["master", "--listen", "127.0.0.1:0", "--dir", &directory];
    Ok(Arguments::try_parse_from(fixed.iter().chain(flags))?.options)
}

/// A running master.
pub(crate) struct Running {
    pub(crate) address: String,
    pub(crate) channel: Channel,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), master::Error>>,
}

impl Running {
    /// Starts a master on the registry in the directory.
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::with(directory, &[]).await
    }

    pub(crate) async fn with(directory: &Path, flags: &[&str]) -> Self {
        Self::on(Arc::new(coordination::Embedded::new(directory)), directory, flags).await
    }

    /// Starts a master on any registry.
    pub(crate) async fn on(store: Arc<dyn coordination::Store>, directory: &Path, flags: &[&str]) -> Self {
        let options = options(directory, flags).unwrap();
        let (stop, (ready, address)) = (CancellationToken::new(), oneshot::channel());
        let ended = tokio::spawn({
            let stop = stop.clone();
            async move {
                let ready = |address: std::net::SocketAddr| drop(ready.send(address.to_string()));
                master::run_on(&*store, options, stop, ready).await
            }
        });
        let address = address.await.expect("the master starts");
        let channel = kit::channel::tcp(&address).await.unwrap();
        Self { address, channel, stop, ended }
    }

    pub(crate) fn operator(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.channel.clone())
    }

    /// How the master ended, once it has.
    pub(crate) async fn ended(self) -> Result<(), master::Error> {
        self.ended.await.unwrap()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.ended().await.unwrap();
    }
}
