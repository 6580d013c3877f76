//! A whole cluster in one thread: the real cores of masters, agents and schedulers in a simulated world, with seeded
//! faults, and a checker that keeps books of its own.
//!
//! ```text
//!   schedulers ── framework_core::Session ──┐                 ┌── agent_core::Agent ── executors, tasks
//!   (behaviour)                             │    network      │        journal            (evidence)
//!                                           ├─────────────────┤
//!                                           │  master_core::Master ── read model
//!                                           │  coordination_core::Candidacy, Detection
//!                                           └───── ZooKeeper ─┘
//!   one queue of events · one seed · one record, whose bytes are the same for the same seed
//! ```
//!
//! **Architecture invariant:** nothing here does what a core does. The world moves messages, keeps disks and clocks, and
//! breaks things; the checker believes nobody.

pub mod agents;
pub mod behaviour;
pub mod brief;
pub mod chance;
pub mod checker;
pub mod coordination;
pub mod disk;
pub mod executors;
pub mod faults;
pub mod followers;
pub mod hosts;
pub mod interference;
pub mod kernel;
pub mod masters;
pub mod model;
pub mod network;
mod operators;
pub mod outbox;
pub mod queue;
pub mod record;
pub mod replay;
pub mod sabotage;
pub mod schedulers;
pub mod script;
pub mod settings;
pub mod show;
pub mod time;
pub mod violation;
pub mod world;
pub mod zookeeper;

pub use record::Record;
pub use settings::{Header, Settings};
pub use violation::{Invariant, Violation};
pub use world::World;
