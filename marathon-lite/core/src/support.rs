//! What this server can do for apps. It comes from its configuration and from what the master offers.

/// What this server can do for apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// The framework's role.
    pub role: String,
    /// The network of apps that name none (`--default_network_name`).
    pub default_network_name: Option<String>,
    /// Whether persistent volumes can be made.
    pub persistent_volumes: bool,
    /// Whether graphics processors are given out.
    pub gpus: bool,
    /// Whether secrets can be looked up.
    pub secrets: bool,
    /// Service ports are given out from here on (`--local_port_min`).
    pub local_port_min: u16,
    /// And up to here (`--local_port_max`).
    pub local_port_max: u16,
}

impl Default for Support {
    fn default() -> Self {
        Self {
            role: "*".into(),
            default_network_name: None,
            persistent_volumes: false,
            gpus: true,
            secrets: true,
            local_port_min: 10_000,
            local_port_max: 20_000,
        }
    }
}
