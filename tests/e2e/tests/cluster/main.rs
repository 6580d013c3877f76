//! Real clusters, one binary of tests so that it is linked once.

mod bad_input;
mod containers;
mod discovery;
mod gangs;
mod recovery;
mod tasks;
