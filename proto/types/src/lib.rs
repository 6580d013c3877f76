//! The vocabulary of Proffer: what masters, agents, executors and frameworks talk about, as plain values.
//!
//! **Architecture invariant:** nothing here knows the wire, the disk, a clock or chance. Construction validates;
//! a value that exists is well formed.

pub mod agent;
pub mod attributes;
pub mod constraints;
pub mod container;
pub mod executing;
pub mod files;
pub mod framework;
pub mod health;
pub mod ids;
pub mod link;
pub mod offer;
pub mod reconcile;
pub mod registry;
pub mod resources;
pub mod scheduling;
pub mod status;
pub mod task;
pub mod time;
pub mod verdict;
pub mod weight;

pub use agent::AgentInfo;
pub use attributes::{Attribute, Attributes};
pub use framework::FrameworkInfo;
pub use ids::{
    AgentId, ClusterId, Epoch, ExecutorId, FrameworkId, OfferId, Principal, RequestId, Role, SessionId, TaskId,
};
pub use offer::{Filters, Offer};
pub use resources::{Resource, ResourceName, Resources, Scalar};
pub use status::{TaskStatus, UpdateId};
pub use task::{TaskInfo, TaskKey, TaskState};
pub use time::Now;
pub use verdict::{Rejection, RejectionKind};

/// Free-form names and values that travel with a thing and mean nothing to the cluster.
pub type Labels = std::collections::BTreeMap<String, String>;
