//! Real clusters, one binary of tests so that it is linked once.

mod bad_input;
mod containers;
mod custom_executor;
mod discovery;
mod fetching;
mod gangs;
mod primes;
mod recovery;
mod tasks;
