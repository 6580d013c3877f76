//! Who a framework is, kept in a file for its next scheduler.

use crate::Error;
use proto_types::{ClusterId, FrameworkId};
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// The first line of such a file.
const HEADER: &str = "proffer framework 1";

/// A file that keeps a framework's id and its cluster's, each on a line.
#[derive(Debug, Clone)]
pub(crate) struct IdFile {
    path: PathBuf,
}

impl IdFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Who the framework is; none if there is no such file yet.
    pub(crate) fn read(&self) -> Result<Option<(FrameworkId, ClusterId)>, Error> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::IdFile { path: self.path.clone(), source }),
        };
        let content = |message: String| Error::IdFileContent { path: self.path.clone(), message };
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(content(format!("it does not begin with {HEADER:?}")));
        }
        let framework = FrameworkId::new(lines.next().unwrap_or_default());
        let cluster = ClusterId::new(lines.next().unwrap_or_default());
        let framework = framework.map_err(|error| content(format!("the framework's id {error}")))?;
        let cluster = cluster.map_err(|error| content(format!("the cluster's id {error}")))?;
        Ok(Some((framework, cluster)))
    }

    /// Keeps it; after this returns it outlives the machine.
    pub(crate) fn write(&self, framework: &FrameworkId, cluster: &ClusterId) -> Result<(), Error> {
        let text = format!("{HEADER}\n{framework}\n{cluster}\n");
        replace(&self.path, text.as_bytes()).map_err(|source| Error::IdFile { path: self.path.clone(), source })
    }

    /// Forgets it.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::IdFile { path: self.path.clone(), source: error })
            }
            _ => Ok(()),
        }
    }
}

/// Writes a file as a whole: a reader sees the old content or the new.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".new-{}", std::process::id()));
    let new = directory.join(name);
    let mut file = fs::File::create(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_framework_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = IdFile::new(directory.path().join("id"));
        assert!(file.read().unwrap().is_none());
        let (framework, cluster) = (FrameworkId::new("F-1").unwrap(), ClusterId::new("C-1").unwrap());
        file.write(&framework, &cluster).unwrap();
        assert_eq!(file.read().unwrap(), Some((framework, cluster)));
        file.remove().unwrap();
        assert!(file.read().unwrap().is_none());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn another_file_is_refused_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("id");
        fs::write(&path, "hello\n").unwrap();
        let error = IdFile::new(path).read().unwrap_err();
        assert!(error.to_string().contains("id is none of Proffer's"), "{error}");
    }
}
