//! Who a framework is, kept in a file or, with the feature `zookeeper`, in ZooKeeper, for its next scheduler.

use crate::Error;
use proffer_proto::storage::v1;
use prost::Message as _;
use proto_types::{ClusterId, FrameworkId};
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// The format that this version writes, and the highest it reads.
const FORMAT: u32 = 1;

/// Who a framework is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) framework: FrameworkId,
    pub(crate) cluster: ClusterId,
    /// Of the last scheduler.
    pub(crate) incarnation: u64,
}

/// What keeps it.
#[derive(Debug, Clone)]
pub(crate) enum Keeper {
    File(IdFile),
    #[cfg(feature = "zookeeper")]
    Node(IdNode),
}

impl Keeper {
    /// Who the framework is, where only asking over the network tells; none: it is not kept, or was read before.
    pub(crate) async fn ask(&self) -> Result<Option<Identity>, Error> {
        match self {
            Self::File(_) => Ok(None),
            #[cfg(feature = "zookeeper")]
            Self::Node(node) => node.read().await,
        }
    }

    /// Keeps it; after this it outlives the machine.
    pub(crate) async fn keep(&self, identity: &Identity) -> Result<(), Error> {
        match self {
            Self::File(file) => file.write(identity),
            #[cfg(feature = "zookeeper")]
            Self::Node(node) => node.0.write(encode(identity)).await.map_err(Error::IdNode),
        }
    }

    /// Forgets it.
    pub(crate) async fn forget(&self) -> Result<(), Error> {
        match self {
            Self::File(file) => file.remove(),
            #[cfg(feature = "zookeeper")]
            Self::Node(node) => node.0.remove().await.map_err(Error::IdNode),
        }
    }
}

/// A node of ZooKeeper that keeps it.
#[cfg(feature = "zookeeper")]
#[derive(Debug, Clone)]
pub(crate) struct IdNode(coordination::Node);

#[cfg(feature = "zookeeper")]
impl IdNode {
    pub(crate) fn new(address: &str) -> Result<Self, Error> {
        let wrong = |error: coordination::InvalidAddress| Error::IdAddress { message: error.to_string() };
        Ok(Self(coordination::Node::new(address.parse().map_err(wrong)?)))
    }

    async fn read(&self) -> Result<Option<Identity>, Error> {
        let Some(bytes) = self.0.read().await.map_err(Error::IdNode)? else { return Ok(None) };
        let foreign = |message| Error::IdFileContent { path: PathBuf::from(self.0.address()), message };
        decode(&bytes).map(Some).map_err(foreign)
    }
}

/// A file that keeps it.
#[derive(Debug, Clone)]
pub(crate) struct IdFile {
    path: PathBuf,
}

impl IdFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Who the framework is; none if there is no such file yet.
    pub(crate) fn read(&self) -> Result<Option<Identity>, Error> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::IdFile { path: self.path.clone(), source }),
        };
        decode(&bytes).map(Some).map_err(|message| Error::IdFileContent { path: self.path.clone(), message })
    }

    /// Keeps it; after this returns it outlives the machine.
    pub(crate) fn write(&self, identity: &Identity) -> Result<(), Error> {
        replace(&self.path, &encode(identity)).map_err(|source| Error::IdFile { path: self.path.clone(), source })
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

fn encode(identity: &Identity) -> Vec<u8> {
    let header = v1::Header { cluster_id: identity.cluster.to_string(), format: FORMAT, minimum_reader: FORMAT };
    let (framework_id, incarnation) = (identity.framework.to_string(), identity.incarnation);
    v1::FrameworkIdentity { header: Some(header), framework_id, incarnation }.encode_to_vec()
}

fn decode(bytes: &[u8]) -> Result<Identity, String> {
    let stored = v1::FrameworkIdentity::decode(bytes).map_err(|error| error.to_string())?;
    let header = stored.header.ok_or("it has no header")?;
    if header.minimum_reader > FORMAT {
        return Err(format!("it is of format {}, this version reads up to {FORMAT}", header.format));
    }
    let framework = FrameworkId::new(stored.framework_id).map_err(|error| format!("the framework's id {error}"))?;
    let cluster = ClusterId::new(header.cluster_id).map_err(|error| format!("the cluster's id {error}"))?;
    Ok(Identity { framework, cluster, incarnation: stored.incarnation })
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
        let identity = Identity { framework, cluster, incarnation: 7 };
        file.write(&identity).unwrap();
        assert_eq!(file.read().unwrap(), Some(identity));
        file.remove().unwrap();
        assert!(file.read().unwrap().is_none());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn another_file_is_refused_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("id");
        for content in ["hello\n", ""] {
            fs::write(&path, content).unwrap();
            let error = IdFile::new(path.clone()).read().unwrap_err();
            assert!(error.to_string().contains("id is none of Proffer's"), "{error}");
        }
    }
}
