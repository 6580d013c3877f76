//! Marathon in a small world: agents with resources, a master that accepts, a store that can lose its tail.

mod cluster;
mod crashes;
mod deployments;
mod failures;
mod requests;
mod world;
