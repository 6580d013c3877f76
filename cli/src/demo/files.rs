//! The files that are worked on.

use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Directories that hold no work of people.
const PASSED_OVER: [&str; 3] = [".git", "target", "node_modules"];

/// A file and what it holds.
#[derive(Debug)]
pub(super) struct File {
    /// Its absolute path.
    pub(super) path: PathBuf,
    pub(super) content: Vec<u8>,
}

/// The files under a directory, or those of the repository that this is run in.
pub(super) fn find(directory: Option<&Path>) -> Result<Vec<File>> {
    let root = match directory {
        Some(directory) => directory.canonicalize().with_context(|| directory.display().to_string())?,
        None => std::env::current_dir().context("the current directory")?,
    };
    if !root.is_dir() {
        bail!("{} is no directory", root.display());
    }
    let listed = if directory.is_none() { versioned(&root) } else { None };
    let mut paths = match listed {
        Some(paths) => paths,
        None => walk(&root)?,
    };
    paths.sort();
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        // What is not text cannot be named in a command; what is no plain file has no content to check.
        let plain = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        if plain && path.to_str().is_some() {
            let content = fs::read(&path).with_context(|| path.display().to_string())?;
            files.push(File { path, content });
        }
    }
    if files.is_empty() {
        bail!("{} has no files", root.display());
    }
    Ok(files)
}

/// The files under version control; none if there is no such thing here.
fn versioned(root: &Path) -> Option<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().ok()?;
    if !output.status.success() || output.stdout.is_empty() {
        return None;
    }
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Some(names.filter_map(|name| std::str::from_utf8(name).ok()).map(|name| root.join(name)).collect())
}

fn walk(root: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
        for entry in entries {
            let entry = entry.with_context(|| directory.display().to_string())?;
            let kind = entry.file_type().with_context(|| entry.path().display().to_string())?;
            if kind.is_dir() && !PASSED_OVER.iter().any(|name| entry.file_name() == *name) {
                directories.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_and_links_are_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a/target")).unwrap();
        fs::write(root.join("a/one"), "1").unwrap();
        fs::write(root.join("a/target/two"), "2").unwrap();
        std::os::unix::fs::symlink(root, root.join("loop")).unwrap();
        let found = find(Some(root)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].content, b"1");
        assert!(find(Some(&root.join("a/one"))).is_err());
    }
}
