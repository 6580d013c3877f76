//! What keeps tasks apart on this machine.

pub use crate::cgroup::Hierarchy;
use std::{fmt, path::Path, str::FromStr};

/// The environment variable by which an agent tells its executors what to use.
pub const ISOLATION: &str = "PROFFER_ISOLATION";

/// What an operator asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// Cgroups where they may be made, else none.
    #[default]
    Auto,
    /// Sessions and process groups alone.
    Posix,
    /// Cgroups, or the agent does not start.
    Cgroups,
}

/// What is in force.
#[derive(Debug, Clone)]
pub enum Isolation {
    /// Sessions and process groups alone: nothing limits what a task uses.
    Posix,
    /// Cgroups besides.
    Cgroups(Hierarchy),
}

/// Why what was asked for cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The word is none.
    #[error("{0:?} is no isolation; say auto, posix or cgroups")]
    Choice(String),
    /// No cgroups may be made.
    #[error("cgroups cannot be used: {0}; run the agent as root, or say posix")]
    Cgroups(String),
}

impl FromStr for Choice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "posix" => Ok(Self::Posix),
            "cgroups" => Ok(Self::Cgroups),
            other => Err(Error::Choice(other.to_owned())),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Posix => "posix",
            Self::Cgroups => "cgroups",
        })
    }
}

impl Isolation {
    /// What the choice comes to on this machine.
    ///
    /// # Errors
    /// If cgroups were asked for and cannot be used.
    pub fn detect(choice: Choice) -> Result<Self, Error> {
        let root = Path::new("/sys/fs/cgroup");
        match (choice, choice == Choice::Posix) {
            (_, true) => Ok(Self::Posix),
            (_, false) => match Hierarchy::find(root) {
                Ok(hierarchy) => Ok(Self::Cgroups(hierarchy)),
                Err(why) if choice == Choice::Cgroups => Err(Error::Cgroups(why)),
                Err(_) => Ok(Self::Posix),
            },
        }
    }

    /// What executors are told, so that they use what the agent announced.
    #[must_use]
    pub fn choice(&self) -> Choice {
        match self {
            Self::Posix => Choice::Posix,
            Self::Cgroups(_) => Choice::Cgroups,
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Posix => f.write_str("posix: sessions and process groups, nothing limits cpu or memory"),
            Self::Cgroups(hierarchy) => hierarchy.fmt(f),
        }
    }
}
