//! Files of a sandbox that somebody wants to see.

use crate::TaskKey;

/// What is wanted of which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRequest {
    /// Whose sandbox.
    pub key: TaskKey,
    /// The path in the sandbox, which does not lead out of it; empty: the sandbox itself.
    pub path: String,
    /// What to do.
    pub action: FileAction,
    /// Where reading starts, in bytes; negative: so many before the end.
    pub offset: i64,
    /// How much is read at most, in bytes; none: all.
    pub length: Option<u64>,
}

/// What to do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAction {
    /// List a directory.
    List,
    /// Read a file to its present end.
    Read,
    /// Read a file, and what is appended until the task is over.
    Follow,
}

/// What a master asks an agent to open a stream for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenData {
    /// Comes back as the first message of the stream.
    pub token: String,
    /// What is wanted.
    pub request: FileRequest,
}
