//! Tests of the whole core.

mod executors;
mod launches;
mod recovery;
mod session;
mod updates;
mod world;
