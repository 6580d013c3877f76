//! Pods: containers that start, live and end together, as a task group.

mod container;
mod definition;
mod read;
mod read_container;
mod render;
mod task_environment;
mod validate;

pub use container::{Endpoint, Image, PodCommand, PodContainer, PodHealthCheck, PodProbe, VolumeMount};
pub use definition::{PodDefinition, PodVolume};
pub use read::{define, restore};
