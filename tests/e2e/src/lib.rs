//! The harness of tests and benchmarks that run the real binary: it builds it, starts clusters of real processes on
//! free loopback ports in temporary directories, and leaves nothing behind.

pub mod binary;
pub mod cluster;
pub mod disk;
pub mod elected;
pub mod engine;
pub mod history;
pub mod https;
pub mod image;
pub mod process;
pub mod proxy;
pub mod relatives;
pub mod running;
pub mod scheduler;
pub mod wait;
pub mod world;
pub mod zookeeper;
