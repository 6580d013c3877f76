//! Values of environment variables.

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentValue {
    /// This text.
    Plain(String),
    /// What the secret of this name (in `secrets`) holds.
    Secret(String),
}
