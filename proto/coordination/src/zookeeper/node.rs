//! A single node that keeps a few bytes, such as a framework's id.

use super::{
    SESSION_TIMEOUT,
    client::{Client, NoSession},
};
use crate::Address;
use coordination_core::{Answer, Request};
use std::time::Duration;
use tokio::time::timeout;

/// How often it is tried while connections break.
const TRIES_MAX: usize = 5;

/// Between the tries.
const PAUSE: Duration = Duration::from_millis(300);

/// A node of ZooKeeper that keeps a few bytes.
#[derive(Debug, Clone)]
pub struct Node {
    address: Address,
}

/// Why a node cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {why}")]
pub struct NodeError {
    address: String,
    why: String,
}

impl Node {
    /// The node at the path of this address.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address }
    }

    /// Its address, for people.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What it keeps; none: it is not there.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn read(&self) -> Result<Option<Vec<u8>>, NodeError> {
        match self.try_to(Action::Read).await? {
            Answer::Data(data) => Ok(Some(data)),
            _ => Ok(None),
        }
    }

    /// Has it keep this from now on; it is made if it is not there.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn write(&self, data: Vec<u8>) -> Result<(), NodeError> {
        self.try_to(Action::Write(data)).await.map(drop)
    }

    /// Removes it, if it is there.
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn remove(&self) -> Result<(), NodeError> {
        self.try_to(Action::Remove).await.map(drop)
    }

    /// Does what may be done twice with the same result, until it is known to be done.
    async fn try_to(&self, action: Action) -> Result<Answer, NodeError> {
        let mut why = String::new();
        for tried in 0..TRIES_MAX {
            if tried > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            match self.try_once(&action).await {
                Ok(Answer::Lost) => "the connection broke".clone_into(&mut why),
                Ok(Answer::Refused(refused)) => return Err(self.error(refused)),
                Ok(answer) => return Ok(answer),
                Err(error) => why = error.to_string(),
            }
        }
        Err(self.error(why))
    }

    async fn try_once(&self, action: &Action) -> Result<Answer, NoSession> {
        let client = Client::begin(&self.address, SESSION_TIMEOUT).await?;
        let path = self.address.path().to_owned();
        let answer = match action {
            Action::Read => {
                timeout(SESSION_TIMEOUT, client.ask(Request::Get { path, watch: false })).await.unwrap_or(Answer::Lost)
            }
            Action::Write(data) => client.keep(&path, data).await,
            Action::Remove => {
                timeout(SESSION_TIMEOUT, client.ask(Request::Delete { path })).await.unwrap_or(Answer::Lost)
            }
        };
        client.close().await;
        Ok(answer)
    }

    fn error(&self, why: String) -> NodeError {
        NodeError { address: self.address(), why }
    }
}

enum Action {
    Read,
    Write(Vec<u8>),
    Remove,
}
