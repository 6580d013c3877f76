//! Real clusters, one binary of tests so that it is linked once.

mod bad_input;
mod containers;
mod custom_executor;
mod discovery;
mod fetching;
mod full_disk;
mod gangs;
mod operating;
mod primes;
mod recovery;
mod tasks;
