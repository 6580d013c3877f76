//! An image for containers, made from a static busybox, since no registry may be assumed.

use anyhow::{Context, Result, bail};
use bollard::{Docker, query_parameters::ImportImageOptionsBuilder};
use bytes::Bytes;
use futures::StreamExt;
use std::path::Path;

/// The image's name.
pub const BUSYBOX: &str = "proffer-test/busybox:latest";

/// Whether tests with containers are to be left out, because the caller said that there is no engine.
#[must_use]
pub fn without_docker() -> bool {
    let without = std::env::var_os("PROFFER_TEST_NO_DOCKER").is_some();
    if without {
        eprintln!("PROFFER_TEST_NO_DOCKER is set: no containers in this test");
    }
    without
}

/// The engine.
///
/// # Errors
/// If none answers.
pub async fn engine() -> Result<Docker> {
    let docker = Docker::connect_with_unix_defaults().context("connect to the Docker engine")?;
    docker.ping().await.context("no Docker engine answers; set PROFFER_TEST_NO_DOCKER to leave containers out")?;
    Ok(docker)
}

/// Makes the busybox image, if it is not there.
///
/// # Errors
/// If the engine does not, or Debian's busybox-static is missing.
pub async fn busybox(docker: &Docker) -> Result<()> {
    if docker.inspect_image(BUSYBOX).await.is_ok() {
        return Ok(());
    }
    let layer = layer(Path::new("/bin/busybox"))?;
    let options = ImportImageOptionsBuilder::default().build();
    let archive = image_archive(&layer)?;
    let mut loading = docker.import_image(options, bollard::body_full(Bytes::from(archive)), None);
    while let Some(step) = loading.next().await {
        let step = step.context("load the image")?;
        if let Some(error) = step.error_detail {
            bail!("load the image: {error:?}");
        }
    }
    Ok(())
}

/// The file system: busybox under the names of what it can do.
fn layer(busybox: &Path) -> Result<Vec<u8>> {
    let program = std::fs::read(busybox).with_context(|| format!("read {}", busybox.display()))?;
    let mut tar = tar::Builder::new(Vec::new());
    for directory in ["bin/", "tmp/", "etc/", "mnt/"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o777);
        header.set_cksum();
        tar.append_data(&mut header, directory, std::io::empty()).context("add a directory")?;
    }
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    header.set_cksum();
    tar.append_data(&mut header, "bin/busybox", program.as_slice()).context("add busybox")?;
    for name in [
        "sh",
        "sleep",
        "true",
        "false",
        "echo",
        "cat",
        "httpd",
        "env",
        "ls",
        "gzip",
        "sha256sum",
        "kill",
        "nc",
        "id",
        "pwd",
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tar.append_link(&mut header, format!("bin/{name}"), "busybox").context("add a link")?;
    }
    tar.into_inner().context("finish the layer")
}

/// What `docker load` reads: one layer, a configuration and a manifest.
fn image_archive(layer: &[u8]) -> Result<Vec<u8>> {
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Env": ["PATH=/bin"], "Cmd": ["sh"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", sha256(layer)?)] },
    });
    let config = serde_json::to_vec(&config).context("write the configuration")?;
    let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": [BUSYBOX], "Layers": ["layer.tar"] }]);
    let manifest = serde_json::to_vec(&manifest).context("write the manifest")?;
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in [("layer.tar", layer), ("config.json", &config), ("manifest.json", &manifest)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, name, bytes).context("add to the image")?;
    }
    tar.into_inner().context("finish the image")
}

fn sha256(bytes: &[u8]) -> Result<String> {
    use sha2::Digest;
    Ok(sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
