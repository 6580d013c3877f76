//! The binary under test.

use anyhow::{Context, Result, bail};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// How the binary is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As the tests themselves.
    Dev,
    /// As users run it; for benchmarks.
    Release,
}

/// Names a binary that is built already, so that tests that are processes of their own need not each ask cargo.
const BUILT: &str = "PROFFER_TEST_BINARY";

/// The path of the binary, built once per process of the caller; or the one that the environment names.
///
/// # Errors
/// What cargo says if it does not build.
pub fn proffer(profile: Profile) -> Result<PathBuf> {
    static DEV: OnceLock<PathBuf> = OnceLock::new();
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    let built = match profile {
        Profile::Dev => &DEV,
        Profile::Release => &RELEASE,
    };
    if let Some(path) = built.get() {
        return Ok(path.clone());
    }
    if let Some(path) = std::env::var_os(BUILT).filter(|_| profile == Profile::Dev) {
        return Ok(PathBuf::from(path));
    }
    let path = build("proffer", profile)?;
    Ok(built.get_or_init(|| path).clone())
}

/// The path of a sample framework's binary: beside the one that the environment names, or built as the tests themselves.
///
/// # Errors
/// What cargo says if it does not build.
pub fn sample(package: &str) -> Result<PathBuf> {
    let beside = std::env::var_os(BUILT).map(|built| PathBuf::from(built).with_file_name(package));
    match beside.filter(|path| path.exists()) {
        Some(path) => Ok(path),
        None => build(package, Profile::Dev),
    }
}

fn build(package: &str, profile: Profile) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Built together with the main binary, a sample has its dependencies from it.
    command
        .args(["build", "--package", "proffer", "--package", package, "--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    match profile {
        Profile::Dev => command.args(["--features", "proffer/sabotage"]),
        Profile::Release => command.arg("--release"),
    };
    let output = command.output().context("start cargo")?;
    if !output.status.success() {
        bail!("cargo build of {package} failed: {}", output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == package)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    executable.context("cargo named no executable")
}
