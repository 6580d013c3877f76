//! What is mounted into a container.

/// An element of `container.volumes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Volume {
    /// A directory or file of the agent.
    Host(HostVolume),
    /// Disk that outlives the instance.
    Persistent(PersistentVolume),
    /// A secret as a file.
    Secret(SecretVolume),
}

/// A directory or file of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostVolume {
    /// Where in the container.
    pub container_path: String,
    /// Where on the agent.
    pub host_path: String,
    /// What the container may do with it.
    pub mode: ReadMode,
}

/// Disk that outlives the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistentVolume {
    /// Where in the container; relative to the sandbox.
    pub container_path: String,
    /// What the container may do with it.
    pub mode: ReadMode,
    /// What kind of disk.
    pub kind: PersistentKind,
    /// MiB.
    pub size: u64,
    /// `maxSize`, MiB.
    pub max_size: Option<u64>,
    /// `profileName`.
    pub profile_name: Option<String>,
    /// Constraints on the disk, as written.
    pub constraints: Vec<Vec<String>>,
}

/// A secret as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVolume {
    /// Where in the container.
    pub container_path: String,
    /// Its name in `secrets`.
    pub secret: String,
}

/// What a container may do with a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadMode {
    /// `RO`.
    ReadOnly,
    /// `RW`.
    #[default]
    ReadWrite,
}

/// What kind of disk a persistent volume is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersistentKind {
    /// `root`: a part of the agent's disk.
    #[default]
    Root,
    /// `path`: a part of another disk.
    Path,
    /// `mount`: a disk as a whole.
    Mount,
}

impl Volume {
    /// Where it is in the container.
    #[must_use]
    pub fn container_path(&self) -> &str {
        match self {
            Self::Host(volume) => &volume.container_path,
            Self::Persistent(volume) => &volume.container_path,
            Self::Secret(volume) => &volume.container_path,
        }
    }
}

impl ReadMode {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "RO",
            Self::ReadWrite => "RW",
        }
    }
}

impl PersistentKind {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Path => "path",
            Self::Mount => "mount",
        }
    }
}
