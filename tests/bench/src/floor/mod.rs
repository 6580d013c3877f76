//! What the machine itself can do: the peers that figures are compared with, measured in the same run.

pub(crate) mod echo;
pub(crate) mod engine;
pub(crate) mod xargs;
