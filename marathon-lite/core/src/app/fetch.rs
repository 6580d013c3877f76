//! What is fetched before an instance starts.

/// An element of `fetch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Where from.
    pub uri: String,
    /// Whether an archive is unpacked.
    pub extract: bool,
    /// Whether it is made executable.
    pub executable: bool,
    /// Whether the agent keeps a copy for the next instance.
    pub cache: bool,
    /// Its name in the sandbox; none: the last part of the address.
    pub dest_path: Option<String>,
}
