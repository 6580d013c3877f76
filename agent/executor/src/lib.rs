//! The built-in executor.

pub mod layout;
