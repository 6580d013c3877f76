//! Unpacking, never outside of the sandbox.

use flate2::read::GzDecoder;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

/// Unpacks an archive into the sandbox, by its file's name; other files are left alone. Gives what it made.
pub(super) fn unpack(archive: &Path, sandbox: &Path) -> io::Result<Vec<PathBuf>> {
    let name = archive.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".tar"]) {
        untar(File::open(archive)?, sandbox)
    } else if ends(&[".tar.gz", ".tgz"]) {
        untar(GzDecoder::new(File::open(archive)?), sandbox)
    } else if ends(&[".zip"]) {
        unzip(archive, sandbox)
    } else if ends(&[".gz"]) {
        let target = archive.with_extension("");
        io::copy(&mut GzDecoder::new(File::open(archive)?), &mut File::create(&target)?)?;
        Ok(vec![target])
    } else {
        Ok(Vec::new())
    }
}

fn untar(reader: impl Read, sandbox: &Path) -> io::Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    let mut archive = tar::Archive::new(reader);
    archive.set_preserve_permissions(true);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        inside(&path)?;
        if let Some(link) = entry.link_name()? {
            inside_from(&path, &link)?;
        }
        // It refuses by itself whatever would follow a link out of the sandbox.
        if !entry.unpack_in(sandbox)? {
            return Err(escape(&path));
        }
        made.push(sandbox.join(path));
    }
    Ok(made)
}

fn unzip(archive: &Path, sandbox: &Path) -> io::Result<Vec<PathBuf>> {
    let mut made = Vec::new();
    let mut zip = zip::ZipArchive::new(File::open(archive)?).map_err(io::Error::other)?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(io::Error::other)?;
        let path = entry.enclosed_name().ok_or_else(|| escape(Path::new("an entry")))?;
        let target = sandbox.join(&path);
        if entry.is_symlink() {
            return Err(escape(&path));
        }
        if entry.is_dir() {
            fs::create_dir_all(&target)?;
        } else {
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            io::copy(&mut entry, &mut File::create(&target)?)?;
        }
        if let Some(mode) = entry.unix_mode() {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&target, fs::Permissions::from_mode(mode & 0o7777))?;
        }
        made.push(target);
    }
    Ok(made)
}

fn inside(path: &Path) -> io::Result<()> {
    let normal = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if normal { Ok(()) } else { Err(escape(path)) }
}

/// Whether a link at `path` stays in the sandbox.
fn inside_from(path: &Path, link: &Path) -> io::Result<()> {
    let mut depth = path.components().count().saturating_sub(1);
    for part in link.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(escape(link)),
        }
    }
    Ok(())
}

fn escape(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} leads out of the sandbox", path.display()))
}
