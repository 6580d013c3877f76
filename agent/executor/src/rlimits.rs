//! Limits as setrlimit knows them.

use nix::sys::resource::{Resource, setrlimit};
use proto_types::task::Rlimit;
use std::io;

/// A limit of the processes of a task or executor.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// What is limited.
    pub resource: Resource,
    /// The soft limit.
    pub soft: u64,
    /// The hard limit.
    pub hard: u64,
}

impl Limit {
    /// Holds the calling process to it.
    ///
    /// # Errors
    /// Those of the system call: only root raises hard limits.
    pub fn apply(self) -> io::Result<()> {
        Ok(setrlimit(self.resource, self.soft, self.hard)?)
    }
}

/// The limit that is meant.
///
/// # Errors
/// That there is no limit of this name.
pub fn resolve(limit: &Rlimit) -> Result<Limit, String> {
    let resource = match limit.name.strip_prefix("RLIMIT_").unwrap_or(&limit.name) {
        "AS" => Resource::RLIMIT_AS,
        "CORE" => Resource::RLIMIT_CORE,
        "CPU" => Resource::RLIMIT_CPU,
        "DATA" => Resource::RLIMIT_DATA,
        "FSIZE" => Resource::RLIMIT_FSIZE,
        "LOCKS" => Resource::RLIMIT_LOCKS,
        "MEMLOCK" => Resource::RLIMIT_MEMLOCK,
        "MSGQUEUE" => Resource::RLIMIT_MSGQUEUE,
        "NICE" => Resource::RLIMIT_NICE,
        "NOFILE" => Resource::RLIMIT_NOFILE,
        "NPROC" => Resource::RLIMIT_NPROC,
        "RSS" => Resource::RLIMIT_RSS,
        "RTPRIO" => Resource::RLIMIT_RTPRIO,
        "RTTIME" => Resource::RLIMIT_RTTIME,
        "SIGPENDING" => Resource::RLIMIT_SIGPENDING,
        "STACK" => Resource::RLIMIT_STACK,
        other => return Err(format!("there is no limit {other:?}")),
    };
    let unlimited = |value: Option<u64>| value.unwrap_or(u64::MAX);
    Ok(Limit { resource, soft: unlimited(limit.soft), hard: unlimited(limit.hard) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_names_with_and_without_their_prefix() {
        let named = |name: &str| resolve(&Rlimit { name: name.to_owned(), soft: Some(64), hard: None });
        for name in ["NOFILE", "RLIMIT_NOFILE"] {
            let Limit { resource, soft, hard } = named(name).unwrap();
            assert_eq!((resource, soft, hard), (Resource::RLIMIT_NOFILE, 64, u64::MAX));
        }
        assert!(named("SOMETHING").unwrap_err().contains("SOMETHING"));
    }
}
