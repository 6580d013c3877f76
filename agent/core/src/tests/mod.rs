//! Tests of the whole core.

mod executors;
mod launches;
mod random;
mod recovery;
mod session;
mod updates;
mod world;
