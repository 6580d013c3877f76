//! What an app is: Marathon's `App`, with every legacy form already put into today's.
//!
//! What Marathon does not have, and nobody gets who does not ask for it:
//!
//! | field | meaning |
//! |---|---|
//! | `runOnce: true` | an instance that ends with success is not started again |
//! | `runOncePolicy.maxAttempts` | how often each instance is started at most; 1 if absent |
//! | `upgradeStrategy.progressDeadlineSeconds` | a deployment that makes no progress for so long has failed |
//! | `upgradeStrategy.rollbackOnFailure: true` | what a failed deployment changed is set back |
//! | `upgradeStrategy.canarySteps` | `[{"instances": 1, "pauseSeconds": 60}, {"share": 0.25, "pauseSeconds": 300}]`: how many new instances there are, and for how long, before the rest follows |
//! | `["prefer:rack", "UNIQUE"]` in `constraints` | a wish: agents that do not match are the second choice |

mod apply;
mod backoff;
mod constraint;
mod container;
mod definition;
mod environment_value;
mod fetch;
mod health_check;
mod label_selector;
mod network;
mod path_id;
mod port;
pub(crate) mod read;
mod readiness_check;
pub(crate) mod render;
mod request;
mod residency;
mod resources;
mod run_once;
mod task_environment;
mod timestamp;
mod unreachable;
mod update;
mod upgrade;
mod volume;

pub use apply::scaled_by;
pub use backoff::Backoff;
pub use constraint::{Constraint, Operator, PREFERRED_PREFIX};
pub use container::{Container, Docker, Engine, Parameter};
pub use definition::{AppDefinition, KillSelection, VersionInfo};
pub use environment_value::EnvironmentValue;
pub use fetch::Artifact;
pub use health_check::{CheckedPort, HealthCheck, HealthProtocol};
pub use label_selector::{InvalidSelector, LabelSelector};
pub use network::Network;
pub use path_id::{ID_BYTES_MAX, InvalidPathId, PathId};
pub use port::{PortDefinition, PortMapping, Protocol};
pub use read::{Purpose, read};
pub use readiness_check::{ReadinessCheck, Scheme};
pub use request::{Change, change, changes, define, restore};
pub use residency::{Residency, TaskLostBehavior};
pub use resources::AppResources;
pub use run_once::RunOnce;
pub use task_environment::Place;
pub(crate) use task_environment::about;
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use unreachable::UnreachableStrategy;
pub use update::AppUpdate;
pub use upgrade::{CanarySize, CanaryStep, UpgradeStrategy};
pub use volume::{HostVolume, PersistentKind, PersistentVolume, ReadMode, SecretVolume, Volume};
