//! What each instance gets.

use proto_types::Scalar;

/// What one instance gets, besides ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppResources {
    /// Processors.
    pub cpus: Scalar,
    /// Memory, MiB.
    pub mem: Scalar,
    /// Disk, MiB.
    pub disk: Scalar,
    /// Graphics processors, whole ones.
    pub gpus: u32,
}

impl Default for AppResources {
    fn default() -> Self {
        Self { cpus: Scalar::from_units(1), mem: Scalar::from_units(128), disk: Scalar::ZERO, gpus: 0 }
    }
}
