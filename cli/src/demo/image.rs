//! An image for containers, made of files of this machine: no registry is needed.

use super::say;
use anyhow::{Context, Result, bail};
use bollard::{
    Docker, body_full,
    query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions},
};
use bytes::Bytes;
use futures::StreamExt;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};
use tokio::time::timeout;

/// The programs that the image holds, beside this one.
const PROGRAMS: [&str; 3] = ["sh", "gzip", "sha256sum"];
/// The image's name without its tag.
const NAME: &str = "proffer-demo";
/// How long an engine may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The image, or why there is none.
#[derive(Debug)]
pub(super) enum Image {
    Ready { name: String, engine: Docker },
    Missing(String),
}

impl Image {
    /// Makes the image if an engine answers.
    pub(super) async fn prepare() -> Self {
        match make().await {
            Ok(image) => image,
            Err(error) => Self::Missing(format!("{error:#}")),
        }
    }

    /// Removes it.
    pub(super) async fn remove(&self) {
        if let Self::Ready { name, engine } = self
            && let Err(error) = engine.remove_image(name, None::<RemoveImageOptions>, None).await
        {
            say(&format!("the image {name} could not be removed: {error}"));
        }
    }
}

async fn make() -> Result<Image> {
    let engine = Docker::connect_with_unix_defaults().context("no engine")?;
    timeout(PATIENCE, engine.ping()).await.context("the engine does not answer")?.context("no engine answers")?;
    let archive = archive()?;
    let size = archive.len();
    let tag = uuid::Uuid::new_v4().simple().to_string();
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(NAME).tag(&tag).build();
    let mut steps = engine.create_image(Some(options), Some(body_full(Bytes::from(archive))), None);
    while let Some(step) = steps.next().await {
        let step = step.context("the engine could not make the image")?;
        if let Some(error) = step.error_detail {
            bail!("the engine could not make the image: {}", error.message.unwrap_or_default());
        }
    }
    let name = format!("{NAME}:{tag}");
    say(&format!("made the image {name} of {} KiB from files of this machine", size / 1024));
    drop(steps);
    Ok(Image::Ready { name, engine })
}

/// The image's file system: the programs and the libraries that they load.
fn archive() -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut added = BTreeSet::new();
    for directory in ["bin", "lib", "lib64", "tmp"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        tar.append_data(&mut header, format!("{directory}/"), std::io::empty()).context("image")?;
    }
    let own = env::current_exe().context("this program's own path")?;
    let mut programs = vec![("proffer".to_owned(), own)];
    for name in PROGRAMS {
        programs.push((name.to_owned(), find_program(name)?));
    }
    for (name, program) in programs {
        add(&mut tar, &mut added, &program, Path::new("bin").join(name))?;
        for library in libraries(&program)? {
            let inside = library.strip_prefix("/").unwrap_or(&library).to_owned();
            add(&mut tar, &mut added, &library, inside)?;
        }
    }
    tar.into_inner().context("image")
}

fn add(tar: &mut tar::Builder<Vec<u8>>, added: &mut BTreeSet<PathBuf>, source: &Path, inside: PathBuf) -> Result<()> {
    if !added.insert(inside.clone()) {
        return Ok(());
    }
    let content = fs::read(source).with_context(|| source.display().to_string())?;
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, &inside, content.as_slice()).with_context(|| inside.display().to_string())
}

/// Where a program is, by `PATH`.
fn find_program(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(name)).find(|candidate| candidate.is_file());
    found.with_context(|| format!("this machine has no {name}"))
}

/// The libraries that a program loads, its loader among them: the loader itself says which.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let content = fs::read(program).with_context(|| program.display().to_string())?;
    let Some(loader) = interpreter(&content) else { return Ok(Vec::new()) };
    let output = Command::new(&loader)
        .arg("--list")
        .arg(program)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{} --list {}", loader.display(), program.display()))?;
    if !output.status.success() {
        bail!("{} cannot list the libraries of {}", loader.display(), program.display());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut libraries: Vec<PathBuf> = text.lines().filter_map(library).collect();
    libraries.push(loader);
    Ok(libraries)
}

/// The path in a line such as `libc.so.6 => /lib/libc.so.6 (0x7f…)`.
fn library(line: &str) -> Option<PathBuf> {
    line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from)
}

/// The loader that an ELF program names; none if it is static.
fn interpreter(content: &[u8]) -> Option<PathBuf> {
    const PROGRAM_INTERPRETER: u32 = 3;
    let number = |offset: usize, bytes: usize| -> Option<u64> {
        let field = content.get(offset..offset.checked_add(bytes)?)?;
        Some(field.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    // 64 bit, little-endian: all that Proffer runs on.
    if content.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, entry, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        let header = usize::try_from(table.checked_add(index * entry)?).ok()?;
        if number(header, 4)? == u64::from(PROGRAM_INTERPRETER) {
            let start = usize::try_from(number(header + 8, 8)?).ok()?;
            let length = usize::try_from(number(header + 32, 8)?).ok()?;
            let path = content.get(start..start.checked_add(length)?)?;
            let path = path.split(|byte| *byte == 0).next()?;
            return Some(PathBuf::from(std::str::from_utf8(path).ok()?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_names_the_libraries() {
        assert_eq!(library("\tlibc.so.6 => /lib/libc.so.6 (0x1)"), Some(PathBuf::from("/lib/libc.so.6")));
        assert_eq!(library("\tlinux-vdso.so.1 (0x1)"), None);
        assert_eq!(interpreter(b"#!/bin/sh"), None);
        assert_eq!(interpreter(b"\x7fELF\x02\x01"), None, "cut short");
        let own = fs::read(env::current_exe().unwrap()).unwrap();
        if let Some(loader) = interpreter(&own) {
            assert!(loader.is_file(), "{}", loader.display());
        }
    }
}
