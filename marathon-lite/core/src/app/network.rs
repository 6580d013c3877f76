//! Which network an app's instances are in.

use proto_types::Labels;

/// An element of `networks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// `host`: the agent's own.
    Host,
    /// `container/bridge`: the engine's bridge.
    Bridge {
        /// Free-form.
        labels: Labels,
    },
    /// `container`: one of the engine's networks.
    Container {
        /// Its name.
        name: String,
        /// Free-form.
        labels: Labels,
    },
}

impl Network {
    /// Its mode in JSON.
    #[must_use]
    pub const fn mode(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Bridge { .. } => "container/bridge",
            Self::Container { .. } => "container",
        }
    }
}
