//! What the agent tells an executor at its start.

use proto_types::{ExecutorId, FrameworkId};
use std::{env, path::PathBuf};

/// What the agent tells an executor at its start, in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The agent's Unix socket: `PROFFER_AGENT_SOCKET`.
    pub socket: PathBuf,
    /// Whose executor this is: `PROFFER_FRAMEWORK_ID`.
    pub framework: FrameworkId,
    /// Which: `PROFFER_EXECUTOR_ID`.
    pub executor: ExecutorId,
    /// Proves that the agent started it: `PROFFER_EXECUTOR_TOKEN`.
    pub token: String,
    /// Its own directory: `PROFFER_SANDBOX`.
    pub sandbox: PathBuf,
}

/// A variable that an executor needs is not there or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {message}; an executor is started by an agent")]
pub struct InvalidEnvironment {
    /// Which.
    pub name: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Environment {
    /// Reads it from this process's environment.
    ///
    /// # Errors
    /// The first variable that is not there or wrong.
    pub fn read() -> Result<Self, InvalidEnvironment> {
        Self::read_from(|name| env::var(name).ok())
    }

    fn read_from(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidEnvironment> {
        let get = |name: &'static str| {
            let message = "is not set".to_owned();
            variable(name).filter(|value| !value.is_empty()).ok_or(InvalidEnvironment { name, message })
        };
        let (framework, executor) = ("PROFFER_FRAMEWORK_ID", "PROFFER_EXECUTOR_ID");
        let wrong = |name, error: proto_types::ids::InvalidId| InvalidEnvironment { name, message: error.to_string() };
        Ok(Self {
            socket: get("PROFFER_AGENT_SOCKET")?.into(),
            framework: FrameworkId::new(get(framework)?).map_err(|error| wrong(framework, error))?,
            executor: ExecutorId::new(get(executor)?).map_err(|error| wrong(executor, error))?,
            token: get("PROFFER_EXECUTOR_TOKEN")?,
            sandbox: get("PROFFER_SANDBOX")?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let error = Environment::read_from(|_| None).unwrap_err();
        assert_eq!(error.to_string(), "PROFFER_AGENT_SOCKET is not set; an executor is started by an agent");
        let environment = Environment::read_from(|name| Some(format!("x-{name}"))).unwrap();
        assert_eq!(environment.executor.as_str(), "x-PROFFER_EXECUTOR_ID");
    }
}
