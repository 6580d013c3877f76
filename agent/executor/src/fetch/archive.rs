//! Unpacking, by the file's name.

use super::sandbox::Sandbox;
use flate2::read::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tar::EntryType;

/// Bits of a file's mode that an archive decides on: nothing becomes root's by being unpacked.
const MODE: u32 = 0o777;

/// Bytes of a link at most, as for the kernel.
const LINK_BYTES_MAX: u64 = 4096;

/// Unpacks an archive into the sandbox, by its name there; other files are left alone.
pub(super) fn unpack(archive: &Path, name: &Path, sandbox: &mut Sandbox<'_>) -> io::Result<()> {
    let lower = name.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ends = |ending: &str| lower.len() > ending.len() && lower.ends_with(ending);
    if ends(".tar") {
        untar(open(archive)?, sandbox)
    } else if ends(".tar.gz") || ends(".tgz") {
        untar(MultiGzDecoder::new(open(archive)?), sandbox)
    } else if ends(".zip") {
        unzip(archive, sandbox)
    } else if ends(".gz") {
        let mut file = sandbox.file(&name.with_extension(""))?;
        sandbox.fill(&mut file, &mut MultiGzDecoder::new(open(archive)?))
    } else {
        Ok(())
    }
}

fn open(archive: &Path) -> io::Result<io::BufReader<File>> {
    File::open(archive).map(|file| io::BufReader::with_capacity(1 << 16, file))
}

fn untar(reader: impl Read, sandbox: &mut Sandbox<'_>) -> io::Result<()> {
    // Directories get their modes last: some may not be written to then.
    let mut directories: Vec<(PathBuf, u32)> = Vec::new();
    for entry in tar::Archive::new(reader).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mode = entry.header().mode().unwrap_or(0o755) & MODE;
        match entry.header().entry_type() {
            EntryType::Directory => directories.push((sandbox.directory(&path)?, mode)),
            // Old archives know directories by their slash only.
            EntryType::Regular if entry.path_bytes().ends_with(b"/") => {
                directories.push((sandbox.directory(&path)?, mode));
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let mut file = sandbox.file(&path)?;
                sandbox.fill(&mut file, &mut entry)?;
                file.set_permissions(fs::Permissions::from_mode(mode))?;
                let since = entry.header().mtime().map(Duration::from_secs);
                if let Some(time) = since.ok().and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)) {
                    file.set_modified(time)?;
                }
            }
            EntryType::Symlink => sandbox.symlink(&path, &link(&entry, &path)?)?,
            EntryType::Link => sandbox.hard_link(&path, &link(&entry, &path)?)?,
            EntryType::XGlobalHeader | EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {}
            _ => return Err(refused(&path, "neither a file, a directory nor a link")),
        }
    }
    // The sandbox itself is not the archive's, though many begin with `./`.
    directories.retain(|(directory, _)| directory != sandbox.root());
    for (directory, mode) in directories.into_iter().rev() {
        fs::set_permissions(directory, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

fn link<R: Read>(entry: &tar::Entry<'_, R>, path: &Path) -> io::Result<PathBuf> {
    let link = entry.link_name()?.ok_or_else(|| refused(path, "a link to nothing"))?;
    Ok(link.into_owned())
}

fn unzip(archive: &Path, sandbox: &mut Sandbox<'_>) -> io::Result<()> {
    let mut zip = zip::ZipArchive::new(open(archive)?).map_err(io::Error::other)?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(io::Error::other)?;
        let path = PathBuf::from(entry.name().map_err(io::Error::other)?.as_ref());
        if entry.is_dir() {
            sandbox.directory(&path)?;
        } else if entry.is_symlink() {
            let mut link = String::new();
            entry.by_ref().take(LINK_BYTES_MAX).read_to_string(&mut link)?;
            sandbox.symlink(&path, Path::new(&link))?;
        } else {
            let mut file = sandbox.file(&path)?;
            sandbox.fill(&mut file, &mut entry)?;
            if let Some(mode) = entry.unix_mode() {
                file.set_permissions(fs::Permissions::from_mode(mode & MODE))?;
            }
        }
    }
    Ok(())
}

fn refused(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} is {what}", path.display()))
}
