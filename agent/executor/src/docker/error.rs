//! What may go wrong with a container, in a line that a person understands.

use bollard::errors::Error as Api;
use std::{error::Error as _, io, path::PathBuf, time::Duration};

/// Why a container could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens, or too slowly. It may pass.
    #[error("the Docker engine does not answer: {0}")]
    Unreachable(String),
    /// The image is neither here nor anywhere.
    #[error("image {image:?} does not exist here and cannot be pulled: {reason}")]
    MissingImage {
        /// Which.
        image: String,
        /// The engine's words.
        reason: String,
    },
    /// The image was to be pulled anew.
    #[error("image {image:?} cannot be pulled: {reason}")]
    Pull {
        /// Which.
        image: String,
        /// The engine's words.
        reason: String,
    },
    /// Somebody else listens there.
    #[error("port {0} of this machine is taken")]
    PortTaken(String),
    /// The container has no such program.
    #[error("command {command:?} cannot be executed in the container: {reason}")]
    NotExecutable {
        /// What was to run.
        command: String,
        /// Why not.
        reason: String,
    },
    /// The engine answers no.
    #[error("the Docker engine cannot {what}: {reason}")]
    Refused {
        /// What it should have done.
        what: &'static str,
        /// Its words.
        reason: String,
    },
    /// It was given up while its image was waited for.
    #[error("nobody wants the container any more")]
    Unwanted,
    /// There is no such container.
    #[error("container {0} is gone")]
    Gone(String),
    /// A volume cannot be mounted.
    #[error("volume {volume:?} cannot be mounted: {reason}")]
    Volume {
        /// Its source.
        volume: String,
        /// Why not.
        reason: String,
    },
    /// The files for the output cannot be written.
    #[error("the output cannot be kept in {}: {source}", .path.display())]
    Output {
        /// The sandbox.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// Whether another try may go better: the engine did not answer.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    pub(super) fn late(limit: Duration) -> Self {
        Self::Unreachable(format!("nothing within {} s", limit.as_secs()))
    }

    pub(super) fn of(what: &'static str, error: &Api) -> Self {
        match error {
            Api::DockerResponseServerError { message, .. } => Self::Refused { what, reason: one_line(message) },
            Api::DockerStreamError { error } => Self::Refused { what, reason: one_line(error) },
            Api::RequestTimeoutError => Self::Unreachable("nothing within the time of a request".to_owned()),
            Api::SocketNotFoundError(path) => Self::Unreachable(format!("there is no {path}")),
            Api::IOError { .. } | Api::HyperResponseError { .. } | Api::HyperLegacyError { .. } => {
                Self::Unreachable(causes(error))
            }
            other => Self::Refused { what, reason: causes(other) },
        }
    }

    /// The engine's no to a start, with what a person can do something about told apart.
    pub(super) fn of_start(error: &Api) -> Self {
        let Api::DockerResponseServerError { message, .. } = error else {
            return Self::of("start the container", error);
        };
        let message = one_line(message);
        if message.contains("port is already allocated") || message.contains("address already in use") {
            return Self::PortTaken(taken_port(&message).unwrap_or_else(|| "mapped".to_owned()));
        }
        if let Some((command, reason)) = not_executable(&message) {
            return Self::NotExecutable { command, reason };
        }
        Self::Refused { what: "start the container", reason: plain(&message).to_owned() }
    }
}

/// An answer's status, if the engine answered.
pub(super) fn status(error: &Api) -> Option<u16> {
    match error {
        Api::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether a create failed only because the image is not here.
pub(super) fn lacks_image(error: &Api) -> bool {
    matches!(error, Api::DockerResponseServerError { status_code: 404, message }
        if message.to_ascii_lowercase().contains("no such image"))
}

fn causes(error: &Api) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    one_line(&text)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The message without the names of the layers that passed it on.
fn plain(message: &str) -> &str {
    let message = message.strip_suffix(": unknown").unwrap_or(message);
    let layers = ["unable to start container process: ", "OCI runtime create failed: "];
    layers.iter().find_map(|layer| message.split_once(layer)).map_or(message, |(_, rest)| rest)
}

fn not_executable(message: &str) -> Option<(String, String)> {
    let (_, rest) = plain(message).split_once("exec: \"")?;
    let (command, reason) = rest.split_once("\": ")?;
    Some((command.to_owned(), reason.to_owned()))
}

/// The port of `... 0.0.0.0:8080: bind: ...` or `Bind for 0.0.0.0:8080 failed`.
fn taken_port(message: &str) -> Option<String> {
    message.split_whitespace().find_map(|word| {
        let (address, port) = word.trim_end_matches(':').rsplit_once(':')?;
        let is_address = address.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() || address.is_empty();
        (is_address && port.parse::<u16>().is_ok()).then(|| port.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(message: &str) -> String {
        Error::of_start(&Api::DockerResponseServerError { status_code: 500, message: message.to_owned() }).to_string()
    }

    #[test]
    fn starts_fail_in_plain_words() {
        let layers = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start \
                      container process: ";
        assert_eq!(
            start(&format!("{layers}exec: \"nosuch\": executable file not found in $PATH: unknown")),
            "command \"nosuch\" cannot be executed in the container: executable file not found in $PATH"
        );
        for taken in [
            "driver failed: Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
            "driver failed: Bind for 0.0.0.0:8080 failed: port is already allocated",
            "driver failed: listen tcp6 [::]:8080: bind: address already in use",
        ] {
            assert_eq!(start(taken), "port 8080 of this machine is taken");
        }
        assert_eq!(
            start("network nonet not found"),
            "the Docker engine cannot start the container: network nonet not found"
        );
    }
}
