//! The end of a container.

use super::error::{Error, status};
use bollard::{Docker, errors::Error as Api, query_parameters::WaitContainerOptionsBuilder};
use futures::StreamExt;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// An engine that forgot to tell of an end is asked after so long.
const ASK_ANYWAY: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 128 and the number of the signal, if one ended it.
    pub code: i64,
    /// Whether the kernel killed in it for want of memory.
    pub oom_killed: bool,
    /// The engine's words, if it has any.
    pub error: String,
}

/// What the engine says of a container.
#[derive(Debug)]
pub(super) struct State {
    /// Whether it runs.
    pub(super) running: bool,
    /// Whether it was never started.
    pub(super) created: bool,
    /// Its end, meaningful if neither.
    pub(super) exit: Exit,
    /// Its main process, 0 if none.
    pub(super) pid: u32,
    /// Its address in its network.
    pub(super) ip_address: Option<String>,
}

/// Asks for a container's state.
pub(super) async fn state(docker: &Docker, id: &str) -> Result<State, Error> {
    let answer = timeout(ANSWER, docker.inspect_container(id, None)).await.map_err(|_| Error::late(ANSWER))?;
    let found = answer.map_err(|error| match status(&error) {
        Some(404) => Error::Gone(id.to_owned()),
        _ => Error::of("tell of the container", &error),
    })?;
    let state = found.state.unwrap_or_default();
    let networks = found.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let ip_address = networks.into_values().find_map(|network| network.ip_address.filter(|ip| !ip.is_empty()));
    Ok(State {
        running: state.running.unwrap_or_default(),
        created: state.status == Some(bollard::models::ContainerStateStatusEnum::CREATED),
        exit: Exit {
            code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or_default(),
            error: state.error.unwrap_or_default(),
        },
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default(),
        ip_address,
    })
}

/// Waits for the end, for as long as it takes and through restarts of the engine.
pub(super) async fn exit(docker: &Docker, id: &str) -> Result<Exit, Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        let told = told(docker, id).await;
        if let Some(exit) = told.as_ref().filter(|exit| exit.code == 0 && exit.error.is_empty()) {
            return Ok(exit.clone());
        }
        // Whether memory ran out is known only to those who ask, as is everything if nobody told.
        match state(docker, id).await {
            Ok(state) if !state.running => return Ok(state.exit),
            Ok(_) => pause = FIRST_PAUSE,
            Err(error @ Error::Gone(_)) => return told.ok_or(error),
            Err(error) => tracing::warn!(container = id, %error, "waiting for the engine"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// What the engine tells by itself, if it does within a time.
async fn told(docker: &Docker, id: &str) -> Option<Exit> {
    let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
    let mut waiting = Box::pin(docker.wait_container(id, Some(options)));
    let (code, error) = match timeout(ASK_ANYWAY, waiting.next()).await.ok()?? {
        Ok(answer) => (answer.status_code, answer.error.and_then(|error| error.message).unwrap_or_default()),
        Err(Api::DockerContainerWaitError { error, code }) => (code, error),
        Err(_) => return None,
    };
    Some(Exit { code, oom_killed: false, error })
}
