//! For tools: lists, changes, explanations and files, from whichever master leads.

mod agents;
mod files;
mod lists;

pub use files::{FileWanted, Files};
pub use lists::TaskFilter;
pub use proffer_proto::v1;

use crate::{MasterAddress, channel, connect::describe, election::Election};
use proffer_proto::{
    convert::status::{Problem, read},
    v1::operator_service_client::OperatorServiceClient,
};
use proto_types::scheduling::{Explanation, Refusal};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::time::timeout;
use tonic::{Response, Status, Streaming, transport::Channel};

/// The largest message taken: a page of a thousand records with long descriptions.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Masters that point at each other are followed only so far.
const REDIRECTS_MAX: u32 = 3;
/// How long it is waited for somebody to lead: longer than a session of ZooKeeper lives.
const ELECTION_PATIENCE: Duration = Duration::from_secs(20);
/// How often the elected leader is tried, and the pause between: what is announced may be dead for as long.
const ELECTION_TRIES_MAX: usize = 60;
/// See above.
const ELECTION_PAUSE: Duration = Duration::from_millis(300);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why an operator's call failed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No master answered.
    #[error("no master answers at {master}: {message}")]
    Unreachable {
        /// Where it was looked for.
        master: String,
        /// Why.
        message: String,
    },
    /// No master leads.
    #[error("the master at {master} does not lead and knows of no leader; try again in a few seconds")]
    NoLeader {
        /// Who said so.
        master: String,
    },
    /// The master refused.
    #[error("{0}")]
    Refused(Refusal),
    /// The call failed.
    #[error("{message}")]
    Failed {
        /// What the master said.
        message: String,
    },
}

/// A connection to the leading master for tools.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Whom to ask: masters, or their election.
    masters: Vec<MasterAddress>,
    election: Option<Arc<Election>>,
    /// The master that is asked; at first, where masters are elected, none.
    master: MasterAddress,
    client: Option<OperatorServiceClient<Channel>>,
}

impl OperatorError {
    /// Whether the same call may succeed a little later: the master, or the agent that it asked, is away.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

impl Operator {
    /// A client of this master, or of the one that leads in its stead.
    #[must_use]
    pub fn new(master: MasterAddress) -> Self {
        Self::of(vec![master])
    }

    /// A client of whichever of these masters leads; of the default one if none is named.
    #[must_use]
    pub fn of(masters: Vec<MasterAddress>) -> Self {
        let master = masters.first().cloned().unwrap_or_default();
        let client = (!master.is_elected()).then(|| client(&master));
        Self { masters, election: None, master, client }
    }

    /// Where the master is that answered last.
    #[must_use]
    pub fn master(&self) -> &MasterAddress {
        &self.master
    }

    /// The cluster as a whole.
    ///
    /// # Errors
    /// The call failed.
    pub async fn cluster(&mut self) -> Result<v1::Cluster, OperatorError> {
        self.ask(|mut client| async move { client.get_cluster(v1::GetClusterRequest {}).await }).await
    }

    /// Everything that changes, of these kinds; none: of all.
    ///
    /// # Errors
    /// The call failed.
    pub async fn watch(&mut self, kinds: &[v1::WatchKind]) -> Result<Streaming<v1::WatchEvent>, OperatorError> {
        let kinds: Vec<i32> = kinds.iter().map(|kind| i32::from(*kind)).collect();
        self.ask(|mut client| {
            let request = v1::WatchRequest { kinds: kinds.clone() };
            async move { client.watch(request).await }
        })
        .await
    }

    /// Why a framework gets no offers.
    ///
    /// # Errors
    /// The call failed.
    pub async fn explain_framework(&mut self, framework: &str) -> Result<Explanation, OperatorError> {
        self.explain(v1::explain_subject_request::Subject::FrameworkId(framework.to_owned())).await
    }

    /// Where a task stands: its id, or `framework/id`.
    ///
    /// # Errors
    /// The call failed.
    pub async fn explain_task(&mut self, task: &str) -> Result<Explanation, OperatorError> {
        self.explain(v1::explain_subject_request::Subject::Task(task.to_owned())).await
    }

    /// What is the matter with a role.
    ///
    /// # Errors
    /// The call failed.
    pub async fn explain_role(&mut self, role: &str) -> Result<Explanation, OperatorError> {
        self.explain(v1::explain_subject_request::Subject::Role(role.to_owned())).await
    }

    /// Sets a role's weight and limit.
    ///
    /// # Errors
    /// The call failed.
    pub async fn update_role(&mut self, request: v1::UpdateRoleRequest) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = request.clone();
            async move { client.update_role(request).await }
        })
        .await
        .map(|_: v1::UpdateRoleResponse| ())
    }

    /// Kills a task; says whose it is.
    ///
    /// # Errors
    /// The call failed.
    pub async fn kill(&mut self, request: v1::KillTaskRequest) -> Result<String, OperatorError> {
        self.ask(|mut client| {
            let request = request.clone();
            async move { client.kill_task(request).await }
        })
        .await
        .map(|response: v1::KillTaskResponse| response.framework_id)
    }

    /// Removes a framework for good.
    ///
    /// # Errors
    /// The call failed.
    pub async fn teardown(&mut self, framework: &str) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = v1::TeardownFrameworkRequest { framework_id: framework.to_owned() };
            async move { client.teardown_framework(request).await }
        })
        .await
        .map(|_: v1::TeardownFrameworkResponse| ())
    }

    async fn explain(&mut self, subject: v1::explain_subject_request::Subject) -> Result<Explanation, OperatorError> {
        self.ask(|mut client| {
            let request = v1::ExplainSubjectRequest { subject: Some(subject.clone()) };
            async move { client.explain_subject(request).await }
        })
        .await
        .map(|response: v1::ExplainResponse| response.into())
    }

    /// Makes a call, and makes it again at the leader if this master is none.
    async fn ask<T, F>(&mut self, call: impl Fn(OperatorServiceClient<Channel>) -> F) -> Result<T, OperatorError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let (mut redirects, mut moves) = (0, 0);
        loop {
            let Some(asked) = self.client.clone() else {
                self.move_on(&mut moves).await?;
                continue;
            };
            let answer = timeout(PATIENCE, call(asked)).await;
            let status = match answer {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => status,
                Err(_) => Status::unavailable(format!("no answer within {} s", PATIENCE.as_secs())),
            };
            let failure = match read(&status) {
                Some(Problem::NotLeader { leader: Some(leader) }) if redirects < REDIRECTS_MAX => {
                    redirects += 1;
                    match leader.parse() {
                        Ok(leader) => {
                            self.turn_to(leader);
                            continue;
                        }
                        Err(_) => OperatorError::NoLeader { master: self.master.to_string() },
                    }
                }
                Some(Problem::NotLeader { .. }) => OperatorError::NoLeader { master: self.master.to_string() },
                _ => self.failure(&status),
            };
            let elsewhere = matches!(failure, OperatorError::NoLeader { .. } | OperatorError::Unreachable { .. });
            if !elsewhere || self.move_on(&mut moves).await.is_err() {
                return Err(failure);
            }
            redirects = 0;
        }
    }

    fn turn_to(&mut self, master: MasterAddress) {
        self.client = Some(client(&master));
        self.master = master;
    }

    /// Turns to the next master that may lead.
    async fn move_on(&mut self, moves: &mut usize) -> Result<(), OperatorError> {
        let elected = self.masters.first().filter(|master| master.is_elected()).cloned();
        let Some(address) = elected else {
            let mut rest = self.masters.iter().enumerate().skip(*moves);
            let next = rest.find(|(_, master)| **master != self.master);
            let next = next.map(|(index, master)| (index, master.clone()));
            let (index, master) = next.ok_or_else(|| OperatorError::NoLeader { master: self.master.to_string() })?;
            *moves = index + 1;
            self.turn_to(master);
            return Ok(());
        };
        *moves += 1;
        let unreachable = |message| OperatorError::Unreachable { master: address.to_string(), message };
        if *moves > ELECTION_TRIES_MAX {
            return Err(unreachable("the master that was elected does not answer".to_owned()));
        }
        if *moves > 1 {
            tokio::time::sleep(ELECTION_PAUSE).await;
        }
        let election = match &self.election {
            Some(election) => Arc::clone(election),
            None => {
                let election = Election::of(&address).map(Arc::new);
                election.ok_or_else(|| unreachable("it names no election".to_owned()))?
            }
        };
        self.election = Some(Arc::clone(&election));
        let leader = election.leader(ELECTION_PATIENCE).await.map_err(unreachable)?;
        self.turn_to(leader);
        Ok(())
    }

    fn failure(&self, status: &Status) -> OperatorError {
        match read(status) {
            Some(Problem::Refused(refusal)) => OperatorError::Refused(refusal),
            // What a master itself answers has no cause; what has one never reached it.
            _ if status.code() == tonic::Code::Unavailable && std::error::Error::source(status).is_some() => {
                let asked = if self.masters.contains(&self.master) {
                    self.masters.as_slice()
                } else {
                    std::slice::from_ref(&self.master)
                };
                let master = asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                OperatorError::Unreachable { master, message: describe(status) }
            }
            _ => OperatorError::Failed { message: describe(status) },
        }
    }
}

fn client(master: &MasterAddress) -> OperatorServiceClient<Channel> {
    OperatorServiceClient::new(channel(master)).max_decoding_message_size(MESSAGE_BYTES_MAX)
}
